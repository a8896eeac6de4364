"""Whatever the bytes are, the reader answers with one of its own types; garbage never counts."""

import json
import math
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.order import BROKER_STATUS, OpenStatus, status_of
from core.values import is_decimal_text, is_time_text
from live.brokers.alpaca import reading
from live.brokers.alpaca.reading import Figure, Unreadable
from live.brokers.alpaca.records import (
    OrderRecord,
    read_account,
    read_fill,
    read_order,
    read_position,
)
from live.brokers.alpaca.updates import Updates
from live.feeds.alpaca import read_session, read_snapshot
from tests.alpaca.world import NOW, order

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["NaN", "1e999", "-1", "9" * 5000, "buy", "filled", "2026-11-23T15:00:00Z"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
SPOILED = st.dictionaries(st.sampled_from(sorted(order())), JSON, max_size=5)

REFUSED = {
    "nothing": b"",
    "white space": b" \r\n\t",
    "HTML": b"<html></html>",
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "a key twice": b'{"a":1,"a":2}',
    "a key twice, written otherwise": b'{"a":1,"\\u0061":2}',
    "5,000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "a long exponent": b'{"a":1e' + b"9" * 80 + b"}",
    "nested in lists": b"[" * 100_000 + b"]" * 100_000,
    "nested in objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "cut": b'{"a":[1,2',
    "two values": b"{}{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "a broken byte": b'{"a":"\xff"}',
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "a control character": b'{"a":"\x01"}',
    "an unclosed string of quotes": b'{"a":"' + b'\\"' * 500_000,
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_plain_json_is_unreadable_and_quickly_so(case: str) -> None:
    started = time.monotonic()

    found = reading.read_json(REFUSED[case])

    assert isinstance(found, Unreadable)
    assert time.monotonic() - started < 15


def test_brackets_in_a_text_are_no_depth_and_digits_in_it_no_number() -> None:
    text = "[{" * 1000 + "9" * 1000 + '"\\'
    assert reading.read_json(json.dumps({"a": text}).encode()) == {"a": text}


def test_numbers_are_kept_as_they_were_written() -> None:
    found = reading.read_json(b'{"a":0.30000000000000004,"b":1e999,"c":10}')

    assert found == {"a": "0.30000000000000004", "b": "1e999", "c": "10"}
    assert isinstance(found, dict)
    assert all(isinstance(value, Figure) for value in found.values())


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_unreadable(body: bytes) -> None:
    assert isinstance(reading.read_object(body), dict | Unreadable)
    assert isinstance(reading.read_list(body), list | Unreadable)
    assert json.dumps(reading.raw_text(body))


@given(JSON)
def test_any_json_is_read_as_it_is_or_unreadable(value: object) -> None:
    found = reading.read_json(json.dumps(value).encode())

    if isinstance(found, Unreadable):
        return
    assert json.loads(json.dumps(value)) == _plain(found)


def _plain(found: object) -> object:
    """The value with its numbers as Python would read them."""
    if isinstance(found, Figure):
        return float(found) if set(found) & set(".eE") else int(found)
    if isinstance(found, dict):
        return {key: _plain(value) for key, value in found.items()}
    return [_plain(value) for value in found] if isinstance(found, list) else found


@given(JSON)
def test_a_field_is_canonical_or_nothing(value: object) -> None:
    for read in (reading.decimal, reading.quantity):
        number = read(value)
        assert number is None or isinstance(number, Unreadable) or is_decimal_text(number)
    moment = reading.moment(value)
    assert moment is None or is_time_text(moment)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_is_exact_or_unreadable(number: Decimal) -> None:
    found = reading.decimal(str(number))

    assert isinstance(found, Unreadable) or Decimal(found or "0") == number


@given(SPOILED)
def test_a_spoiled_order_is_read_without_a_lie_or_not_at_all(spoiled: dict[str, object]) -> None:
    whole = order(**spoiled)
    found = read_order(reading.read_object(json.dumps(whole).encode()))

    if isinstance(found, OrderRecord):
        assert found.client_order_id == whole["client_order_id"]
        assert found.status == whole["status"]
        for name, ours in (("qty", found.quantity), ("filled_qty", found.filled_quantity)):
            theirs = whole[name]
            assert (ours is None) == (theirs in (None, ""))
            if ours is not None and not isinstance(theirs, float):
                assert Decimal(ours) == Decimal(str(theirs)) >= 0


@given(JSON, JSON)
def test_no_record_raises_on_anything(value: object, other: object) -> None:
    body = json.dumps(value).encode()
    updates = Updates(reading.raw_text)
    for found in (value, reading.read_json(body), {"event": other, "order": order(), "qty": value}):
        for read in (read_order, read_fill, read_account, read_position, read_session):
            read(found)
        read_snapshot(found, NOW)
        updates.read(found, body, NOW)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("2026-10-08T15:10:18.01080215Z", "2026-10-08T15:10:18.010802Z"),
        ("2026-10-08T20:00:00Z", "2026-10-08T20:00:00.000000Z"),
        ("2026-10-08T15:10:18.9Z", "2026-10-08T15:10:18.900000Z"),
        ("2026-10-08T11:10:18.909428548-04:00", "2026-10-08T15:10:18.909428Z"),
        ("2026-02-30T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-10:00", None),
        ("2026-10-08T15:10:18", None),
        (1_760_000_000, None),
        (None, None),
    ],
)
def test_times_of_0_to_9_digits_are_read_and_others_are_not(said: object, read: str | None) -> None:
    assert reading.moment(said) == read


WORDS = [*BROKER_STATUS, "restated", "a word of 2031", "FILLED"]


@pytest.mark.parametrize("word", WORDS)
def test_every_status_comes_through_as_it_was_said_to_the_one_map(word: str) -> None:
    found = read_order(order(status=word))
    update = Updates(reading.raw_text).read({"event": "new", "order": order(status=word)}, b"", NOW)

    assert isinstance(found, OrderRecord)
    assert not isinstance(update, Unreadable)
    assert found.status == update.order.status == word
    assert [getattr(told, "status", None) for told in update.observations] == [word, word]
    status, _, known = status_of(word)
    assert known or status is OpenStatus.SUBMITTED


def test_floats_are_never_made() -> None:
    found = reading.read_json(b"[0.1, 1e400, -0.0, 12345678901234567890]")

    assert isinstance(found, list)
    assert not any(isinstance(value, float) for value in found)
    assert not any(isinstance(value, str) and value == str(math.inf) for value in found)
