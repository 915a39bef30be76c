"""What a worker process may use, set by itself before it touches a recording; the workers call it."""

import os
import sys

# Behind the server's own process, whose streams cannot wait; more would starve it on a busy machine.
_NICENESS = 5
# Engine, model, 25 MB of recording and its samples fit well; a container that asks for more gets an error.
MEMORY_BYTES = 1_500_000_000

if sys.platform == "win32":

    def bound(*, cpu_seconds: int) -> None:
        """There are no such limits there; the parent's deadlines remain."""

    def give_way() -> None:
        """Nor this one."""

    def seal() -> None:
        """Nor this one."""

else:
    import resource

    def bound(*, cpu_seconds: int) -> None:
        """Limit memory, processor time and files: a decoder that loops dies even if its parent has."""
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, hard))

    def give_way() -> None:
        """Let everybody else compute first."""
        os.nice(_NICENESS)

    def seal() -> None:
        """From here on no file, socket or pipe can be opened, whatever a recording talks a decoder into.

        What is open stays usable: the limit counts new descriptors.
        """
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
