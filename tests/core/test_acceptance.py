"""What is made of content that has been looked at: taken, or refused with a reason."""

from __future__ import annotations

import pytest

from portal.core.acceptance import accepted, agrees, judge, normal
from portal.core.content import Facts, Findings
from portal.core.limits import Terms

SOUND = Facts("audio", "audio/wav", "wav", "pcm_s16le", 90_000, None, None, 1, 8000)
FILM = Facts("video", "video/mp4", "mp4", "h264", 90_000, 640, 480, None, None)
PICTURE = Findings(refusal="It is no audio or video.", looks_like="image/png")
EVERYTHING = ("audio/*", "video/*", "image/*", "application/pdf")


@pytest.mark.parametrize(
    ("patterns", "content_type", "taken"),
    [
        (("audio/*",), "audio/wav", True),
        (("audio/*",), "video/mp4", False),
        (("audio/wav", "application/pdf"), "application/pdf", True),
        (("audio/wav",), "audio/wave", False),
        (("*",), "application/octet-stream", True),
        ((), "audio/wav", False),
        (("audio/*",), "AUDIO/WAV", False),
    ],
)
def test_a_kind_is_accepted_if_a_pattern_has_it(
    patterns: tuple[str, ...], content_type: str, taken: bool
) -> None:
    assert accepted(patterns, content_type) is taken


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Audio/WAV", "audio/wav"),
        (" audio/x-wav ; codecs=1", "audio/wav"),
        ("audio/mp3", "audio/mpeg"),
        ("image/jpg", "image/jpeg"),
        ("text/x-unheard-of", "text/x-unheard-of"),
        ("", ""),
    ],
)
def test_a_media_type_has_one_name_here(written: str, name: str) -> None:
    assert normal(written) == name


@pytest.mark.parametrize(
    ("declared", "found", "fits"),
    [
        (None, "audio/wav", True),
        ("audio/x-wav", "audio/wav", True),
        ("audio/wav", "audio/mpeg", False),
        ("image/jpeg", "image/png", False),
        ("image/jpeg", "video/mp4", False),
        ("video/quicktime", "video/mp4", True),  # one container, two names
        ("audio/webm", "video/webm", True),
        ("video/webm", "video/mp4", False),
        ("application/octet-stream", "audio/wav", True),  # a claim that says nothing
        ("application/x-recorder", "audio/wav", True),
    ],
)
def test_content_may_be_called_by_its_own_names_alone(
    declared: str | None, found: str, fits: bool
) -> None:
    assert agrees(declared, found) is fits


def test_content_that_is_what_was_agreed_is_fine() -> None:
    verdict = judge(Terms(declared_type="audio/wav"), Findings(SOUND))
    assert (verdict.code, verdict.facts) == (None, SOUND)


@pytest.mark.parametrize(
    ("terms", "findings", "code", "words"),
    [
        (Terms(), Findings(refusal="No answer.", conclusive=False), "not_examined", "No answer."),
        (Terms(), Findings(refusal="No media."), "not_media", "No media."),
        (Terms(), PICTURE, "not_media", "no audio or video"),
        (Terms(accepts=("video/*",)), Findings(SOUND), "not_accepted", "only video/*"),
        (Terms(declared_type="video/webm"), Findings(FILM), "not_as_declared", "not video/webm"),
        (Terms(EVERYTHING, declared_type="image/jpeg"), PICTURE, "not_as_declared", "image/png"),
        (Terms(longest_ms=60_000), Findings(FILM), "too_long", "more than 1 minutes"),
    ],
)
def test_everything_else_is_refused_with_a_code_and_a_sentence(
    terms: Terms, findings: Findings, code: str, words: str
) -> None:
    verdict = judge(terms, findings)
    assert verdict.code == code
    assert verdict.sentence is not None and words in verdict.sentence


def test_what_could_not_be_examined_is_refused_even_where_everything_is_taken() -> None:
    findings = Findings(refusal="It took too long.", conclusive=False)
    assert judge(Terms(accepts=("*",)), findings).code == "not_examined"


@pytest.mark.parametrize(
    ("looks_like", "kind", "content_type"),
    [
        ("image/png", "image", "image/png"),
        ("application/pdf", "document", "application/pdf"),
        ("text/html", "other", "application/octet-stream"),  # never served as what it is
        ("", "other", "application/octet-stream"),
    ],
)
def test_other_content_is_taken_where_the_terms_go_beyond_recordings(
    looks_like: str, kind: str, content_type: str
) -> None:
    verdict = judge(Terms(accepts=("*",)), Findings(refusal="No.", looks_like=looks_like))
    assert verdict.code is None and verdict.facts is not None
    assert (verdict.facts.kind, verdict.facts.content_type) == (kind, content_type)


def test_a_playing_time_that_nobody_knows_is_not_too_long() -> None:
    picture = judge(Terms(EVERYTHING, longest_ms=1), PICTURE)
    assert (picture.code, picture.facts and picture.facts.kind) == (None, "image")
