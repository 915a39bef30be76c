"""Mutation check of what must be exact, run by `dev.py mutants`: one small change of the code at a time, each of which
some test has to notice.

mutmut makes the changes, all of them in one copy of the package, behind a switch. pytest imports that copy once in each
of a few processes and forks for every mutant (`mutants_worker`), so that a mutant costs its tests and little more.
"""

import argparse
import contextlib
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mutmut.mutation.file_mutation import MutatedFile, mutate_file_contents

ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = ROOT / "tools/equivalent_mutants.toml"
COPIED = ("tertulia", "tests", "tools", "pyproject.toml")
REQUIRED = 0.85  # of the mutants of each group
NOTICED = {"killed", "timeout"}


@dataclass(frozen=True, slots=True)
class Group:
    """Modules, and the tests that are to notice every change of them."""

    modules: Sequence[str]
    tests: Sequence[str]


GROUPS = {
    "quota": Group(["accounts/quota.py"], ["accounts/test_quota.py", "accounts/test_granting.py"]),
    "access": Group(
        ["characters/access.py", "chat/access.py", "quotes/access.py"],
        ["characters/test_access.py", "chat/test_access.py", "quotes/test_access.py"],
    ),
    "log": Group(["chat/generation/log.py"], ["chat/test_log.py"]),
    "tail": Group(["chat/generation/tail.py"], ["chat/test_tail.py"]),
    "idempotency": Group(["chat/generation/start.py"], ["chat/test_start.py"]),
    "tokens": Group(["accounts/tokens.py"], ["accounts/test_tokens.py"]),
    "events": Group(["chat/generation/events.py"], ["chat/test_events.py"]),
    "tree": Group(["chat/tree.py"], ["chat/test_tree.py"]),
    "ids": Group(["core/ids.py"], ["core/test_ids.py"]),
}


@dataclass(slots=True)
class Mutant:
    """One change: instead of the line `was` there is `becomes`; `name` is mutmut's.

    `fate` is killed, timeout, crashed, survived, untested or equivalent; `by` the test that noticed the change.
    """

    name: str
    group: str
    function: str
    was: str
    becomes: str
    fate: str = "survived"
    by: str = ""

    @property
    def switch(self) -> str:
        """As mutmut names the function, when it is called."""
        return self.name.partition("__mutmut_")[0]

    def __str__(self) -> str:
        return f"{self.name}: {self.fate}\n- {self.was}\n+ {self.becomes}"


def main() -> None:
    options = _options()
    groups = {name: GROUPS[name] for name in options.groups or GROUPS}
    with tempfile.TemporaryDirectory(prefix="tertulia-mutants-") as folder:
        run = Run(Path(folder), groups, options.processes)
        mutants = run.make()
        excuse(mutants)
        mutants = [mutant for mutant in mutants if options.only in str(mutant)]
        if options.again:
            mutants = survivors(mutants, options.again)
        run.judge([mutant for mutant in mutants if mutant.fate != "equivalent"])
    if options.report:
        options.report.write_text("".join(json.dumps(asdict(mutant)) + "\n" for mutant in mutants))
    report(mutants)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py mutants", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all by default")
    parser.add_argument("--only", default="", help="the mutants whose name or change holds this text")
    parser.add_argument("--again", type=Path, help="only what survived by this report of an earlier run")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--report", type=Path, help="a file for every mutant's fate, as JSON lines")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no group is called {', '.join(unknown)}")
    return options


# --- Making the mutants ---------------------------------------------------------------------------------------------


def mutated(path: Path, group: str) -> list[Mutant]:
    """Replace a module by one that holds all its mutants."""
    made = mutate_file_contents(str(path), path.read_text())
    path.write_text(made.code)
    lines = made.code.splitlines()
    return [_mutant(path, group, made, lines, name) for name in made.mutant_names]


def _mutant(path: Path, group: str, made: MutatedFile, lines: Sequence[str], name: str) -> Mutant:
    mangled = name.partition("__mutmut_")[0]
    module = ".".join(path.with_suffix("").parts)
    function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    was, becomes = _change(*(_lines_of(made, lines, each) for each in (f"{mangled}__mutmut_orig", name)))
    return Mutant(f"{module}.{name}", group, f"{module}.{function}", was, becomes)


def _lines_of(made: MutatedFile, lines: Sequence[str], function: str) -> list[str]:
    span = made.line_span_by_function_name[function]
    return [line.strip().replace(function, "") for line in lines[span.start - 1 : span.end]]


def _change(original: Sequence[str], mutant: Sequence[str]) -> tuple[str, str]:
    """The lines that go and those that come, each as one."""
    differing = [line for line in difflib.ndiff(original, mutant) if line[0] in "-+"]
    was, becomes = (" ".join(line[2:] for line in differing if line[0] == sign) for sign in "-+")
    return was, becomes


def excuse(mutants: Iterable[Mutant]) -> None:
    """Mark the mutants that are listed as such that no test can notice; raises SystemExit for an entry without one."""
    by_change = {(mutant.function, mutant.was, mutant.becomes): mutant for mutant in mutants}
    functions = {mutant.function for mutant in mutants}
    for entry in tomllib.loads(EQUIVALENT.read_text())["equivalent"]:
        for becomes in entry["becomes"] if entry["function"] in functions else []:
            mutant = by_change.get((entry["function"], entry["was"], becomes))
            if mutant is None:
                raise SystemExit(f"{EQUIVALENT.name}: {entry['function']} has no mutant {becomes!r}")
            mutant.fate = "equivalent"


