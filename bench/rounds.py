"""Rounds: every server takes its turn in each measure before the next round begins.

So a slow minute of the machine hits all of them, and ratios stay true.
"""

from __future__ import annotations

import base64
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import measures, peers
from bench.load import Load
from bench.measures import GIB, MIB, Bench, Measure
from bench.peers import Copyparty, Nginx
from bench.portal import Relaxed, Strict, sound
from bench.server import Server


@dataclass
class Found:
    """What one server reached in one measure: of each round the figure, the CPU seconds per GiB,
    and by how many MiB its memory grew at most."""

    measure: Measure
    server: str
    values: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    grown: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass
class Run:
    """All of it. `missing`: peers that are not here, and why."""

    bench: Bench
    servers: dict[str, Server] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    found: dict[tuple[str, str], Found] = field(default_factory=dict)

    def measure(self, measure: Measure, name: str) -> None:
        key = (measure.name, name)
        found = self.found.setdefault(key, Found(measure, name))
        server: Any = self.servers.get(name)
        if server is None:
            found.values.append(measure.act(self.bench, server))
            return
        before = server.begin_measuring()
        found.values.append(measure.act(self.bench, server))
        after = server.used()
        found.grown.append(after.memory - before.memory)
        if measure.gib:
            found.cpu.append((after.cpu - before.cpu) / measure.gib(self.bench))


@contextmanager
def prepared(folder: Path, quick: bool) -> Iterator[Run]:
    """All servers are up and have the content to serve."""
    content = sound(folder / "sound.wav", GIB)
    (folder / "base64").write_bytes(base64.b64encode(bytes(MIB)))
    big, small = (256 * MIB, 400) if quick else (GIB, 1000)
    run = Run(Bench(Load(folder, content), folder, big, small))
    with ExitStack() as stack:
        _start_peers(run, stack)
        for kind in (Relaxed, Strict):
            _start(run, stack, kind)
        _serve(run)
        yield run


def _start_peers(run: Run, stack: ExitStack) -> None:
    try:
        peers.install()
    except Exception as error:  # without the registries there still is nginx
        print(f"not all peers can be installed: {error}", file=sys.stderr)
    for kind in peers.PEERS:
        try:
            _start(run, stack, kind)
        except (OSError, AssertionError) as error:
            run.missing[kind.name] = str(error).strip().splitlines()[-1]


def _start(run: Run, stack: ExitStack, kind: type[Server]) -> None:
    server = kind(run.bench.folder)
    stack.callback(server.stop)
    run.servers[kind.name] = server


def _serve(run: Run) -> None:
    """The content where each server that has downloads serves it."""
    for kind in (Nginx, Copyparty):
        if kind.name in run.servers:
            shutil.copy(run.bench.load.content, run.servers[kind.name].files / "sound.wav")
            run.bench.served[kind.name] = "/sound.wav"
    portal: Any = run.servers[Relaxed.name]
    path = portal.begin(GIB)
    run.bench.load.run(portal.port, [portal.piece(path, 0, GIB)])
    run.bench.served[Relaxed.name] = portal.wait_until_available(path)


def one_round(run: Run) -> None:
    """Each measure with each server that has it."""
    here = [name for name in run.servers if name != Strict.name]
    tus = [name for name in here if run.servers[name].pieces]
    plan = [(each, here) for each in measures.UPLOADS + measures.AT_ONCE]
    plan += [(each, tus) for each in measures.PIECES]
    plan += [(each, list(run.bench.served)) for each in measures.DOWNLOADS]
    plan += [(each, [Relaxed.name]) for each in measures.FAR + measures.CHUNKS]
    plan += [(measures.AVAILABLE, [Relaxed.name]), (measures.COPYING, ["cp + sha256sum"])]
    plan += [(measures.DISK, ["dd, synced"])]
    plan += [(each, [Strict.name]) for each in measures.UPLOADS + measures.PIECES]
    for measure, names in plan:
        for name in names:
            run.measure(measure, name)
