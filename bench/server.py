"""A server under measurement: its processes, what they use, and how it takes an upload."""

from __future__ import annotations

import secrets
import subprocess
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import requests

from bench.load import Request, request
from tests.waiting import free_port, listens, wait_for

BYTES = "application/offset+octet-stream"


@dataclass(frozen=True)
class Use:
    """What all processes of a server have used: CPU seconds so far, and MiB of memory."""

    cpu: float
    memory: float


class Server(ABC):
    """One that listens on the loopback address. `name` is what the table calls it."""

    name: str
    version: str
    pieces = False
    """Whether an upload may come in several requests."""
    reading: dict[str, str] = {}  # noqa: RUF012 - is only read
    """The headers that a download needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name.replace("/", "-").replace(" ", "-")
        self.files = self.folder / "files"
        self.files.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = self._started()
        wait_for(self._listens, what=f"{self.name} listens, see {self.folder}/log")

    @abstractmethod
    def command(self) -> list[str]:
        """How it is started, to listen on `port` and to keep what it is sent below `files`."""

    @abstractmethod
    def begin(self, length: int) -> str:
        """The path of a new upload."""

    @abstractmethod
    def piece(self, path: str, offset: int, size: int) -> Request:
        """A request that brings so many bytes of an upload."""

    @abstractmethod
    def forget(self, path: str) -> None:
        """Remove an upload: its disk space is needed for the next one."""

    def _started(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(self.command(), cwd=self.folder, stdout=log, stderr=log)

    def _listens(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        return listens(self.port)

    def stop(self) -> None:
        below = self.processes()[1:]
        self.process.terminate()
        self.process.wait(20)
        for each in below:
            with suppress(psutil.NoSuchProcess):
                each.wait(10)

    def processes(self) -> list[psutil.Process]:
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def begin_measuring(self) -> Use:
        """What it has used so far; its peaks of memory are counted from here on."""
        for each in self.processes():
            Path(f"/proc/{each.pid}/clear_refs").write_text("5")
        return self._use("VmRSS")

    def used(self) -> Use:
        """The same, with the peaks of memory."""
        return self._use("VmHWM")

    def _use(self, memory: str) -> Use:
        cpu = mib = 0.0
        for each in self.processes():
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                cpu += sum(each.cpu_times()[:2])
                mib += _kib(each.pid, memory) / 1024
        return Use(cpu, mib)


def _kib(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)


class PutServer(Server):
    """Takes a whole file by PUT, under a name that the client chooses."""

    def begin(self, length: int) -> str:
        return f"/put/{secrets.token_hex(8)}"

    def piece(self, path: str, offset: int, size: int) -> Request:
        return request("PUT", path, 201, offset=offset, body=size)

    def forget(self, path: str) -> None:
        (self.files / path.lstrip("/")).unlink()


class TusServer(Server):
    """Speaks tus 1.0 below `base`."""

    pieces = True
    base = "/files"
    headers: dict[str, str] = {"Tus-Resumable": "1.0.0"}  # noqa: RUF012 - is only read

    def begin(self, length: int) -> str:
        said = self.headers | {"Upload-Length": str(length), "Upload-Metadata": "filename YS53YXY="}
        made = requests.post(self.url + self.base, headers=said, timeout=30)
        assert made.status_code == 201, made.text
        return urlsplit(made.headers["Location"]).path

    def piece(self, path: str, offset: int, size: int) -> Request:
        said = self.headers | {"Content-Type": BYTES, "Upload-Offset": str(offset)}
        return request("PATCH", path, 204, said, offset, size)

    def forget(self, path: str) -> None:
        requests.delete(self.url + path, headers=self.headers, timeout=60).raise_for_status()
