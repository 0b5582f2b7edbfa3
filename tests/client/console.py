"""The real console script, as a process of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).with_name("recordings")
Process = subprocess.Popen[str]


@dataclass(frozen=True)
class Console:
    """Where it runs: `folder` is its home, and `said` what its environment says of the portal."""

    folder: Path
    said: dict[str, str]

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def environment(self, **more: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if name[:11] != "RECORDINGS_"}
        named = {f"RECORDINGS_{name.upper()}": value for name, value in (self.said | more).items()}
        own = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config")}
        return clean | own | {"RECORDINGS_STATE_DIR": str(self.state)} | named

    def run(self, *words: object, **more: str) -> subprocess.CompletedProcess[str]:
        """Until it ends. The token is in nothing that it says."""
        command, environment = [SCRIPT, *map(str, words)], self.environment(**more)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
        token = environment.get("RECORDINGS_API_TOKEN")
        assert not token or token not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *words: object, **more: str) -> dict[str, Any]:
        """What --json says; its `exit` is the exit code."""
        done = self.run(*words, "--json", **more)
        told: dict[str, Any] = json.loads(done.stdout)
        assert told.get("exit", told.get("error", {}).get("exit")) == done.returncode
        return told

    def start(self, *words: object, **more: str) -> Process:
        command = [SCRIPT, *map(str, words)]
        both: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        both |= {"preexec_fn": _heed_ctrl_c}
        return subprocess.Popen(command, env=self.environment(**more), text=True, **both)

    def on_terminal(self, *words: object, **more: str) -> tuple[int, str]:
        """Its exit code, and all that it wrote to a terminal of 100 columns."""
        command, (ours, its) = [SCRIPT, *map(str, words)], pty.openpty()
        named = self.environment(**more) | {"TERM": "xterm-256color", "COLUMNS": "100"}
        with subprocess.Popen(command, env=named, stdin=its, stdout=its, stderr=its) as process:
            os.close(its)
            written = _read_all(ours)
        return process.returncode, written


def _heed_ctrl_c() -> None:
    """As in a terminal, also where the tests run in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _read_all(descriptor: int) -> str:
    found, deadline = b"", time.monotonic() + 90
    while time.monotonic() < deadline and select.select([descriptor], [], [], 90)[0]:
        try:
            block = os.read(descriptor, 65536)
        except OSError:  # Linux says so that the other side has closed it
            break
        if not block:
            break
        found += block
    os.close(descriptor)
    return found.decode()
