"""Bearer tokens of an identity provider: which are believed, and what they may."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.conftest import TUS, Portal, Tus, upload_id
from tests.waiting import wait_for

ISSUER, AUDIENCE = "https://id.example.org/", "recordings"
KEY = "a shared key of more than thirty-two characters"


@dataclass
class Provider:
    """An identity provider with one key of each kind, and the portal that trusts it."""

    portal: Portal
    keys: dict[str, Any]
    public: bytes
    """The RSA key in the form in which a confused server would use it for HS256."""

    made: int = field(default=0)

    def token(self, algorithm: str = "HS256", key: Any = None, **other: Any) -> str:
        """A good token of a new person, but for these claims; None leaves one out."""
        self.made += 1
        headers = other.pop("headers", {"kid": algorithm})
        claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 300}
        claims = claims | {"sub": f"person-{self.made}"} | other
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, key or self.keys[algorithm], algorithm, headers=headers)

    def tus(self, token: str) -> Tus:
        return Tus(self.portal, token)

    def status(self, token: str) -> int:
        return self.tus(token).create(10).status_code


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("jwt")
    rs = rsa.generate_private_key(65537, 2048)
    es = ec.generate_private_key(ec.SECP256R1())
    (folder / "jwks.json").write_text(json.dumps({"keys": [_jwk(rs, "RS256"), _jwk(es, "ES256")]}))
    portal = Portal(
        folder,
        PORTAL_JWT_KEY=KEY,
        PORTAL_JWT_JWKS=str(folder / "jwks.json"),
        PORTAL_JWT_ISSUER=ISSUER,
        PORTAL_JWT_AUDIENCE=AUDIENCE,
        PORTAL_WEB_PROCESSES="1",  # failures are counted in each process
    ).start()
    public = rs.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    yield Provider(portal, {"HS256": KEY, "RS256": rs, "ES256": es}, public)
    portal.drop()


def _jwk(key: Any, name: str) -> dict[str, Any]:
    kind = RSAAlgorithm if name == "RS256" else ECAlgorithm
    said: dict[str, Any] = kind.to_jwk(key.public_key(), as_dict=True)
    return said | {"kid": name, "alg": name, "use": "sig"}


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256"])
def test_a_good_token_makes_an_uploaders_account_and_uploads(
    provider: Provider, algorithm: str
) -> None:
    subject = f"somebody by {algorithm}"
    tus = provider.tus(provider.token(algorithm, sub=subject))
    path = tus.begin(4)
    assert tus.patch(path, 0, b"four").status_code == 204
    found = provider.portal.rows("SELECT * FROM user WHERE email = ?", f"jwt:{subject}")
    assert [(each["role"], each["active"]) for each in found] == [("uploader", 1)]
    recording = provider.portal.recording(upload_id(path))
    assert recording["owner_id"] == found[0]["id"]
    renewed = provider.tus(provider.token(algorithm, sub=subject))
    assert renewed.offset(path) == 4


def test_the_first_requests_of_a_person_at_once_make_one_account(provider: Provider) -> None:
    token = provider.token(sub="in a hurry")
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: provider.status(token), range(8))) == {201}
    query = "SELECT id FROM user WHERE email = 'jwt:in a hurry'"
    assert len(provider.portal.rows(query)) == 1


def test_an_audience_may_be_one_of_several(provider: Provider) -> None:
    assert provider.status(provider.token(aud=["other", AUDIENCE])) == 201


@pytest.mark.parametrize(
    "other",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://evil.example.net/"},
        {"iss": None},
        {"exp": None},
        {"exp": 1_000_000_000},
        {"exp": 9e12 + 0.5},
        {"exp": "9999999999"},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\u0000b"},
        {"sub": "x" * 300},
        {"nbf": 9_999_999_999},
    ],
    ids=str,
)
def test_wrong_claims_are_refused(provider: Provider, other: dict[str, Any]) -> None:
    answer = provider.tus(provider.token("RS256", **other)).create(10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_wrong_signatures_are_refused(provider: Provider) -> None:
    other = rsa.generate_private_key(65537, 2048)
    good = provider.token("RS256")
    header, claims, signature = good.split(".")
    confused = _signed_with_the_public_key(provider)
    for token in (
        provider.token(key="another key of more than thirty-two characters"),
        provider.token("RS256", key=other),
        provider.token("RS256", headers={"kid": "unknown"}),
        provider.token("RS256", headers={"kid": "ES256"}),
        provider.token("RS256", headers={}),
        provider.token("ES256", headers={"kid": "RS256"}),
        provider.token("HS384", key=KEY * 2),
        jwt.encode({"sub": "x", "iss": ISSUER, "aud": AUDIENCE, "exp": 9**11}, None, "none"),
        f"{header}.{claims}.",
        f"{header}.{claims}.{signature[:-4]}AAAA",
        f"{header}.{claims[:-2]}.{signature}",
        "a.b.c",
        "..",
        confused,
    ):
        assert provider.status(token) == 401, token
    assert provider.status(good) == 201


def _signed_with_the_public_key(provider: Provider) -> str:
    """As an attacker makes it who hopes that the server takes the public key for an HMAC's."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": 9**11, "sub": "x"}
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "RS256"}, claims]
    text = b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts
    )
    signature = hmac.new(provider.public, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_the_scope_is_the_most_that_a_token_may(provider: Provider) -> None:
    for scope, status in (
        ("upload read", 201),
        (["upload"], 201),
        ("read", 403),
        ("", 403),
        ([], 403),
        ({"upload": 1}, 403),
        (5, 403),
        ("admin delete", 403),
    ):
        assert provider.status(provider.token(scope=scope)) == status, scope


def test_a_disabled_account_is_refused_and_not_made_anew(provider: Provider) -> None:
    tus = provider.tus(provider.token(sub="leaves"))
    path = tus.begin(10)
    with sqlite3.connect(provider.portal.data / "portal.sqlite3", timeout=10) as connection:
        connection.execute("UPDATE user SET active = 0 WHERE email = 'jwt:leaves'")
    assert tus.patch(path, 0, b"x").status_code == 401
    assert provider.status(provider.token(sub="leaves")) == 401


def test_a_token_that_has_run_out_continues_what_it_began_and_nothing_else(
    provider: Provider,
) -> None:
    tus = provider.tus(provider.token(sub="slow", exp=int(time.time()) + 2))
    path = tus.begin(8)
    other = provider.tus(provider.token(sub="slow")).begin(8)
    wait_for(lambda: tus.create(10).status_code == 401)
    assert tus.offset(path) == 0
    assert tus.patch(path, 0, b"four").status_code == 204
    assert tus.patch(other, 0, b"four").status_code == 401
    assert tus.patch(path, 4, b"four").status_code == 204


def test_a_hundred_wrong_tokens_a_minute_are_enough(provider: Provider) -> None:
    good, session = provider.token(), requests.Session()
    session.headers.update({"Authorization": "Bearer rp_x_y", "Tus-Resumable": "1.0.0"})
    url = f"{provider.portal.url}{TUS}/x"
    statuses = [session.head(url).status_code for _ in range(101)]
    assert set(statuses) <= {401, 429} and statuses[-1] == 429
    assert int(session.head(url).headers["Retry-After"]) > 0
    assert provider.status("a.b.c") == 429
    assert provider.status(good) == 201
