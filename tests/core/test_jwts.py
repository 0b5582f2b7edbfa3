"""The keys that JWTs are checked with: where they come from, and how often they are asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from portal.core import jwts
from portal.core.errors import NotAuthenticated, TryAgainLater
from portal.core.jwts import KeySet

KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
JWKS = json.dumps({"keys": [ECAlgorithm.to_jwk(KEY, as_dict=True) | {"kid": "one"}]}).encode()


class Served:
    """A JWKS on a web server of our own; counts how often it is fetched."""

    def __init__(self) -> None:
        self.status, self.fetched = 200, 0
        self.server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.fetched += 1
                self.send_response(served.status)
                self.end_headers()
                self.wfile.write(JWKS)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_key_is_fetched_once_and_of_its_own_kind_only(served: Served) -> None:
    keys = KeySet(served.url)
    for _ in range(3):
        assert keys.key("one", "EC") == KEY
    with pytest.raises(NotAuthenticated):
        keys.key("one", "RSA")
    assert served.fetched == 1


def test_unknown_keys_are_looked_for_twice_a_minute_at_most(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = KeySet(served.url)
    for each in range(20):
        with pytest.raises(NotAuthenticated):
            keys.key(f"unknown-{each}", "EC")
    assert served.fetched == 1
    monkeypatch.setattr(jwts, "LOOK_AGAIN_SECONDS", 0.0)
    with pytest.raises(NotAuthenticated):
        keys.key("unknown", "EC")
    assert served.fetched == 2


def test_while_the_keys_cannot_be_read_the_known_ones_work(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = KeySet(served.url)
    keys.key("one", "EC")
    monkeypatch.setattr(jwts, "LOOK_AGAIN_SECONDS", 0.0)
    served.status = 500
    with pytest.raises(TryAgainLater):
        keys.key("two", "EC")
    assert keys.key("one", "EC") == KEY
    served.status = 200
    with pytest.raises(NotAuthenticated):
        keys.key("two", "EC")


def test_a_file_with_a_blank_in_its_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "my keys.json"
    path.write_bytes(JWKS)
    assert KeySet(path.as_uri()).key("one", "EC") == KEY


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys": []}', b"\xff", None])
def test_keys_that_cannot_be_read_are_tried_again_later_and_not_by_everybody(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_bytes(content)
    keys = KeySet(path.as_uri())
    refused(lambda: keys.key("one", "EC"))
    path.write_bytes(JWKS)
    refused(lambda: keys.key("one", "EC"))


def refused(act: Callable[[], object]) -> None:
    with pytest.raises(TryAgainLater):
        act()
