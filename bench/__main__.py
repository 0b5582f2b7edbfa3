"""`make bench`: the portal's real route beside the servers that people would pick instead.

Ratios are what counts: times differ from machine to machine and from hour to hour. Prints a table,
and writes docs/bench/latest.json and .svg. QUICK=1: less to send, two rounds, and into var/bench.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bench import report
from bench.rounds import one_round, prepared

ROOT = Path(__file__).parents[1]


def main() -> None:
    quick = bool(os.environ.get("QUICK"))
    machine = report.machine()
    with (
        tempfile.TemporaryDirectory(prefix="portal-bench-", dir=ROOT) as folder,
        prepared(Path(folder), quick) as run,
    ):
        for number in range(2 if quick else 5):
            one_round(run)
            print(f"round {number + 1} is done", flush=True)
    machine |= report.how_it_went(run)
    report.print_table(run)
    report.write(run, machine, ROOT / ("var/bench" if quick else "docs/bench"))


if __name__ == "__main__":
    main()
