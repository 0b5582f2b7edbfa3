"""What was found, as a table, as JSON, and as a picture; and on which machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from pathlib import Path
from typing import Any

from bench import chart
from bench.peers import Nginx, NodeTus
from bench.rounds import Found, Run


def machine() -> dict[str, Any]:
    """What it ran on, and how busy that was before."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "node": node.stdout.strip().lstrip("v"),
        "load_before": os.getloadavg(),
    }


def how_it_went(run: Run) -> dict[str, Any]:
    """The load at the end, and the versions of all servers."""
    versions = {name: each.version for name, each in run.servers.items()}
    return {"load_after": os.getloadavg(), "versions": versions, "missing": run.missing}


def _ratio(run: Run, found: Found, other: str) -> float | None:
    """The median of the rounds' ratios: what slowed a whole round down is not in it."""
    beside = run.found.get((found.measure.name, other))
    if beside is None:
        return None
    pairs = zip(found.values, beside.values, strict=True)
    return round(statistics.median(own / others for own, others in pairs), 2)


def _row(run: Run, found: Found) -> dict[str, Any]:
    return {
        "measure": found.measure.name,
        "server": found.server,
        "unit": found.measure.unit,
        "median": round(found.median, 2),
        "low": round(min(found.values), 2),
        "high": round(max(found.values), 2),
        "to_nginx": _ratio(run, found, Nginx.name),
        "to_tus_server": _ratio(run, found, NodeTus.name),
        "cpu_seconds_per_gib": round(statistics.median(found.cpu), 2) if found.cpu else None,
        "grown_mib": round(max(found.grown)) if found.grown else None,
        "values": [round(each, 3) for each in found.values],
    }


def rows(run: Run) -> list[dict[str, Any]]:
    """By measure, in the order in which they are taken."""
    order = list(dict.fromkeys(name for name, _ in run.found))
    found = sorted(run.found.values(), key=lambda each: order.index(each.measure.name))
    return [_row(run, each) for each in found]


HEADINGS = (
    "median",
    "low",
    "high",
    "to_nginx",
    "to_tus_server",
    "cpu_seconds_per_gib",
    "grown_mib",
)
SHOWN = ("median", "low", "high", ": nginx", ": @tus", "CPU s/GiB", "+ MiB")


def print_table(run: Run) -> None:
    print(f"\n{'':44} {' '.join(f'{each:>9}' for each in SHOWN)}")
    before = None
    for row in rows(run):
        if row["measure"] != before:
            before = row["measure"]
            print(f"{before}, {row['unit']}")
        cells = ("–" if row[name] is None else row[name] for name in HEADINGS)
        print(f"    {row['server']:40} {' '.join(f'{each!s:>9}' for each in cells)}")
    for name, why in run.missing.items():
        print(f"    {name:40} missing: {why}")


def write(run: Run, about: dict[str, Any], folder: Path) -> None:
    """latest.json and latest.svg in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found = rows(run)
    text = json.dumps({"machine": about, "rows": found}, indent=1, ensure_ascii=False)
    (folder / "latest.json").write_text(text + "\n")
    (folder / "latest.svg").write_text(chart.drawn(found, about))
