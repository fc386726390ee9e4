"""Summary after the tests: the time of each notebook, and its slowest cell."""

import re
from collections import defaultdict

# The site has separate tests, which need more packages.
collect_ignore = ["site"]


def pytest_terminal_summary(terminalreporter):
    """Print the seconds of each notebook, lessons first; the start of a kernel counts as part of its first cell."""
    cells = defaultdict(lambda: defaultdict(float))
    for report in (report for several in terminalreporter.stats.values() for report in several):
        found = re.search(r"notebooks/((?:solutions/)?[^/]+\.ipynb)::Cell (\d+)", getattr(report, "nodeid", ""))
        if found:
            cells[found[1]][int(found[2]) + 1] += getattr(report, "duration", 0)
    if not cells:
        return
    terminalreporter.section("time of each notebook, in seconds")
    width = max(map(len, cells))
    for name in sorted(cells, key=lambda name: (name.startswith("solutions/"), name)):
        slowest = max(cells[name], key=cells[name].get)
        took = f"{sum(cells[name].values()):6.1f}"
        terminalreporter.line(f"{took}  {name:{width}}  slowest cell [{slowest}] {cells[name][slowest]:.1f}")
    for what, solved in (("lessons", False), ("solutions", True)):
        times = [sum(times.values()) for name, times in cells.items() if name.startswith("solutions/") == solved]
        if times:
            terminalreporter.line(f"{sum(times):6.1f}  all {len(times)} {what}")
