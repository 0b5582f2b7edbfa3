"""Play sessions: what is written before the first byte, and what may be claimed afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from portal.core import accounts, playing, reasons
from portal.core.accounts import Caller
from portal.core.audit import Actor
from portal.core.errors import InvalidRequest, NotAllowed
from portal.core.models import AuditEvent, PlaySession, Recording
from portal.core.reasons import REASON_HOLDS, Asked, Reason
from portal.core.transaction import utc_now
from tests.core.conftest import Site

LENGTH = 3_600_000


@pytest.fixture
def listener(site: Site) -> Callable[[], Caller]:
    """Makes auditors, as they sit at a browser."""

    def make() -> Caller:
        name = f"{playing.secrets.token_hex(4)}@example.org"
        visitor = Actor("visitor", None, "", ip="192.0.2.7", user_agent="Firefox")
        with site.sessions() as session:
            user = accounts.create_user(session, name, "auditor", "x" * 12, ["*"])
            return accounts.caller_for(user, visitor)

    return make


@pytest.fixture
def recording(site: Site) -> Recording:
    """An hour long, as far as its row says."""
    made = site.recorded(b"x" * 1000)
    change(site, Recording, made.id, duration_ms=LENGTH)
    return made


def change(site: Site, table: type, row_id: str, **values: object) -> None:
    with site.sessions() as session:
        session.execute(update(table).where(table.id == row_id).values(**values))
        session.commit()


def begun(site: Site, caller: Caller, recording: Recording, ago: timedelta) -> tuple[str, str]:
    """The id and the secret of a session that began so long ago."""
    row, secret = playing.begin(site.session, caller, recording.id, recording.size, Asked())
    then = utc_now() - ago
    change(site, PlaySession, row.id, started_at=then, told_at=then)
    return row.id, secret


def row(site: Site, play_id: str) -> PlaySession:
    with site.sessions() as session:
        return session.get_one(PlaySession, play_id)


def test_acceptance_1_two_people_in_the_same_second_are_two_rows(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    people = [listener(), listener()]

    def play(session: Session) -> None:
        playing.begin(session, people.pop(), recording.id, 1000, Asked())

    site.at_once(play, 2)
    rows = site.session.scalars(select(PlaySession)).all()
    assert len({each.user_id for each in rows}) == len(rows) == 2
    assert site.events(recording.id).count("recording.play.start") == 2


def test_acceptance_2_five_hundred_ranges_are_one_row_of_merged_stretches(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    play_id, _ = begun(site, listener(), recording, timedelta())
    for at in range(0, 1000, 2):
        playing.add_sent(site.session, {play_id: [[at, at + 2]]})
    assert row(site, play_id).sent == [[0, 1000]]


def test_no_play_log_no_playback(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    """When the audit event cannot be written there is no row, and so no way to any byte."""
    caller = listener()
    site.session.connection().exec_driver_sql("ALTER TABLE audit_event RENAME TO away")
    site.session.commit()
    try:
        with pytest.raises((OperationalError, ProgrammingError)):
            playing.begin(site.session, caller, recording.id, 1000, Asked())
    finally:
        site.session.connection().exec_driver_sql("ALTER TABLE away RENAME TO audit_event")
        site.session.commit()
    assert site.session.scalars(select(PlaySession)).all() == []


def test_a_secret_opens_its_own_persons_session_of_its_own_recording(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    caller, other = listener(), site.recorded(b"y" * 10)
    play_id, secret = begun(site, caller, recording, timedelta())
    assert playing.find_open(site.session, caller, recording.id, secret).id == play_id
    for person, which, said in (
        (listener(), recording, secret),
        (caller, other, secret),
        (caller, recording, secret[:-1]),
        (caller, recording, ""),
    ):
        with pytest.raises(NotAllowed):
            playing.find_open(site.session, person, which.id, said)


def test_nobody_hears_more_than_three_times_the_time_that_passed(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    caller = listener()
    play_id, secret = begun(site, caller, recording, timedelta(seconds=10))
    playing.hear(site.session, caller, recording.id, secret, [[5000, LENGTH]])
    [[start, stop]] = row(site, play_id).heard
    assert start == 5000 and 30_000 <= stop - start < 36_000
    playing.hear(site.session, caller, recording.id, secret, [[60_000, LENGTH]])
    assert row(site, play_id).heard[-1][1] < 66_000, "told twice at once"


def test_what_lies_beyond_the_end_was_not_heard(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    caller = listener()
    play_id, secret = begun(site, caller, recording, timedelta(minutes=5))
    ranges = [[LENGTH - 1000, LENGTH + 9000], [LENGTH + 1, LENGTH + 5], [1000, 3000], [2000, 4000]]
    playing.hear(site.session, caller, recording.id, secret, ranges)
    assert row(site, play_id).heard == [[1000, 4000], [LENGTH - 1000, LENGTH]]


@pytest.mark.parametrize(
    ("sent", "unproven"), [(0, LENGTH // 2), (100, LENGTH * 4 // 10), (400, 0), (500, 0)]
)
def test_what_the_bytes_do_not_account_for_is_unproven(
    site: Site, recording: Recording, listener: Callable[[], Caller], sent: int, unproven: int
) -> None:
    caller = listener()
    play_id, secret = begun(site, caller, recording, timedelta(hours=1))
    if sent:
        playing.add_sent(site.session, {play_id: [[0, sent]]})
    playing.hear(site.session, caller, recording.id, secret, [[0, LENGTH // 2]])
    assert playing.unproven(row(site, play_id)) == unproven


def test_a_session_that_is_left_alone_ends_after_ten_minutes(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    caller = listener()
    play_id, secret = begun(site, caller, recording, timedelta(hours=1))
    playing.hear(site.session, caller, recording.id, secret, [[0, LENGTH // 4]])
    assert playing.end_left(site.session, utc_now() + timedelta(minutes=9)) == 0
    playing.add_sent(site.session, {play_id: [[0, 250]]})
    change(site, PlaySession, play_id, seen_at=utc_now() - playing.IDLE)
    with pytest.raises(NotAllowed):
        playing.find_open(site.session, caller, recording.id, secret)
    assert playing.end_left(site.session, utc_now()) == 0, "its last bytes may be on their way"
    change(site, PlaySession, play_id, seen_at=utc_now() - playing.IDLE - playing.SETTLED)
    assert playing.end_left(site.session, utc_now()) == 1
    assert playing.end_left(site.session, utc_now()) == 0
    query = select(AuditEvent).where(
        AuditEvent.action == "recording.play.end", AuditEvent.object_id == recording.id
    )
    event = site.session.scalars(query).one()
    assert (event.actor_label, event.ip) == (caller.label, "192.0.2.7")
    assert event.details["heard"] == [[0, LENGTH // 4]]
    assert event.details["heard_percent"] == event.details["sent_percent"] == 25
    assert event.details["unproven_ms"] == 0


def test_a_page_that_is_closed_ends_its_session_once_its_last_bytes_are_counted(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    caller = listener()
    play_id, secret = begun(site, caller, recording, timedelta())
    playing.hear(site.session, caller, recording.id, secret, [], closing=True)
    with pytest.raises(NotAllowed):
        playing.find_open(site.session, caller, recording.id, secret)
    assert playing.end_left(site.session, utc_now()) == 0
    playing.add_sent(site.session, {play_id: [[0, 500]]})
    assert playing.end_left(site.session, utc_now() + playing.SETTLED) == 1
    query = select(AuditEvent.details).where(
        AuditEvent.action == "recording.play.end", AuditEvent.object_id == recording.id
    )
    assert site.session.scalars(query).one()["sent_percent"] == 50


def test_what_arrives_after_the_end_is_told_by_an_event_of_its_own(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    caller = listener()
    play_id, secret = begun(site, caller, recording, timedelta())
    playing.hear(site.session, caller, recording.id, secret, [], closing=True)
    playing.end_left(site.session, utc_now() + playing.SETTLED)
    playing.add_sent(site.session, {play_id: [[0, 700]]})
    query = select(AuditEvent).where(AuditEvent.object_id == recording.id)
    events = {each.action: each for each in site.session.scalars(query)}
    told = {action: event.details.get("sent_bytes") for action, event in events.items()}
    assert (told["recording.play.end"], told["recording.play.late"]) == (0, 700)
    assert events["recording.play.late"].actor_label == caller.label


def test_a_reason_is_kept_with_the_session_and_in_the_audit_log(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    caller, reason = listener(), Reason("legal", "case 4711")
    assert reasons.last(site.session, caller, recording.id) is None
    made, _ = playing.begin(site.session, caller, recording.id, 1000, Asked(said=reason))
    assert reasons.last(site.session, caller, recording.id) == reason
    assert reasons.last(site.session, listener(), recording.id) is None
    query = select(AuditEvent.details).where(
        AuditEvent.action == "recording.play.start", AuditEvent.object_id == recording.id
    )
    said = {"play": made.id, "reason": "legal", "reason_text": "case 4711"}
    assert site.session.scalars(query).one() == said
    site.session.rollback()
    change(site, PlaySession, made.id, started_at=utc_now() - REASON_HOLDS)
    assert reasons.last(site.session, caller, recording.id) is None


@pytest.mark.parametrize(("code", "text"), [("fun", "x"), ("other", ""), ("legal", "x" * 501)])
def test_a_reason_is_one_of_the_list_and_another_one_is_said_in_words(code: str, text: str) -> None:
    with pytest.raises(InvalidRequest):
        Reason(code, text)


def test_only_who_reads_the_audit_log_sees_who_has_played(
    site: Site, recording: Recording, listener: Callable[[], Caller]
) -> None:
    auditor = listener()
    ids = [begun(site, auditor, recording, timedelta())[0] for _ in range(3)]
    shown = playing.of_recording(site.session, auditor, recording.id, 2)
    assert [each.id for each in shown] == ids[:0:-1]
    older = playing.of_recording(site.session, auditor, recording.id, 2, before=ids[1])
    assert [each.id for each in older] == ids[:1]
    assert playing.of_recording(site.session, site.caller, recording.id, 2) == []
