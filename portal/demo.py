"""`portal demo`: the portal with sample recordings, made as real media and sent over real HTTP."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click
from sqlalchemy import select

from portal.app import create_app
from portal.config import Settings
from portal.core import accounts, tokens
from portal.core.errors import InvalidRequest
from portal.core.models import Upload
from portal.core.scopes import ALL
from portal.core.transaction import utc_now
from portal.data_dir import make_data_dir
from portal.db import db
from portal.sample_media import SAMPLES, make_sample
from portal.supervisor import end_with_parent

AUDITOR, RECORDER = "auditor@demo.local", "recorder@demo.local"
TUS = "/api/v1/videos/tus"
BLOCK = 256 * 1024
CUT_AT = 0.4
SECONDS = 240
Say = Callable[[str], None]


class DemoFailed(ValueError):
    """The demonstration cannot go on; the sentence says where to look."""


class Overtaken(DemoFailed):
    """Another request of this upload came later than the one that was answered."""


@dataclass(frozen=True)
class Sender:
    """Where the samples go, and the token that they are sent with."""

    address: str
    token: str

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=60)

    def headers(self, **more: str) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0"} | named


def run(settings: Settings, say: Say) -> None:
    """Start, fill, and stay up until Ctrl-C. Raises DemoFailed."""
    make_data_dir(settings)
    log = settings.data_dir / "portal.log"
    with log.open("ab") as errors, _portal(settings, errors.fileno(), say) as server:
        address = f"http://{settings.address}"
        _wait_for_health(address, server, log)
        password, token = _make_people(settings)
        _send_samples(settings, Sender(address, token), say)
        _tell(settings, password, log, say)
        server.wait()


@contextlib.contextmanager
def _portal(settings: Settings, errors: int, say: Say) -> Iterator[subprocess.Popen[str]]:
    """`portal run` in a process of its own; what it announces is passed on."""
    server = subprocess.Popen(
        [sys.executable, "-m", "portal", "run"],
        env=os.environ | settings.environment(),
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        preexec_fn=end_with_parent,
    )

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    reader = threading.Thread(target=_pass_on, args=(server, say), daemon=True)
    reader.start()
    try:
        yield server
    except KeyboardInterrupt:
        say("\nStopping …")
    finally:
        server.terminate()
        server.wait()


def _pass_on(server: subprocess.Popen[str], say: Say) -> None:
    for line in server.stdout or ():
        say(line.rstrip())


def _wait_for_health(address: str, server: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"{address}/health", timeout=5).close()
            return
        time.sleep(0.1)
    lines = log.read_text(errors="replace").strip().splitlines()
    raise DemoFailed(f"The portal did not start. {lines[-1] if lines else ''} (see {log})")


def _make_people(settings: Settings) -> tuple[str, str]:
    """An auditor's new password, and a recorder's token that lives for a day."""
    password = secrets.token_urlsafe(9)
    with create_app(settings).app_context():
        for email, role, secret in (
            (AUDITOR, "auditor", password),
            (RECORDER, "uploader", secrets.token_urlsafe(24)),
        ):
            try:
                accounts.create_user(db.session, email, role, secret, [ALL])
            except InvalidRequest:  # the demo ran before on this data
                accounts.set_password(db.session, email, secret)
        tomorrow = utc_now() + timedelta(days=1)
        return password, tokens.create_token(db.session, RECORDER, ["upload"], tomorrow)


def _send_samples(settings: Settings, sender: Sender, say: Say) -> None:
    received = _received(settings, "finishing", "done")
    missing = [name for name in SAMPLES if name not in received]
    if not missing:
        say("The sample recordings are here already, from an earlier run.")
        return
    with tempfile.TemporaryDirectory(prefix="portal-demo-") as folder:
        say("Making sample recordings (real media, four minutes each) and sending them:")
        for number, name in enumerate(missing):
            click.echo(f"  {name:32} making …\r", nl=False)
            path = make_sample(name, Path(folder) / name, SECONDS)
            _send(sender, path, interrupt=number == 0, say=say)
    _wait_until_available(settings, say)


def _received(settings: Settings, *states: str) -> set[str]:
    """The file names of the recorder's uploads in these states, earlier runs' too."""
    query = select(Upload.filename).where(Upload.owner_label == RECORDER)
    with create_app(settings).app_context():
        return set(db.session.scalars(query.where(Upload.state.in_(states))))


def _wait_until_available(settings: Settings, say: Say) -> None:
    deadline = time.monotonic() + 120
    while not _received(settings, "done") >= set(SAMPLES):
        if time.monotonic() > deadline:
            raise DemoFailed("The recordings are not assembled; look into the log.")
        time.sleep(0.25)
    say(f"{len(SAMPLES)} recordings received, verified and available.")


def _send(sender: Sender, path: Path, interrupt: bool, say: Say) -> None:
    """One tus upload with a progress bar; with `interrupt`, cut off in the middle and resumed."""
    size = path.stat().st_size
    location = _create(sender, path.name, size)
    with click.progressbar(length=size, label=f"  {path.name:32}", width=30) as bar:
        if interrupt:
            _patch(sender, location, path, 0, int(size * CUT_AT), bar.update)
        else:
            _patch(sender, location, path, 0, size, bar.update)
    if interrupt:
        _resume(sender, location, path, say)


def _resume(sender: Sender, location: str, path: Path, say: Say) -> None:
    """As any tus client does: ask where it stands and go on from there. Once more if the request
    that was cut is served only now: on a busy machine it may come after ours."""
    size = path.stat().st_size
    for more_tries in (True, True, True, False):
        offset = _offset(sender, location)
        say(f"  … cut on purpose; the server has {offset:,} of {size:,} bytes. Resuming:")
        with click.progressbar(length=size, label=f"  {path.name:32}", width=30) as bar:
            bar.update(offset)
            try:
                return _patch(sender, location, path, offset, size, bar.update)
            except Overtaken:
                if not more_tries:
                    raise


def _create(sender: Sender, name: str, size: int) -> str:
    connection = sender.connect()
    metadata = f"filename {base64.b64encode(name.encode()).decode()}"
    headers = sender.headers(Upload_Length=str(size), Upload_Metadata=metadata)
    connection.request("POST", TUS, headers=headers)
    return str(_answer(connection, 201).headers["Location"])


def _offset(sender: Sender, location: str) -> int:
    connection = sender.connect()
    connection.request("HEAD", location, headers=sender.headers())
    return int(_answer(connection, 200).headers["Upload-Offset"])


def _patch(
    sender: Sender, location: str, path: Path, start: int, stop: int, tick: Callable[[int], None]
) -> None:
    """Announce the rest of the file, send up to `stop`, and hang up if that is not the end."""
    size = path.stat().st_size
    connection = sender.connect()
    connection.putrequest("PATCH", location)
    length = {"Content-Length": str(size - start), "Upload-Offset": str(start)}
    kind = {"Content-Type": "application/offset+octet-stream"}
    for name, value in (sender.headers() | length | kind).items():
        connection.putheader(name, value)
    connection.endheaders()
    with path.open("rb") as file:
        file.seek(start)
        while start < stop and (block := file.read(min(BLOCK, stop - start))):
            connection.send(block)
            start += len(block)
            tick(len(block))
    if stop == size:
        _answer(connection, 204)
    connection.close()


def _answer(connection: http.client.HTTPConnection, expected: int) -> http.client.HTTPResponse:
    response = connection.getresponse()
    if response.status != expected:
        problem = Overtaken if response.status == 409 else DemoFailed
        raise problem(f"The portal answered {response.status}: {response.read().decode()}")
    response.read()
    return response


def _tell(settings: Settings, password: str, log: Path, say: Say) -> None:
    say("")
    say(f"  Open       {settings.public_url}/recordings")
    say(f"  Sign in    {AUDITOR}    {password}")
    say("  Then       click a recording, play it, and jump anywhere in it.")
    say(f"  Logs       {log}")
    say("\n  Ctrl-C stops the portal; the recordings stay.")
