"""The master key and the ring it opens: what a wrong, cut, swapped or rotated one does."""

import base64
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal import open_journal, verify
from journal.errors import (
    EncryptionMismatchError,
    KeyMissingError,
    KeyRingError,
    KeyRingMovedError,
    KeyTextError,
    LockedError,
    WrongKeyError,
)
from journal.key_ring import Place, new_ring, numbers_of, open_ring, rotated
from journal.lock import WriterLock
from journal.master_key import MasterKey, new_key, read_key
from journal.opening import open_store
from journal.rotation import rotate
from journal.url import parse_url
from tests.journal.sample import add, at, content, make, side, timer
from tests.journal.secret import (
    KEY,
    OTHER,
    THIRD,
    make_sealed,
    opened,
    put_ring,
    ring_of,
    rows_of,
    sealed_creation,
)

PLACE = Place("here", sealed_creation().journal_id, "ab" * 32)
RING = new_ring(KEY, PLACE)


@given(st.binary(min_size=32, max_size=32).filter(lambda key: len(set(key)) >= 8))
def test_a_key_is_read_from_hex_and_from_both_kinds_of_base64(key: bytes) -> None:
    for text in (
        key.hex(),
        key.hex().upper(),
        base64.b64encode(key).decode(),
        base64.urlsafe_b64encode(key).decode(),
        base64.urlsafe_b64encode(key).decode().rstrip("="),
        f"  {key.hex()}\n",
    ):
        assert read_key(text, "here").secret == key


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "correct horse battery staple", "0" * 64, "ab" * 31, "ab" * 33, "=" * 44),
        *(KEY.text[:-2], KEY.text[1:], KEY.text + "A", "ü" * 44, "A" * 43 + "=", "é"),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(KeyTextError, match="bin/refold keys new makes one") as caught:
        read_key(text, "file x")
    assert len(text.strip()) < 8 or text.strip() not in str(caught.value)


def test_a_key_shows_its_fingerprint_and_nothing_else() -> None:
    for text in (repr(KEY), str(KEY), f"{KEY}"):
        assert KEY.fingerprint in text
        assert KEY.text not in text
        assert KEY.secret.hex() not in text
    with pytest.raises(TypeError, match="stay in this process"):
        pickle.dumps(KEY)
    assert new_key() != new_key()
    assert KEY == MasterKey(KEY.secret) != OTHER


def test_the_ring_opens_with_its_key_at_its_place_only() -> None:
    keys = open_ring(RING, KEY, PLACE)
    assert (list(keys.by_number), keys.newest) == ([1], 1)
    assert "not shown" in repr(keys)
    for key, place in (
        (OTHER, PLACE),
        (KEY, PLACE._replace(journal_id="cd" * 16)),
        (KEY, PLACE._replace(first_chain="cd" * 32)),
    ):
        with pytest.raises(WrongKeyError, match="does not open under the master key"):
            open_ring(RING, key, place)


