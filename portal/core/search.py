"""The words by which recordings are found: ids, names, people, tags, what clients said, and notes.

`recording_words` has one row per recording, at its `place`: a full-text table in SQLite, a tsvector
in PostgreSQL. Words are small letters and digits without accents on both, and made here. Those of
shared notes stand apart, as not everybody may read notes; private ones are not in it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    any_,
    column,
    false,
    func,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from portal.core.models import Note, Recording, RecordingTag, Tag

WORDS = table("recording_words", column("rowid", BigInteger))
LONGEST = 20_000
"""Characters kept of one recording; all that dialects let a client say is a good deal less."""
NOTES = 100_000
"""Characters kept of all its notes, which is 25 of the longest; PostgreSQL refuses a MiB, and knows
the places of 16,383 words."""
LONGEST_WORD = 500
"""Characters; PostgreSQL refuses words of more than 2046 bytes."""
MOST_WORDS = 10
PUT = {
    "sqlite": "INSERT INTO recording_words (rowid, words, notes) VALUES (:place, :words, :notes)",
    "postgresql": "INSERT INTO recording_words (rowid, words) VALUES (:place, "
    "setweight(CAST(:words AS tsvector), 'A') || CAST(:notes AS tsvector))",
}
MATCH = {
    "sqlite": "recording_words MATCH :wanted",
    "postgresql": "recording_words.words @@ CAST(:wanted AS tsquery)",
}


def index(session: Session, recording_id: str) -> None:
    """Let a recording be found by what is known of it now. Belongs into the transaction that
    changed it, after the change was flushed."""
    recording = session.get_one(Recording, recording_id)
    given = select(Tag.name).join(RecordingTag, RecordingTag.tag_id == Tag.id)
    tags = session.scalars(given.where(RecordingTag.recording_id == recording_id))
    shared = select(Note.text).where(Note.recording_id == recording_id, Note.shared)
    dialect = session.get_bind().dialect.name
    row = {
        "place": recording.place,
        "words": written(words_of((*_said(recording), *tags)), dialect),
        "notes": written(_of_notes(session.scalars(shared.order_by(Note.id))), dialect),
    }
    session.execute(text("DELETE FROM recording_words WHERE rowid = :place"), row)
    session.execute(text(PUT[dialect]), row)


def _said(recording: Recording) -> Iterator[str]:
    yield from (recording.id, recording.filename, recording.owner_label, recording.source)
    yield from (recording.department or "", recording.sha256)
    yield from (str(value) for value in recording.details.values())


def words_of(texts: Iterable[str]) -> str:
    """All words of these texts, with single blanks between them."""
    return " ".join(" ".join(_words(each)) for each in texts)[:LONGEST]


def _of_notes(texts: Iterable[str]) -> str:
    """The words of all notes; of very many, the first ones of each, so that none is unfindable."""
    notes = [words_of([each]) for each in texts]
    whole, share = sum(map(len, notes)) <= NOTES, NOTES // (len(notes) + 1)
    return " ".join(notes if whole else (each[:share] for each in notes))


def written(words: str, dialect: str) -> str:
    """Words as the table takes them. PostgreSQL gets them with their numbers: its own parser takes
    5e10ab, as ids and checksums have it, for a number and the word ab."""
    if dialect == "sqlite":
        return words
    return " ".join(f"'{word[:LONGEST_WORD]}':{at}" for at, word in enumerate(words.split(), 1))


def _words(said: str) -> list[str]:
    """«Ação nº 7» → acao, no, 7."""
    taken_apart = unicodedata.normalize("NFKD", said.casefold())
    kinds = ((each, unicodedata.category(each)[0]) for each in taken_apart)
    return "".join(each if kind in "LN" else " " for each, kind in kinds if kind != "M").split()


def matching(session: Session, asked: str, notes: bool) -> ColumnElement[bool] | None:
    """The condition on `recording_words` that this search is; None if nothing is asked for.
    `notes`: whether those are looked through, too.

    Each word has to be there. One with signs in it, such as 10.0.0.7, is its pieces one after the
    other; the last word may go on.
    """
    if not asked.strip():
        return None
    phrases = [words for each in asked.split()[:MOST_WORDS] if (words := _words(each))]
    if not phrases:  # signs alone: no recording has such a word
        return false()
    dialect = session.get_bind().dialect.name
    said = (_for_sqlite if dialect == "sqlite" else _for_postgresql)(phrases, notes)
    return text(MATCH[dialect]).bindparams(wanted=said)  # type: ignore[return-value]


def at(session: Session, places: Sequence[int]) -> ColumnElement[bool]:
    """That a recording is at one of these places, of which there may be thousands."""
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(json.dumps(list(places))).table_valued("value")
        return Recording.place.in_(select(each.c.value))
    return Recording.place == any_(literal(list(places), ARRAY(BigInteger)))


def _for_sqlite(phrases: list[list[str]], notes: bool) -> str:
    said = " AND ".join('"{}"'.format(" ".join(each)) for each in phrases) + " *"
    return said if notes else f"words : ({said})"


def _for_postgresql(phrases: list[list[str]], notes: bool) -> str:
    """Words that are not from notes have the weight A."""
    only, starts = ("", ":*") if notes else (":A", ":*A")
    known = [[f"'{word}'{only}" for word in each] for each in phrases]
    known[-1][-1] = f"'{phrases[-1][-1]}'{starts}"
    return " & ".join("({})".format(" <-> ".join(each)) for each in known)
