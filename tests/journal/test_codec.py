"""The stored bytes: an independent reader of the format, and a second opinion on canonical JSON."""

import hashlib
import json
import sqlite3
import struct
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_bytes
from core.events import EVENT_BY_TAG, Quote, QuotesObserved
from core.events.lifecycle import ConfigSnapshot, OperatorCommanded
from core.values import DecimalText, decimal_text
from journal.codec import Codec, originator_of
from journal.errors import BrokenChainError, NewerJournalError
from journal.genesis import journal_id_from_name
from journal.recorded import GENESIS, Recorded
from tests.journal.sample import at, created, intent, make, timer


def test_a_reader_written_from_the_docstring_alone_finds_the_same_chain(tmp_path: Path) -> None:
    head = make(tmp_path / "j.db", 5)
    connection = sqlite3.connect(tmp_path / "j.db")
    rows = connection.execute("SELECT * FROM stored_events ORDER BY originator_version").fetchall()
    connection.close()

    journal_id = bytes.fromhex(json.loads(rows[0][3][50:])["journal_id"])
    chain = bytes(32)
    for sequence, (originator, version, topic, state) in enumerate(rows, start=1):
        assert (originator, version) == (originator_of(journal_id.hex()).hex, sequence - 1)
        assert state[0:2] == b"\x01\x00"
        name, payload = topic.encode(), state[50:]
        chain = hashlib.sha256(
            b"refold/event/v1\0"
            + journal_id
            + struct.pack(">Q", sequence)
            + chain
            + struct.pack(">H", len(name))
            + name
            + state[:18]
            + struct.pack(">I", len(payload))
            + payload
        ).digest()
        assert state[18:50] == chain
    assert (len(rows), chain.hex()) == (head.sequence, head.chain)


def test_the_journals_id_is_a_function_of_its_name_for_ever() -> None:
    digest = hashlib.sha256(b"refold/journal-id/v1\0main").hexdigest()
    assert journal_id_from_name("main") == digest[:32]
    assert journal_id_from_name("main") != journal_id_from_name("main ")


@pytest.mark.parametrize(
    "change", ["sequence", "journal", "tag", "recorded_at", "epoch", "payload", "flags", "before"]
)
def test_every_part_of_the_envelope_is_in_the_chain(change: str) -> None:
    codec = Codec(created().journal_id, "here")
    rows, _ = codec.encode([timer(1)], GENESIS, epoch=3, recorded_at=5)
    (version, tag, state), head = rows[0], GENESIS
    match change:
        case "sequence":
            version, head = 1, type(head)(1, head.chain)
        case "journal":
            codec = Codec("ab" * 16, "here")
        case "tag":
            tag = "timer-elapsed.v2"
        case "before":
            head = type(head)(0, "ab" * 32)
        case _:
            place = {"flags": 1, "recorded_at": 9, "epoch": 17, "payload": len(state) - 1}[change]
            state = state[:place] + bytes([state[place] ^ 1]) + state[place + 1 :]
    with pytest.raises(BrokenChainError, match="its bytes hash to"):
        codec.decode([(version, tag, state)], head)


@pytest.mark.parametrize("state", [b"", b"\x01\x00short", None, "text" * 20])
def test_what_is_no_frame_is_named_with_its_sequence(state: object) -> None:
    codec = Codec(created().journal_id, "here")
    with pytest.raises(BrokenChainError, match="here sequence 1: no frame is stored here"):
        codec.decode([(0, "timer-elapsed.v1", state)], GENESIS)  # type: ignore[list-item]


@pytest.mark.parametrize(("form", "flags"), [(2, 0), (1, 1), (1, 2)])
def test_a_payload_this_release_cannot_read_is_given_out_as_bytes_only(
    form: int, flags: int
) -> None:
    recorded = Recorded(1, "timer-elapsed.v1", b"{}", 0, 0, "0" * 64, form, flags)
    assert recorded.payload == b"{}"
    with pytest.raises(NewerJournalError):
        _ = recorded.event
    with pytest.raises(NewerJournalError):
        _ = recorded.event_id


def test_no_tag_is_hidden_by_an_engine_that_hides_snapshots() -> None:
    assert all(tag == tag.lower() and "Snapshot" not in tag for tag in EVENT_BY_TAG)


def test_an_events_id_is_the_hash_of_the_stored_bytes() -> None:
    codec = Codec(created().journal_id, "here")
    rows, head = codec.encode([intent(1)], GENESIS, epoch=0, recorded_at=0)
    recorded = codec.decode(rows, GENESIS)[0]
    assert recorded.event_id == hashlib.sha256(canonical_bytes(intent(1))).hexdigest()
    assert recorded.head == head


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
keys = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
numbers = st.decimals(
    allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12
).map(decimal_text)
settings_ = st.one_of(st.none(), st.booleans(), integers, texts, st.lists(texts).map(tuple))


def same_as_rfc8785(event: object) -> None:
    data = canonical_bytes(event)
    assert data == rfc8785.dumps(json.loads(data))


@given(config=st.dictionaries(keys, settings_, max_size=8), rules=integers)
def test_a_config_has_the_bytes_that_rfc8785_gives_it(
    config: dict[str, str | int | bool | tuple[str, ...] | None], rules: int
) -> None:
    same_as_rfc8785(
        ConfigSnapshot(observed_at=at(1), config=config, config_hash="0" * 64, rules=rules)
    )


@given(why=texts, who=texts)
def test_any_text_has_the_bytes_that_rfc8785_gives_it(why: str, who: str) -> None:
    same_as_rfc8785(
        OperatorCommanded(observed_at=at(1), command="halt", who=who, where="here", why=why)
    )


@given(quotes=st.dictionaries(keys, st.tuples(*[numbers] * 6), max_size=4))
def test_quotes_have_the_bytes_that_rfc8785_gives_them(
    quotes: dict[str, tuple[DecimalText, ...]],
) -> None:
    found = {
        symbol: Quote(
            bid=n[0], ask=n[1], bid_size=n[2], ask_size=n[3], last=n[4], volume=n[5], time=at(1)
        )
        for symbol, n in quotes.items()
    }
    same_as_rfc8785(QuotesObserved(observed_at=at(1), slot=at(1), feed="f", quotes=found))
