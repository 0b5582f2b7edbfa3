"""Forms as they arrive: cut anywhere, damaged, huge; the file in them keeps every byte."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.bodies import RequestBody
from portal.core.errors import InvalidRequest, Refusal, TooLarge
from portal.multipart import Form
from storage_backends.base import Block
from tests.wire.calling import CALL_LOG
from tests.wire.forms import BOUNDARY, END, in_pieces, part, written


class Arriving(RequestBody):
    """A body that comes in these pieces."""

    def __init__(self, pieces: Iterable[bytes], cut: str | None = None) -> None:
        super().__init__(None)
        self.pieces, self.ends_with = iter(pieces), cut

    def _next(self, room: int | None) -> Block:
        piece = next(self.pieces, None)
        if piece is None:
            self.ended, self.cut = self.ends_with is None, self.ends_with
        return piece or b""


READ = list[tuple[str, str | None, bytes]]


def read(pieces: Iterable[bytes], cut: str | None = None, room: int | None = None) -> READ:
    """What the form holds: names, file names, contents."""
    found: READ = []
    for each in Form(Arriving(pieces, cut), BOUNDARY.encode()).parts():
        content = each.text.encode()
        if each.body is not None:
            content = b"".join(
                bytes(block) for _ in range(10_000) for block in each.body.take(None, room)
            )
            each.body.refuse_cut()
        found.append((each.name, each.filename, content))
    return found


CONTENTS = [
    b"",
    b"\r\n",
    b"\r",
    b"\n",
    b"-",
    b"a--",
    b"\r\n--",
    b"\r\n-" * 9,
    b"x\r\n--" + BOUNDARY[:-1].encode() + b"!\r",
    BOUNDARY.encode(),
    b"--" + BOUNDARY.encode(),
    bytes(range(256)),
]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_form_is_the_same_wherever_its_bytes_are_cut(content: bytes) -> None:
    whole = written(content)
    if content.startswith(b"--"):  # at the very beginning of a file, this is a delimiter
        whole = written(b"x" + content)
        content = b"x" + content
    expected = [("file", "a.wav", content), ("call_log_id", None, CALL_LOG.encode())]
    for at in range(1, len(whole)):
        assert read([whole[:at], whole[at:]]) == expected, whole[:at][-20:]
        assert read(in_pieces(whole, at)) == expected, at


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", BOUNDARY.encode(), b"x"])), st.data())
def test_no_content_and_no_cut_confuses_it(pieces: list[bytes], data: st.DataObject) -> None:
    content = b"x" + b"".join(pieces)
    if f"\r\n--{BOUNDARY}".encode() in content:
        return  # a client chooses a boundary that is not in its file
    whole = written(content)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=6)))
    blocks = [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]
    assert read(blocks)[0] == ("file", "a.wav", content)


@pytest.mark.parametrize("room", [1, 7, 100])
def test_a_file_is_read_in_stretches_of_any_size(room: int) -> None:
    content = secrets.token_bytes(5000)
    assert read(in_pieces(written(content), 64), room=room)[0][2] == content


def test_what_is_around_the_parts_has_no_meaning() -> None:
    expected = [("a", None, b"1")]
    whole = part(b"1", 'name="a"') + END
    assert read([b"This is a form.\r\n" + whole + b"\r\nthe end"]) == expected
    assert read([whole.removesuffix(b"\r\n")]) == expected
    assert read([whole.replace(b"XyZ\r\n", b"XyZ  \t\r\n")]) == expected
    assert read([END]) == []


def test_a_file_that_nobody_reads_is_passed_over() -> None:
    form = Form(Arriving(in_pieces(written(bytes(5000)), 100)), BOUNDARY.encode())
    assert [each.name for each in form.parts()] == ["file", "call_log_id"]


def test_a_form_that_is_cut_anywhere_is_refused() -> None:
    whole = written(b"some content")
    for at in range(len(whole) - 2):
        for cut in (None, "gone", "idle"):
            with pytest.raises(Refusal):
                read([whole[:at]], cut)


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('filename="plain.wav"', "plain.wav"),
        ("filename=plain.wav", "plain.wav"),
        ('filename="two words; and=more.wav"', "two words; and=more.wav"),
        ('filename="a \\"quoted\\" call.wav"', 'a "quoted" call.wav'),
        ('filename="a %22quoted%22 call.wav"', 'a "quoted" call.wav'),
        ("filename*=UTF-8''Zo%C3%AB%20%E7%94%B5.wav", "Zoë 电.wav"),
        ('filename="Zoë.wav"', "Zoë.wav"),
        ('filename=""', ""),
    ],
)
def test_file_names_in_every_spelling(disposition: str, filename: str) -> None:
    whole = part(b"x", f'name="file"; {disposition}') + END
    assert read([whole]) == [("file", filename, b"x")]


@pytest.mark.parametrize("name", ["a[b][c]", "metadata[lead][]", "a.b", "Größe"])
def test_nested_names_are_just_names(name: str) -> None:
    assert read([part(b"x", f'name="{name}"') + END])[0][0] == name


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"no form at all",
        part(b"x", 'name="a"'),
        part(b"x", "no=name") + END,
        part(b"x", 'filename="a.wav"') + END,
        part(b"x", 'name="' + "n" * 101 + '"') + END,
        part(b"x", "name*=UTF-8''a%0D%0Ab") + END,
        part(b"x", "name*=UTF-8''%00") + END,
        part(b"\xff\xfe", 'name="a"') + END,
        f"--{BOUNDARY}\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}\r\nX-Other: 1\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}\r\n\xff: 1\r\n\r\nx\r\n".encode("latin-1") + END,
        f"--{BOUNDARY}\r\nX: {'x' * 20_000}\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}{' ' * 20_000}\r\n".encode() + END,
        f"--{BOUNDARY}more\r\n".encode() + END,
        part(b"x", 'name="a"').replace(b"\r\n", b"\n") + END.replace(b"\r\n", b"\n"),
    ],
)
def test_what_is_no_form_is_refused(form: bytes) -> None:
    for size in (1, 1000, len(form) + 1):
        with pytest.raises(InvalidRequest):
            read(in_pieces(form, size))


def test_too_many_parts_and_too_long_fields_are_too_large() -> None:
    with pytest.raises(TooLarge):
        read([part(b"x", 'name="a"') * 1001 + END])
    with pytest.raises(TooLarge):
        read(in_pieces(part(bytes(600_000), 'name="a"') + END, 60_000))
    assert len(read([part(b"x", 'name="a"') * 20 + END])) == 20
