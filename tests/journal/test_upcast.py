"""Old events are read as new ones, while their bytes and ids stay."""

import pytest

from core.events.lifecycle import TimerElapsed
from journal.errors import NewerJournalError, UndecodableEventError
from journal.recorded import Recorded
from journal.upcast import UPCASTERS, Plain, decode_event
from tests.journal.sample import at

OLD = b'{"name":"wake","observed_at":"' + at(1).encode() + b'","type":"timer-rang.v1"}'


def rang_v1(old: Plain) -> Plain:
    """v2 said when the timer had been due."""
    return {**old, "type": "timer-rang.v2", "due": old["observed_at"]}


def rang_v2(old: Plain) -> Plain:
    """timer-elapsed.v1 calls the timer's name its key."""
    old["key"] = old.pop("name")
    return {**old, "type": "timer-elapsed.v1"}


CHAINED = {"timer-rang.v1": rang_v1, "timer-rang.v2": rang_v2}


def test_an_old_event_is_read_through_a_chain_of_upcasters() -> None:
    event = decode_event("timer-rang.v1", OLD, CHAINED)
    assert event == TimerElapsed(observed_at=at(1), key="wake", due=at(1))


def test_this_release_has_no_old_events_yet() -> None:
    assert not UPCASTERS


def test_a_tag_nobody_knows_is_a_newer_releases() -> None:
    with pytest.raises(NewerJournalError, match=r"timer-rang\.v1"):
        decode_event("timer-rang.v1", OLD)


def test_the_bytes_of_an_unknown_event_can_still_be_read() -> None:
    recorded = Recorded(5, "timer-rang.v1", OLD, 0, 0, "0" * 64)
    assert recorded.payload == OLD
    assert len(recorded.event_id) == 64


@pytest.mark.parametrize(
    ("tag", "payload"),
    [
        ("timer-elapsed.v1", b"not json"),
        ("timer-elapsed.v1", OLD),
        ("timer-elapsed.v1", b'{"type":"timer-elapsed.v1","observed_at":"now"}'),
        ("timer-rang.v1", b"[]"),
        ("timer-rang.v2", b'{"name":"x","type":"timer-rang.v2"}'),
    ],
)
def test_bytes_that_are_not_the_event_of_their_tag_are_refused(tag: str, payload: bytes) -> None:
    with pytest.raises(UndecodableEventError, match="the bytes are intact"):
        decode_event(tag, payload, CHAINED)


def test_upcasters_that_go_round_are_told() -> None:
    turning = {"timer-rang.v1": lambda old: {**old, "type": "timer-rang.v1"}}
    with pytest.raises(UndecodableEventError, match="in circles"):
        decode_event("timer-rang.v1", OLD, turning)
