"""Canonical bytes are RFC 8785's, and an id is their sha256."""

import hashlib

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_bytes, content_id, sha256_hex
from core.events import EVENT_BY_TAG, tag_of
from tests.build import fill, intent

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_data_has_the_bytes_of_another_implementation(value: object) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)  # type: ignore[arg-type]  # plain data


def test_an_id_is_the_sha256_of_the_bytes_and_the_tag_is_among_them() -> None:
    event = fill(40)
    data = canonical_bytes(event)

    assert content_id(event) == sha256_hex(data) == hashlib.sha256(data).hexdigest()
    assert b'"type":"fill-reported.v1"' in data


def test_fields_are_sorted_and_defaults_left_out() -> None:
    assert canonical_bytes(fill(40, seconds=1)) == (
        b'{"client_order_id":"order-1","execution_id":"execution-1",'
        b'"observed_at":"2013-10-07T13:30:01.000000Z","price":"10","quantity":"40","side":"buy",'
        b'"source":"stream","symbol":"MSFT","type":"fill-reported.v1",'
        b'"venue_order_id":"venue-order-1"}'
    )


def test_equal_events_have_equal_ids_and_others_have_others() -> None:
    assert content_id(intent()) == content_id(intent())
    assert content_id(intent()) != content_id(intent(quantity=101))


def test_text_without_bytes_has_no_id() -> None:
    with pytest.raises(UnicodeEncodeError):
        content_id("\ud800")


def test_every_event_has_a_literal_tag_of_its_own() -> None:
    assert len(EVENT_BY_TAG) == 44
    assert all(tag == tag.lower() and tag.endswith(".v1") for tag in EVENT_BY_TAG)
    assert tag_of(fill()) == "fill-reported.v1"
