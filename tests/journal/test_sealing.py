"""Ciphertext at its own place opens; anything else, anywhere else, does not."""

import hashlib
import hmac
import os
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from journal import create_journal, open_journal, verify
from journal.codec import READER, Codec
from journal.errors import (
    BrokenChainError,
    JournalMovedError,
    KeyMissingError,
    NewerJournalError,
    RollbackError,
    WrongKeyError,
)
from journal.key_ring import DataKeys, Place, open_ring
from journal.recorded import ENCRYPTED, FORMAT, FORMAT_ENCRYPTED, GENESIS, Head, Recorded
from journal.sealing import OVERHEAD, SEGMENT_BITS, Sealing, Slot
from tests.journal.sample import add, at, copy, created, make, side, timer
from tests.journal.secret import (
    KEY,
    OTHER,
    Rows,
    forge,
    make_sealed,
    opened,
    put_ring,
    ring_of,
    rows_of,
    sealed_creation,
)

PLACE = Place("here", created().journal_id, "ab" * 32)
KEYS = DataKeys({1: bytes(range(32)), 2: bytes(range(32, 64))}, 2)
SLOT = Slot(7, b"\x01" * 32, b"\x00\x10timer-elapsed.v1", b"\x02\x01" + bytes(16))


def hkdf(key: bytes, purpose: bytes) -> bytes:
    """RFC 5869 with an empty salt, written a second time."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, purpose + b"\x01", "sha256")


def test_a_reader_written_from_the_docstring_alone_opens_every_event(tmp_path: Path) -> None:
    make_sealed(tmp_path / "j.db", 3)
    journal_id = bytes.fromhex(created().journal_id)
    with opened(tmp_path / "j.db") as journal:
        first_chain = journal.chain_at(1)
        chains = [bytes.fromhex(journal.chain_at(n) or "") for n in range(4)]
        payloads = [recorded.payload for recorded in journal.read(after=1)]
    assert first_chain is not None
    place = Place("here", created().journal_id, first_chain)
    data_key = open_ring(ring_of(tmp_path / "j.db"), KEY, place).by_number[1]
    tag = b"refold/sealed/v1\x00"

    for sequence, (topic, body) in enumerate(rows_of(tmp_path / "j.db")[1:], start=2):
        header, payload = body[:18], body[18:]
        number, nonce, sealed = payload[:4], payload[4:16], payload[16:]
        assert (header[0], header[1], number) == (2, 1, b"\x00\x00\x00\x01")
        key = hkdf(data_key, tag + journal_id + struct.pack(">QQ", 1, sequence >> 20))
        bound = (
            tag
            + journal_id
            + struct.pack(">Q", sequence)
            + chains[sequence - 1]
            + struct.pack(">H", len(topic))
            + topic.encode()
            + header
            + number
        )
        whole = AESGCM(key).decrypt(nonce, sealed, bound)
        assert whole[:32] == hashlib.sha256(whole[32:]).digest()
        assert whole[32:] == payloads[sequence - 2]


@given(st.binary(max_size=200), st.integers(2, 2**40))
def test_what_was_sealed_opens_to_itself_and_is_as_much_longer_as_we_say(
    plaintext: bytes, sequence: int
) -> None:
    sealing, slot = Sealing(PLACE, KEYS), SLOT._replace(sequence=sequence)
    payload = sealing.seal(slot, plaintext)
    assert sealing.unseal(slot, payload) == plaintext
    assert len(payload) == len(plaintext) + OVERHEAD
    assert plaintext not in payload or len(plaintext) < 4


@given(st.binary(max_size=40), st.data())
def test_a_payload_with_any_bit_flipped_or_any_byte_cut_does_not_open(
    plaintext: bytes, data: st.DataObject
) -> None:
    sealing = Sealing(PLACE, KEYS)
    payload = bytearray(sealing.seal(SLOT, plaintext))
    bit = data.draw(st.integers(0, len(payload) * 8 - 1))
    flipped = bytearray(payload)
    flipped[bit // 8] ^= 1 << bit % 8
    for harmed in (bytes(flipped), bytes(payload[: bit // 8])):
        with pytest.raises(BrokenChainError, match="here sequence 7"):
            sealing.unseal(SLOT, harmed)


@pytest.mark.parametrize(
    "slot",
    [
        SLOT._replace(sequence=8),
        SLOT._replace(sequence=7 + (1 << SEGMENT_BITS)),
        SLOT._replace(before=b"\x02" * 32),
        SLOT._replace(topic=b"\x00\x10timer-elapsed.v2"),
        SLOT._replace(header=b"\x02\x01" + bytes(15) + b"\x01"),
        SLOT._replace(header=b"\x01\x01" + bytes(16)),
    ],
    ids=["sequence", "segment", "chain", "type", "epoch", "format"],
)
def test_a_payload_opens_at_its_own_place_only(slot: Slot) -> None:
    payload = Sealing(PLACE, KEYS).seal(SLOT, b"{}")
    with pytest.raises(BrokenChainError, match="was not written for this place"):
        Sealing(PLACE, KEYS).unseal(slot, payload)


def test_a_payload_opens_in_its_own_journal_only() -> None:
    payload = Sealing(PLACE, KEYS).seal(SLOT, b"{}")
    other = Sealing(PLACE._replace(journal_id="cd" * 16), KEYS)
    with pytest.raises(BrokenChainError, match="was not written for this place"):
        other.unseal(SLOT, payload)


def test_what_is_sealed_twice_is_never_the_same_and_no_nonce_comes_twice() -> None:
    sealing = Sealing(PLACE, KEYS)
    nonces = {sealing.seal(SLOT, b"{}")[4:16] for _ in range(5000)}
    assert len(nonces) == 5000


def test_two_processes_forked_from_one_draw_other_nonces() -> None:
    sealing = Sealing(PLACE, KEYS)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, b"".join(sealing.seal(SLOT, b"{}")[4:16] for _ in range(50)))
        os._exit(0)
    theirs = os.read(reading, 600)
    os.wait()
    ours = {sealing.seal(SLOT, b"{}")[4:16] for _ in range(50)}
    assert not ours & {theirs[at : at + 12] for at in range(0, 600, 12)}
    os.close(reading)
    os.close(writing)


def test_every_2_to_the_20_sequences_have_a_key_of_their_own() -> None:
    sealing = Sealing(PLACE, KEYS)
    for sequence in (2, 2**20 - 1, 2**20, 2**21):
        sealing.seal(SLOT._replace(sequence=sequence), b"{}")
    assert len(sealing._segments) == 3


def test_a_refused_append_is_sealed_anew_and_the_refused_bytes_are_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 2)
    with open_journal(path, key=KEY) as one, open_journal(path, key=KEY) as other:
        behind = one.head
        head = add(other, 1)
        with pytest.raises(JournalMovedError):
            one.append([timer(9)], expected=behind, epoch=1, recorded_at=at(9))
        one.append([timer(9)], expected=head, epoch=1, recorded_at=at(9))
    with opened(path) as journal:
        assert [r.sequence for r in journal.read()] == [1, 2, 3, 4, 5]
    assert len({body[22:34] for _, body in rows_of(path)[1:]}) == 4


def no_change(rows: Rows) -> Rows:
    return rows


def swapped(rows: Rows) -> Rows:
    (one, body), (other, body_of_other) = rows[2], rows[3]
    return [
        *rows[:2],
        (one, body[:18] + body_of_other[18:]),
        (other, body_of_other[:18] + body[18:]),
    ]


def retyped(rows: Rows) -> Rows:
    return [*rows[:3], ("alert-raised.v1", rows[3][1])]


def repeated(rows: Rows) -> Rows:
    return [*rows, rows[3]]


def left_out(rows: Rows) -> Rows:
    return [*rows[:2], rows[3]]


def timed(rows: Rows) -> Rows:
    topic, body = rows[3]
    return [*rows[:3], (topic, body[:9] + bytes([body[9] ^ 1]) + body[10:])]


def plain(rows: Rows) -> Rows:
    topic, body = rows[3]
    return [*rows[:3], (topic, b"\x01\x00" + body[2:18] + b"{}")]


def cut(rows: Rows) -> Rows:
    topic, body = rows[3]
    return [*rows[:3], (topic, body[:-5])]


def renamed(rows: Rows) -> Rows:
    topic, body = rows[0]
    return [(topic, body.replace(b'"sim"', b'"liv"')), *rows[1:]]


def test_the_enemys_tool_alone_harms_nothing(tmp_path: Path) -> None:
    make_sealed(tmp_path / "j.db", 3)
    forge(tmp_path / "j.db", no_change)
    with opened(tmp_path / "j.db") as journal:
        assert len(list(journal.read())) == 4
    assert verify(tmp_path / "j.db").ok


@pytest.mark.parametrize(
    "change", [swapped, retyped, repeated, left_out, timed, plain, cut, renamed]
)
def test_what_an_enemy_without_a_key_rewrites_is_refused_though_chain_and_anchor_fit(
    tmp_path: Path, change: object
) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 3)
    forge(path, change)  # type: ignore[arg-type]
    with pytest.raises((BrokenChainError, WrongKeyError)):  # noqa: SIM117
        with opened(path) as journal:
            list(journal.read())
    with pytest.raises((BrokenChainError, WrongKeyError)):  # noqa: SIM117
        with open_journal(path, key=KEY) as journal:
            list(journal.read())


def test_a_ciphertext_moved_from_another_journal_of_the_same_key_and_name_is_refused(
    tmp_path: Path,
) -> None:
    make_sealed(tmp_path / "j.db", 3)
    make_sealed(tmp_path / "other.db", 3)
    foreign = rows_of(tmp_path / "other.db")
    forge(tmp_path / "j.db", lambda rows: [*rows[:3], foreign[3]])
    with pytest.raises(BrokenChainError, match="was not written for this place"):
        opened(tmp_path / "j.db")


def test_a_ring_moved_along_does_not_help(tmp_path: Path) -> None:
    make_sealed(tmp_path / "j.db", 3)
    make_sealed(tmp_path / "other.db", 3)
    put_ring(tmp_path / "j.db", ring_of(tmp_path / "other.db"))
    with pytest.raises(BrokenChainError, match="was not written for this place"):
        opened(tmp_path / "j.db")


def test_dropping_the_last_event_is_a_rollback_with_and_without_the_key(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 3)
    anchor = side(path, ".anchor").read_bytes()
    forge(path, lambda rows: rows[:-1])
    side(path, ".anchor").write_bytes(anchor)

    with pytest.raises(RollbackError):
        open_journal(path, key=KEY)
    assert "ROLLBACK" in verify(path).problems[0].problem


def test_verify_chain_and_anchor_need_no_key_and_find_a_flipped_bit(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    head = make_sealed(path, 3)
    report = verify(path)
    assert (report.ok, report.events, report.head) == (True, 4, head)

    data = path.read_bytes()
    body = rows_of(path)[2][1]
    place = data.index(body[18:40])
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    assert [problem.sequence for problem in verify(path).problems] == [3]


def test_without_a_key_a_sealed_record_has_its_envelope_and_no_event(tmp_path: Path) -> None:
    make_sealed(tmp_path / "j.db", 2)
    with open_journal(tmp_path / "j.db", read_only=True, sealed=True) as journal:
        first, second, _ = journal.read()
    assert first.event == sealed_creation()
    assert (second.encrypted, second.opened, second.tag) == (True, False, "timer-elapsed.v1")
    for look in ("event", "event_id"):
        with pytest.raises(KeyMissingError):
            getattr(second, look)


def test_an_encrypted_codec_without_a_key_writes_nothing_at_all() -> None:
    codec = Codec(created().journal_id, "here", encrypted=True)
    for head in (GENESIS, Head(5, "ab" * 32)):
        with pytest.raises(KeyMissingError):
            codec.encode([timer(1)], head, epoch=1, recorded_at=1)


def test_a_key_is_given_if_and_only_if_the_journal_is_encrypted(tmp_path: Path) -> None:
    with pytest.raises(KeyMissingError):
        create_journal(tmp_path / "j.db", sealed_creation(), recorded_at=at(0))
    with pytest.raises(ValueError, match="a key only if encrypted"):
        create_journal(tmp_path / "j.db", created(), recorded_at=at(0), key=KEY)
    assert list(tmp_path.iterdir()) == []


def test_a_release_that_knows_no_cipher_refuses_to_append_and_to_read_an_event() -> None:
    first = sealed_creation()
    assert first.format > FORMAT
    assert first.min_reader <= READER
    assert (FORMAT, FORMAT_ENCRYPTED) == (1, 2)
    newer = Recorded(2, "timer-elapsed.v1", b"", 0, 0, "0" * 64, FORMAT_ENCRYPTED + 1, ENCRYPTED)
    with pytest.raises(NewerJournalError):
        _ = newer.event


def test_a_rollback_is_accepted_in_an_encrypted_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 3)
    older = copy(path, tmp_path / "older.db")
    with open_journal(path, key=KEY) as journal:
        add(journal, 2)
    older.replace(path)
    from live.operator import accept_rollback

    with open_journal(path, key=KEY, accept_rollback=True) as journal:
        assert accept_rollback(journal, who="operator", why="canary-why")
    assert verify(path).ok
    assert b"canary-why" not in path.read_bytes()
    with open_journal(path, key=KEY) as journal:
        assert [r.tag for r in journal.read()][4] == "rollback-accepted.v1"


def test_a_file_aside_opens_for_its_journal_and_purpose_only(tmp_path: Path) -> None:
    make_sealed(tmp_path / "j.db")
    make_sealed(tmp_path / "other.db", key=OTHER)
    make(tmp_path / "plain.db")
    with opened(tmp_path / "j.db") as journal, opened(tmp_path / "other.db", OTHER) as other:
        sealed = journal.seal("snapshot", b"canary")
        assert b"canary" not in sealed
        assert journal.unseal("snapshot", sealed) == b"canary"
        for harmed in (sealed[:-1], sealed[:3], b"", sealed[:-1] + bytes([sealed[-1] ^ 1])):
            assert journal.unseal("snapshot", harmed) is None
        assert journal.unseal("page", sealed) is None
        assert other.unseal("snapshot", sealed) is None
    with opened(tmp_path / "plain.db", None) as journal:
        assert journal.unseal("snapshot", journal.seal("snapshot", b"x")) == b"x"
    left_shut = open_journal(tmp_path / "j.db", read_only=True, sealed=True)
    with left_shut, pytest.raises(KeyMissingError):
        left_shut.seal("snapshot", b"x")