@given(st.integers(0, len(RING) * 8 - 1))
def test_a_ring_with_any_bit_flipped_or_any_byte_cut_is_refused(bit: int) -> None:
    flipped = bytearray(RING)
    flipped[bit // 8] ^= 1 << bit % 8
    for harmed in (bytes(flipped), RING[: bit // 8]):
        with pytest.raises(KeyRingError):
            open_ring(harmed, KEY, PLACE)
        with pytest.raises(KeyRingError):
            numbers_of(harmed, "here")


def test_a_ring_from_which_a_key_was_taken_is_refused_though_its_sum_fits() -> None:
    import hashlib
    import json

    ring = json.loads(rotated(RING, KEY, KEY, PLACE).partition(b"\n")[0])
    ring["keys"] = ring["keys"][:1]
    text = json.dumps(ring, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(KeyRingError, match="one that was changed"):
        open_ring(text + b"\n" + hashlib.sha256(text).hexdigest().encode(), KEY, PLACE)


def test_a_rotated_ring_has_the_old_data_keys_and_a_new_one() -> None:
    ring = rotated(RING, KEY, OTHER, PLACE)
    before, after = open_ring(RING, KEY, PLACE), open_ring(ring, OTHER, PLACE)
    assert after.by_number[1] == before.by_number[1]
    assert (after.newest, sorted(numbers_of(ring, "here"))) == (2, [1, 2])
    with pytest.raises(WrongKeyError):
        open_ring(ring, KEY, PLACE)


def test_rotation_rewrites_no_event_and_seals_what_comes_with_another_data_key(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    head = make_sealed(path, 3)
    before = rows_of(path)

    assert rotate(path, KEY, OTHER)

    assert rows_of(path) == before
    with open_journal(path, key=OTHER) as journal:
        assert journal.head == head
        add(journal, 2)
        assert [r.sequence for r in journal.read()] == [1, 2, 3, 4, 5, 6]
    assert [body[18:22].hex() for _, body in rows_of(path)[1:]] == ["00000001"] * 3 + [
        "00000002"
    ] * 2
    with pytest.raises(WrongKeyError):
        opened(path, KEY)
    assert verify(path).ok


def test_rotation_can_be_run_again_and_goes_on_from_there(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 1)
    assert rotate(path, KEY, OTHER)
    assert not rotate(path, KEY, OTHER)
    assert rotate(path, OTHER, THIRD)
    with pytest.raises(WrongKeyError):
        rotate(path, KEY, OTHER)
    with opened(path, THIRD) as journal:
        assert len(list(journal.read())) == 2


def test_an_old_copy_of_the_ring_does_not_open_what_came_after_the_rotation(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 1)
    old = ring_of(path)
    rotate(path, KEY, OTHER)
    with open_journal(path, key=OTHER) as journal:
        add(journal, 1)
    put_ring(path, old)
    with pytest.raises(Exception, match="the key ring has no data key 2"):
        opened(path, KEY)
    assert "data key 2, which the key ring lacks" in verify(path).problems[0].problem


def test_the_old_ring_is_in_no_file_after_a_rotation_though_another_holds_the_wal_open(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 1)
    with opened(path) as other:
        old = ring_of(path)[100:180]
        rotate(path, KEY, OTHER)
        assert other.read_head().sequence == 2
        assert side(path, "-wal").exists()
        assert not [file for file in tmp_path.iterdir() if old in file.read_bytes()]


def test_a_runner_keeps_a_rotation_out(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 1)
    with WriterLock(path), pytest.raises(LockedError):
        rotate(path, KEY, OTHER)
    opened(path, KEY).close()


def test_an_operators_command_that_was_open_during_a_rotation_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 1)
    with open_journal(path, key=KEY) as journal:
        rotate(path, KEY, OTHER)
        journal.append([timer(9)], expected=journal.head, epoch=1, recorded_at=at(9))
    with opened(path, OTHER) as journal:
        assert [r.sequence for r in journal.read()] == [1, 2, 3]


def test_of_two_rotations_at_once_one_writes_nothing(tmp_path: Path) -> None:
    make_sealed(tmp_path / "j.db", 1)
    store = open_store(parse_url(tmp_path / "j.db"), "rw")
    old = ring_of(tmp_path / "j.db")
    store.replace_ring(old, RING)
    with pytest.raises(KeyRingMovedError, match="nothing was written"):
        store.replace_ring(old, old)
    assert store.ring() == RING
    store.close()


def test_a_rotation_with_a_server_is_one_for_all_machines(postgres: str) -> None:
    from journal import create_journal

    with create_journal(postgres, sealed_creation(), recorded_at=at(0), key=KEY) as journal:
        add(journal, 3)
    assert rotate(postgres, KEY, OTHER)
    assert not rotate(postgres, KEY, OTHER)
    with pytest.raises(WrongKeyError):
        open_journal(postgres, read_only=True, key=KEY)
    with open_journal(postgres, key=OTHER) as journal:
        add(journal, 1)
        assert len(list(journal.read())) == 5
    assert verify(postgres).ok


def test_a_lost_or_foreign_ring_shuts_the_journal_and_verify_says_so(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make_sealed(path, 1)
    put_ring(path, None)
    with pytest.raises(KeyRingError, match="found none"):
        opened(path)
    assert "expected the key ring" in verify(path).problems[0].problem
    put_ring(path, b"something else")
    with pytest.raises(KeyRingError, match="not those that were written"):
        open_journal(path, key=KEY)


def test_a_plain_journal_has_no_keys_to_rotate_and_needs_none(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make(path, 2)
    before = content(path), path.read_bytes()
    with pytest.raises(EncryptionMismatchError, match="an encrypted journal, found a plain"):
        rotate(path, KEY, OTHER)
    with open_journal(path, read_only=True, key=KEY) as journal:
        assert not journal.encrypted
    assert (content(path), path.read_bytes()) == before
    assert b"key_ring" not in path.read_bytes()


def test_no_key_opens_no_encrypted_journal(tmp_path: Path) -> None:
    make_sealed(tmp_path / "j.db", 1)
    before = (tmp_path / "j.db").read_bytes(), side(tmp_path / "j.db", ".anchor").read_bytes()
    for read_only in (True, False):
        with pytest.raises(KeyMissingError, match="no master key was given"):
            open_journal(tmp_path / "j.db", read_only=read_only)
    after = (tmp_path / "j.db").read_bytes(), side(tmp_path / "j.db", ".anchor").read_bytes()
    assert after == before
