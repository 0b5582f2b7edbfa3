"""Who may touch a chunked upload: its owner, with a token that may, and nobody else."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from portal.core import tokens
from portal.core.models import Token, Upload
from portal.core.transaction import utc_now
from portal.db import db
from tests.conftest import Portal, Tus, upload_id
from tests.wire.chunking import Client, client, refused, wav

__all__ = ["client"]

NOBODY = "00000000-0000-7000-8000-000000000000"


def test_somebody_elses_upload_is_as_unknown_as_none(portal: Portal, client: Client) -> None:
    content = wav(2000)
    begun = client.send(content)
    stranger = Client(portal, portal.token())
    for one in (begun, NOBODY, "x", "../../etc/passwd", "A" * 255):
        answers = [stranger.chunk(one, 0, content), stranger.raw(one, 0, content)]
        answers += [stranger.complete(one), stranger.cancel(one)]
        assert len({refused(answer, 404, "not_found") for answer in answers}) == 1
    for one in (begun, NOBODY, "x", "%00", "A" * 300):
        refused(stranger.status(one), 404, "not_found")
    assert client.status(begun).json()["status"] == "active"


def test_an_upload_of_another_dialect_is_none_here(client: Client, tus: Tus) -> None:
    begun = upload_id(tus.begin(10))
    for answer in (client.status(begun), client.complete(begun), client.cancel(begun)):
        refused(answer, 404, "not_found")
    refused(client.chunk(begun, 0, b"x"), 404, "not_found")


def test_nothing_works_without_a_token_that_may_upload(portal: Portal, client: Client) -> None:
    begun = client.begin(b"x")
    for client.headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer x"}, 401),
        (Client(portal, portal.token("uploader", "read")).headers, 403),
        (Client(portal, portal.token("auditor", "upload")).headers, 403),
    ):
        answers = [client.init(b"x"), client.chunk(begun, 0, b"x"), client.raw(begun, 0, b"x")]
        answers += [client.complete(begun), client.cancel(begun), client.status(begun)]
        for answer in answers:
            refused(answer, status)


def test_a_token_that_ran_out_still_ends_what_it_began(portal: Portal) -> None:
    content, email = wav(2000), portal.person("uploader")
    with portal.app.app_context():
        client = Client(portal, tokens.create_token(db.session, email, ["upload"]))
        begun = client.begin(content)
        late = utc_now() - timedelta(seconds=1)
        one = db.session.get_one(Upload, begun).token_id
        db.session.execute(update(Token).where(Token.id == one).values(expires_at=late))
        db.session.commit()
    refused(client.init(content), 401)
    assert client.chunk(begun, 0, content).status_code == 200
    assert client.complete(begun).status_code == 200
