from benchmarks.report import Report


async def measure(report: Report, only: frozenset[str]) -> None: ...
