"""`python -m bench.client_session`: runs the command line on a terminal, against a portal of its
own behind a bad network, and writes what it said into docs/client-session.md."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.client import MIB, film
from tests.client.console import SCRIPT
from tests.client.unreliable import Unreliable
from tests.conftest import Portal

TARGET = Path(__file__).parents[1] / "docs" / "client-session.md"
SIZE = 30
"""MiB of the film."""
SPEED = '[{"kib_per_second": 3072}]'
FRAME_SECONDS = 1.0
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CTRL_C = b"\x03"
HEAD = """# A session with the command line

What `python -m bench.client_session` saw: the real command on a terminal, a real portal, and a
proxy between them that breaks the connection once. Bars move; one picture a second is kept of them.
`[0]` is the exit code. The speed is limited to 3 MiB a second (`RECORDINGS_BANDWIDTH_LIMITS`), so
that there is something to see.

```text
"""


class Network(Unreliable):
    """Cuts the next request that carries bytes, once `cut` is set."""

    def __init__(self, port: int) -> None:
        super().__init__(port, self._plan_for)
        self.cut = threading.Event()

    def _plan_for(self, line: bytes) -> str:
        if line.startswith(b"PUT") and self.cut.is_set():
            self.cut.clear()
            return "cut"
        return "pass"


class Terminal:
    """Runs commands as somebody at a keyboard does, and keeps what is seen."""

    def __init__(self, folder: Path, said: dict[str, str]) -> None:
        self.folder, self.seen = folder, ""
        named = {f"RECORDINGS_{name.upper()}": value for name, value in said.items()}
        size = {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
        self._environment = os.environ | size | {"HOME": str(folder)} | named

    def run(self, *words: str, ctrl_c: Callable[[], bool] = lambda: False) -> None:
        """`ctrl_c`: whether it is pressed now; asked until it is."""
        ours, its = pty.openpty()
        process = subprocess.Popen(
            [SCRIPT, *words],
            env=self._environment,
            cwd=self.folder,
            preexec_fn=lambda: os.login_tty(its),
        )
        os.close(its)
        threading.Thread(target=_press, args=(ours, process, ctrl_c), daemon=True).start()
        shown = pictures(_blocks(ours))
        self.seen += f"$ recordings {' '.join(words)}\n{shown}[{process.wait()}]\n\n"


def _press(keyboard: int, process: subprocess.Popen[bytes], ctrl_c: Callable[[], bool]) -> None:
    while process.poll() is None:
        if ctrl_c():
            os.write(keyboard, CTRL_C)
            return
        time.sleep(0.05)


def _blocks(descriptor: int) -> list[tuple[float, str]]:
    """What is written, and when, until the other side is closed."""
    found = []
    while True:
        try:
            block = os.read(descriptor, 65536)
        except OSError:  # Linux says so that it is
            os.close(descriptor)
            return found
        found.append((time.monotonic(), block.decode(errors="replace")))


def pictures(blocks: list[tuple[float, str]]) -> str:
    """Lines as they are; of a bar that is painted over again and again, one a second."""
    kept, painted = [], 0.0
    for at, block in blocks:
        for line in re.split(r"[\r\n]+", CONTROL.sub("", block)):
            if "━" in line:
                if at - painted < FRAME_SECONDS:
                    continue
                painted = at
            if line.strip():
                kept.append(line.rstrip() + "\n")
    return "".join(kept)


def record(folder: Path) -> str:
    portal = Portal(folder).start()
    recordings = folder / "recordings"
    recordings.mkdir()
    name = "session_7_srv-01.mp4"
    film(recordings, SIZE).rename(recordings / name)
    with Network(portal.port) as network:
        said = {"base_url": f"{network.url}/api", "api_token": portal.token(), "state_dir": "queue"}
        terminal = Terminal(recordings, said | {"bandwidth_limits": SPEED})
        terminal.run("doctor")
        terminal.run("upload", name, ctrl_c=lambda: network.passed > SIZE * MIB * 0.4)
        terminal.run("status")
        network.cut.set()
        terminal.run("upload", "--wait")
        terminal.run("status", "--all")
        terminal.run("verify", name)
        terminal.run("upload", "--wait", name)
    portal.stop()
    return terminal.seen


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seen = record(Path(folder))
    TARGET.write_text(f"{HEAD}{seen.strip()}\n```\n", "utf-8")


if __name__ == "__main__":
    main()
