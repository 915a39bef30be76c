"""`python -m benchmarks.seed WHAT ARGUMENT…`: calls a function of `seeding` in the instance of its environment, and
writes to standard output, as JSON, what a client has to know of the rows.
"""

import json
import os
import sys

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tertulia.config.settings")
    django.setup()
    from benchmarks.seeding import WHAT  # noqa: PLC0415  (it imports models, which exist after the set-up)

    print(json.dumps(WHAT[sys.argv[1]](*sys.argv[2:])))


main()