def survivors(mutants: Iterable[Mutant], report: Path) -> list[Mutant]:
    """Those of the mutants that an earlier report has no test for."""
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    fates = {(line["function"], line["was"], line["becomes"]): line["fate"] for line in lines}
    return [each for each in mutants if fates.get((each.function, each.was, each.becomes)) not in NOTICED]


# --- Judging them ---------------------------------------------------------------------------------------------------


class Run:
    """A copy of the tree that holds all mutants, and the processes that judge them."""

    def __init__(self, folder: Path, groups: dict[str, Group], processes: int) -> None:
        self._folder = folder
        self._groups = groups
        self._processes = processes

    def make(self) -> list[Mutant]:
        """Copy the tree and write the mutants into the copy."""
        for name in COPIED:
            source, target = ROOT / name, self._folder / name
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy2(source, target)
        with contextlib.chdir(self._folder):  # where mutmut looks for its settings
            modules = [(module, name) for name, group in self._groups.items() for module in group.modules]
            return [each for module, name in modules for each in mutated(Path("tertulia", module), name)]

    def judge(self, mutants: Sequence[Mutant]) -> None:
        """Learn which tests come by which function, and run those against each mutant."""
        print(f"{len(mutants)} mutants; first their tests without any", flush=True)
        calls = self._work([{"mutant": "stats", "tests": None}], 1)
        plan = []
        for mutant in mutants:
            tests = self._tests_of(mutant, calls)
            plan += [{"mutant": mutant.name, "tests": tests}] if tests else []
            mutant.fate = "survived" if tests else "untested"
        random.Random(1).shuffle(plan)  # noqa: S311  (so that no process gets all of a slow function)
        by_name = {mutant.name: mutant for mutant in mutants}
        for line in self._work(plan, self._processes):
            by_name[line["mutant"]].fate, by_name[line["mutant"]].by = line["fate"], line["by"]

    def _tests_of(self, mutant: Mutant, calls: Sequence[Any]) -> dict[str, float]:
        """The tests of the group that call the function, with their seconds, the quickest first."""
        mine = tuple(f"tests/{test}::" for test in self._groups[mutant.group].tests)
        calling = [
            call for call in calls if call["test"].startswith(mine) and mutant.switch in call["functions"]
        ]
        return {call["test"]: call["seconds"] for call in sorted(calling, key=lambda call: call["seconds"])}

    def _work(self, plan: Sequence[Any], processes: int) -> list[Any]:
        """What the workers write down for the steps of the plan."""
        files = sorted({f"tests/{test}" for group in self._groups.values() for test in group.tests})
        workers = [Worker(self._folder, files, plan[number::processes]) for number in range(processes)]
        try:
            while sum(worker.is_running() for worker in workers):
                time.sleep(1)
                _show_progress([line for worker in workers for line in worker.results()], len(plan))
        finally:
            for worker in workers:
                worker.stop()
        return [line for worker in workers for line in worker.results()]


# A failure is told briefly: most of the time of a killed mutant went into the telling.
_PYTEST = ("-x", "-q", "-s", "--tb=native", "-p", "no:schemathesis", "-p", "tools.mutants_worker")


class Worker:
    """A pytest process that works a plan off."""

    def __init__(self, tree: Path, files: Sequence[str], plan: Sequence[Any]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="worker-", dir=tree))
        (self._folder / "plan.json").write_text(json.dumps(plan))
        self._log = self._folder / "log"
        command = [sys.executable, "-m", "pytest", *_PYTEST, *files]
        places = {"TMPDIR": str(self._folder), "MUTANTS": str(self._folder), "PYTHONPATH": str(tree)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=tree, env=os.environ | places, stdout=log, stderr=log
            )

    def is_running(self) -> bool:
        """Raises SystemExit with its words when it failed."""
        status = self._process.poll()
        if status:
            raise SystemExit(self._log.read_text(errors="replace")[-4000:])
        return status is None

    def results(self) -> list[Any]:
        """A JSON object for each line that is complete."""
        file = self._folder / "results.jsonl"
        complete = file.read_text().rpartition("\n")[0] if file.exists() else ""
        return [json.loads(line) for line in complete.splitlines()]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def _show_progress(results: Sequence[Any], total: int) -> None:
    if total > 1 and sys.stdout.isatty():
        survived = sum(line["fate"] == "survived" for line in results)
        print(f"\r{len(results)} of {total}, {survived} survived ", end="", flush=True)


# --- The report -----------------------------------------------------------------------------------------------------


def report(mutants: Sequence[Mutant]) -> None:
    """Print the survivors and every group's score; raises SystemExit where one is too low."""
    print(*(f"\n{mutant}" for mutant in mutants if mutant.fate not in NOTICED | {"equivalent"}), sep="\n")
    by_group: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant in mutants:
        by_group[mutant.group][mutant.fate] += 1
    for name, fates in by_group.items():
        counts = ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items()))
        print(f"{name:12} {_score(fates):6.1%}   {counts}")
    if too_low := [name for name, fates in by_group.items() if _score(fates) < REQUIRED]:
        raise SystemExit(f"below {REQUIRED:.0%}: {', '.join(too_low)}")


def _score(fates: Counter[str]) -> float:
    """The share that was noticed, of those that can be."""
    possible = fates.total() - fates["equivalent"]
    return sum(fates[fate] for fate in NOTICED) / possible if possible else 1.0


if __name__ == "__main__":
    main()
