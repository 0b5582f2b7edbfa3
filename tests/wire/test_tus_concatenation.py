"""The concatenation of tus 1.0: partial uploads, and the final one that joins them."""

from __future__ import annotations

import base64
import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conftest import TUS, Portal, Tus, upload_id
from tests.wire.creating import BYTES, NOWHERE, create, with_bytes


def piece(tus: Tus, content: bytes) -> str:
    made = with_bytes(tus, content, len(content), Upload_Concat="partial")
    assert made.status_code == 201, made.text
    return str(made.headers["Location"])


def join(tus: Tus, *addresses: str, **headers: str) -> requests.Response:
    return create(tus, Upload_Concat=f"final;{' '.join(addresses)}", **headers)


def test_partial_uploads_are_joined_in_the_order_of_their_addresses(
    portal: Portal, tus: Tus
) -> None:
    content = secrets.token_bytes(300_000)
    first, second, third = (piece(tus, content[at : at + 100_000]) for at in (0, 100_000, 200_000))
    name = f"filename {base64.b64encode(b'joined.bin').decode()}"
    final = join(tus, portal.url + first, second, third + "/", Upload_Metadata=name)
    assert final.status_code == 201, final.text
    path = final.headers["Location"]
    recording = portal.recording(upload_id(path))
    assert recording["sha256"] == hashlib.sha256(content).hexdigest()
    assert recording["filename"] == "joined.bin"
    for each in (first, second, third):
        assert portal.rows("SELECT * FROM recording WHERE id = ?", upload_id(each)) == []
    stands = tus.head(path).headers
    assert stands["Upload-Concat"] == f"final;{portal.url}{first} {second} {third}/"
    assert stands["Upload-Offset"] == stands["Upload-Length"] == "300000"
    assert stands["Upload-Metadata"] == name


def test_a_final_upload_takes_no_bytes(tus: Tus) -> None:
    only = piece(tus, b"four")
    header = f"final;{only}"
    assert create(tus, b"x", Upload_Concat=header, Content_Type=BYTES).status_code == 403
    path = join(tus, only).headers["Location"]
    assert tus.patch(path, 4, b"more").status_code == 403
    assert tus.patch(path, 4, b"").status_code == 403


def test_a_partial_upload_says_so_and_can_be_continued_or_given_up(tus: Tus) -> None:
    path = create(tus, Upload_Concat="partial", Upload_Length="8").headers["Location"]
    tus.patch(path, 0, b"four")
    assert tus.head(path).headers["Upload-Concat"] == "partial"
    assert join(tus, path).status_code == 409
    tus.patch(path, 4, b"four")
    assert "Upload-Expires" in tus.head(path).headers
    assert tus.delete(path).status_code == 204
    assert join(tus, path).status_code == 410


def test_a_final_upload_sent_again_or_often_at_once_is_the_same(portal: Portal, tus: Tus) -> None:
    pieces = [piece(tus, b"one "), piece(tus, b"two")]
    token = str(tus.session.headers["Authorization"]).split()[1]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: join(Tus(portal, token), *pieces), range(6)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.headers["Location"] for each in answers}) == 1
    used = tus.head(pieces[0])
    assert used.headers["Upload-Offset"] == "4" and "Upload-Expires" not in used.headers
    assert tus.delete(pieces[0]).status_code == 403
    assert join(tus, pieces[1], pieces[0]).status_code == 409


@pytest.mark.parametrize(
    ("concat", "status"),
    [
        ("", 400),
        ("final", 400),
        ("final;", 400),
        ("final; ", 400),
        ("partial;x", 400),
        ("Partial", 400),
        ("whole", 400),
        ("final;http://[", 400),
        ("final;/etc/passwd", 404),
        ("final;x", 404),
        (f"final;{NOWHERE}", 404),
        ("final;" + f"{TUS}/x", 404),
        (f"final;{TUS}/../tus/%00", 404),
    ],
)
def test_a_damaged_join_is_refused(tus: Tus, concat: str, status: int) -> None:
    assert create(tus, Upload_Concat=concat).status_code == status


def test_only_own_partial_uploads_are_joined_each_once_and_without_a_length(
    portal: Portal, tus: Tus
) -> None:
    mine, ordinary = piece(tus, b"mine"), tus.begin(5)
    assert join(Tus(portal, portal.token()), mine).status_code == 404
    assert join(tus, mine, mine).status_code == 400
    assert join(tus, mine, ordinary).status_code == 403
    assert join(tus, mine, Upload_Length="4").status_code == 400
    assert join(tus, mine, Upload_Defer_Length="1").status_code == 400
    assert join(tus, mine).status_code == 201
