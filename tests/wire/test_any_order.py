"""All dialects at random against a model of a few lines: pieces in any order, repeats, other bytes,
cuts, killed servers, expiry, cancelling. What the server says must be what the model says, and in
the end every finished upload is a recording with exactly its bytes."""

from __future__ import annotations

import io
import os
import random
import signal
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from portal.core import ending
from portal.core.models import Upload
from portal.core.transaction import utc_now, writing
from portal.db import db
from tests.conftest import Portal
from tests.waiting import wait_for
from tests.wire.dialects import CHUNK, CLIENTS, Client, TusClient

STEPS, EXAMPLES = 50, 95
WHICH = st.integers(0, 1000)


def sound(seed: int, size: int) -> bytes:
    """A WAV file with so many bytes of noise."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(8000)
        out.writeframes(random.Random(seed).randbytes(size))
    return file.getvalue()


@dataclass
class Known:
    """The model of one upload: which pieces are here, and whether it has ended."""

    client: Client
    dialect: str
    key: str
    here: set[int] = field(default_factory=set)
    cut: int = 0
    """Bytes of a piece that was cut off."""
    end: str | None = None

    @property
    def offset(self) -> int:
        pieces = self.client.pieces
        return sum(pieces[number][1] - pieces[number][0] for number in self.here) + self.cut

    @property
    def whole(self) -> bool:
        return self.offset == len(self.client.content)


class Uploads(RuleBasedStateMachine):
    portal: ClassVar[Portal]
    token: ClassVar[str]
    steps: ClassVar[int] = 0
    ended: ClassVar[dict[str, bytes]] = {}
    """The content of every finished upload of the run."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[Known] = []

    def pick(self, which: int) -> Known:
        type(self).steps += 1
        return self.known[which % len(self.known)]

    @rule(dialect=st.sampled_from(sorted(CLIENTS)), size=st.integers(1, 4 * CHUNK))
    def begin(self, dialect: str, size: int) -> None:
        type(self).steps += 1
        content = sound(self.steps, size)
        client = CLIENTS[dialect](self.portal, self.token, content, "call.wav")
        made = Known(client, dialect, key=f"key-{self.steps}")
        response = client.begin(**{"Idempotency-Key": made.key})
        assert response.status_code in (200, 201), response.text
        self.known.append(made)

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def begin_again(self, which: int) -> None:
        """The answer was lost: the same key gets the same upload."""
        known = self.pick(which)
        before = known.client.id
        response = known.client.begin(**{"Idempotency-Key": known.key})
        again, known.client.id = known.client.id, before
        if known.end == "gone":
            assert 400 <= response.status_code < 500
        else:
            assert (response.status_code in (200, 201), again) == (True, before), response.text

    @precondition(lambda self: self.known)
    @rule(which=WHICH, number=st.integers(0, 4))
    def send(self, which: int, number: int) -> None:
        known = self.pick(which)
        number %= len(known.client.pieces)
        self._send(known, number)

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def send_what_is_missing(self, which: int) -> None:
        known = self.pick(which)
        absent = sorted(set(range(len(known.client.pieces))) - known.here)
        if absent and not known.cut:
            self._send(known, absent[0])

    def _send(self, known: Known, number: int) -> None:
        response = known.client.send(number)
        fits = number in known.here if known.client.any_order else False
        fits = fits or (known.client.any_order and known.end is None)
        if not known.client.any_order:
            fits = known.end is None and known.client.pieces[number][0] == known.offset
        if fits and known.end is None:
            assert response.ok, response.text
            known.here.add(number)
            if known.dialect == "tus" and known.whole:
                known.end = "finished"
        elif not fits:
            assert 400 <= response.status_code < 500, (known, response.status_code)

    @precondition(lambda self: self.known)
    @rule(which=WHICH, number=st.integers(0, 4))
    def send_other_bytes(self, which: int, number: int) -> None:
        known = self.pick(which)
        number %= len(known.client.pieces)
        if number in known.here:
            start, stop = known.client.pieces[number]
            other = bytes(255 - byte for byte in known.client.content[start:stop])
            assert 400 <= known.client.send(number, other).status_code < 500
            self._look(known)

    @precondition(lambda self: self.known)
    @rule(which=WHICH, share=st.integers(1, 99))
    def cut(self, which: int, share: int) -> None:
        known = self.pick(which)
        client = known.client
        number = len(known.here)
        if not isinstance(client, TusClient) or known.end or known.cut or known.whole:
            return
        start, stop = client.pieces[number]
        keep = (stop - start) * share // 100
        client.cut(number, keep)
        wait_for(lambda: client.here() == known.offset + keep, 10, "what arrived is kept")
        # From now on this client sends the rest of the piece as a piece of its own.
        if keep:
            client.pieces[number : number + 1] = [(start, start + keep), (start + keep, stop)]
            known.here.add(number)

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def ask(self, which: int) -> None:
        self._look(self.pick(which))

    def _look(self, known: Known) -> None:
        said = known.client.here()
        if known.dialect == "calls":
            return
        if known.end == "gone":
            assert said is None
        elif known.client.any_order:
            assert said == (known.here if known.end is None else set(range(len(known.here))))
        else:
            assert said == known.offset

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def finish(self, which: int) -> None:
        known = self.pick(which)
        response = known.client.finish()
        if known.end == "gone" or not known.whole:
            assert 400 <= response.status_code < 500, response.text
            return
        assert response.status_code in (200, 202), response.text
        known.end = "finished"

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        known = self.pick(which)
        response = known.client.cancel()
        if response is None:
            return
        if known.end == "finished":
            assert 400 <= response.status_code < 500
        elif known.end is None:
            assert response.ok, response.text
            known.end = "gone"

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def expire(self, which: int) -> None:
        """A day passes for one upload; one that is whole is finished by that, not lost."""
        known = self.pick(which)
        with self.portal.app.app_context():
            with writing(db.session):
                row = db.session.get_one(Upload, known.client.id)
                if row.state == "open":
                    row.expires_at = utc_now()
            ending.expire(db.session, utc_now())
            db.session.remove()
        if known.end is None:
            kept = known.whole and known.dialect != "calls"
            known.end = "finished" if kept else "gone"

    @rule(chance=st.integers(0, 39))
    def kill_a_server(self, chance: int) -> None:
        if chance:
            return
        type(self).steps += 1
        master = min(self.portal.children("gunicorn"))
        servers = sorted(set(self.portal.children("gunicorn")) - {master})
        os.kill(servers[0], signal.SIGKILL)
        for known in self.known:
            known.client.session.close()
        wait_for(self._answers, what="the portal is back")

    def _answers(self) -> bool:
        try:
            return all(requests.get(f"{self.portal.url}/health", timeout=5).ok for _ in range(4))
        except requests.ConnectionError:
            return False

    def teardown(self) -> None:
        finished = [known for known in self.known if known.end == "finished"]
        self.ended.update({known.client.id: known.client.content for known in finished})
        for known in self.known:
            known.client.session.close()


@pytest.fixture
def busy(own_portal: Any, tmp_path: Path) -> Iterator[Portal]:
    yield own_portal(
        PORTAL_CHUNK_BYTES=str(CHUNK),
        PORTAL_ACCEPT_SESSIONS="audio/*",
        PORTAL_FINISH_WAIT_SECONDS="0",
        PORTAL_MAX_OPEN_UPLOADS="1000000",
        PORTAL_DURABILITY="relaxed",
    )


def test_two_thousand_steps_without_a_difference(busy: Portal) -> None:
    Uploads.portal = busy
    Uploads.token = busy.token("uploader", "upload", "read", leads=["*"])
    Uploads.steps, Uploads.ended = 0, {}
    run_state_machine_as_test(
        Uploads,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Uploads.steps >= 2000
    reader = requests.Session()
    reader.headers["Authorization"] = f"Bearer {Uploads.token}"
    for upload_id, content in Uploads.ended.items():
        assert busy.recording(upload_id, 60)["state"] == "ready"
        found = reader.get(f"{busy.url}/api/recordings/{upload_id}/content")
        assert found.content == content
    assert len(busy.rows("SELECT id FROM recording")) == len(Uploads.ended)
