"""The fail-closed matrix: every key and every harm, in every mode, at every door.

Each cell is refused with its own line before the first event, or works; after each of them no
canary lies in any file. `EXPECTED` says which: a door that is not named works.
"""

import hashlib
import itertools
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from core.config import flatten
from core.contract import Mode
from journal import open_journal, verify
from journal.errors import (
    BrokenChainError,
    EncryptionMismatchError,
    JournalError,
    KeyMissingError,
    KeyRingError,
    KeyTextError,
    WrongKeyError,
)
from journal.master_key import MasterKey
from journal.rotation import rotate
from live.encryption import notice
from live.keys import master_key
from live.operator import command
from tests.journal.secret import KEY, OTHER, THIRD, forge, put_ring, ring_of
from tests.live.encrypted import CANARIES, WHY, config_of, leaks, session, world

Harm = Callable[[Path, Path], None]
DOORS = ("read", "write", "start", "rotate")
MODES = tuple(Mode)


class State(NamedTuple):
    """What is given as the key, what was done to the journal, and what the doors say then."""

    key: str | None
    harm: Harm
    refusals: dict[str, type[JournalError]]


def nothing(_place: Path, _other: Path) -> None:
    """The journal as it was."""


def rotate_it(place: Path, _other: Path) -> None:
    rotate(place / "j.db", KEY, OTHER)


def swap_ciphertexts(place: Path, _other: Path) -> None:
    def swapped(rows: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        (one, body), (two, body_of_two) = rows[5], rows[6]
        first = (one, body[:18] + body_of_two[18:])
        return [*rows[:5], first, (two, body_of_two[:18] + body[18:]), *rows[7:]]

    forge(place / "j.db", swapped)


def cut_a_ciphertext(place: Path, _other: Path) -> None:
    forge(place / "j.db", lambda rows: [*rows[:-1], (rows[-1][0], rows[-1][1][:-9])])


def move_a_ciphertext(place: Path, other: Path) -> None:
    from tests.journal.secret import rows_of

    foreign = rows_of(other / "j.db")
    forge(place / "j.db", lambda rows: [*rows[:-1], foreign[len(rows) - 1]])


def slip_in_a_plain_event(place: Path, _other: Path) -> None:
    def plain(rows: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        topic, body = rows[-1]
        return [*rows[:-1], (topic, b"\x01\x00" + body[2:18] + b'{"type":"runner-stopped.v1"}')]

    forge(place / "j.db", plain)


def take_the_ring(place: Path, _other: Path) -> None:
    put_ring(place / "j.db", None)


def cut_the_ring(place: Path, _other: Path) -> None:
    put_ring(place / "j.db", ring_of(place / "j.db")[:-20])


def swap_the_ring(place: Path, other: Path) -> None:
    put_ring(place / "j.db", ring_of(other / "j.db"))


def every(error: type[JournalError]) -> dict[str, type[JournalError]]:
    """Every door refuses with this."""
    return dict.fromkeys(DOORS, error)


STATES = {
    "right key": State(KEY.text, nothing, {}),
    "missing key": State(None, nothing, every(KeyMissingError)),
    "wrong key": State(THIRD.text, nothing, every(WrongKeyError)),
    "rotated, old key": State(KEY.text, rotate_it, every(WrongKeyError)),
    "rotated, new key": State(OTHER.text, rotate_it, {}),
    "truncated key": State(KEY.text[:30], nothing, every(KeyTextError)),
    "empty key": State("", nothing, every(KeyTextError)),
    "another journal's key": State(OTHER.text, nothing, every(WrongKeyError)),
    # Whatever is changed, the last event was sealed behind another chain: one look is enough.
    "swapped ciphertexts": State(KEY.text, swap_ciphertexts, every(BrokenChainError)),
    "truncated ciphertext": State(KEY.text, cut_a_ciphertext, every(BrokenChainError)),
    "moved ciphertext": State(KEY.text, move_a_ciphertext, every(BrokenChainError)),
    "plain event slipped in": State(KEY.text, slip_in_a_plain_event, every(BrokenChainError)),
    "no key ring": State(KEY.text, take_the_ring, every(KeyRingError)),
    "truncated key ring": State(KEY.text, cut_the_ring, every(KeyRingError)),
    "another journal's key ring": State(KEY.text, swap_the_ring, every(WrongKeyError)),
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encrypted journal of every mode under KEY, and one of another key and name."""
    folder = tmp_path_factory.mktemp("bases")
    outside = world(folder / "outside")
    for mode in MODES:
        place = folder / mode
        place.mkdir()
        session(config_of(outside, place, mode, enabled=True), KEY)
    (folder / "other").mkdir()
    session(config_of(outside, folder / "other", Mode.SIM, enabled=True, name="other"), OTHER)
    return folder


@pytest.fixture
def place(bases: Path, tmp_path: Path) -> Iterator[Callable[[Mode], Path]]:
    """A copy of a mode's journal with its outside; afterwards no canary lies in it."""
    made: list[Path] = []

    def copied(mode: Mode) -> Path:
        target = tmp_path / mode
        shutil.copytree(bases / mode, target)
        shutil.copytree(bases / "outside", tmp_path / "outside")
        made.append(target)
        return target

    yield copied
    for target in made:
        assert leaks(target) == []


def go(door: str, place: Path, mode: Mode, key: MasterKey | None) -> None:
    """Use the journal through one door."""
    path = place / "j.db"
    if door == "read":
        with open_journal(path, read_only=True, key=key) as journal:
            assert len([recorded.event for recorded in journal.read()]) > 10
    elif door == "write":
        with open_journal(path, key=key) as journal:
            command(journal, "halt", who=WHY, where=WHY, why=WHY, now=None)
    elif door == "start":
        outside = place.parent / "outside"
        session(config_of(outside, place, mode, enabled=mode is not Mode.LIVE or None), key)
    elif key is None:
        raise KeyMissingError("rotate")
    else:
        rotate(path, key, MasterKey(hashlib.sha256(b"newest").digest()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", STATES)
def test_every_cell_refuses_with_its_own_line_or_works(
    place: Callable[[Mode], Path], bases: Path, name: str, door: str, mode: Mode
) -> None:
    state, folder = STATES[name], place(mode)
    state.harm(folder, bases / "other")
    before, ring = verify(folder / "j.db").head, _ring(folder)
    environ = {} if state.key is None else {"MASTER_ENCRYPTION_KEY": state.key}

    expected = state.refusals.get(door)
    if expected is None:
        go(door, folder, mode, master_key(environ))
        assert verify(folder / "j.db").ok
        grown = verify(folder / "j.db").head.sequence > before.sequence
        assert grown is (door in ("write", "start"))
        return
    with pytest.raises(expected) as caught:
        go(door, folder, mode, master_key(environ))
    line = str(caught.value)
    assert "\n" not in line
    assert not state.key or state.key not in line
    assert (verify(folder / "j.db").head, _ring(folder)) == (before, ring)


def _ring(folder: Path) -> bytes | None:
    try:
        return ring_of(folder / "j.db")
    except TypeError:
        return None


@pytest.mark.parametrize(
    ("mode", "enabled", "encrypted"),
    list(itertools.product(MODES, (None, True, False), (True, False))),
)
def test_the_kind_of_journal_that_is_meant_is_the_kind_that_is_there(
    tmp_path: Path, mode: Mode, enabled: bool | None, encrypted: bool
) -> None:
    outside, folder = world(tmp_path / "outside"), tmp_path / "place"
    folder.mkdir()
    session(config_of(outside, folder, mode, enabled=encrypted), KEY, 1)
    before = verify(folder / "j.db").head
    meant = config_of(outside, folder, mode, enabled=enabled)

    if meant.encrypted is encrypted:
        session(meant, KEY, 1)
        assert verify(folder / "j.db").head.sequence > before.sequence
    else:
        with pytest.raises(EncryptionMismatchError, match=r"set encryption\.enabled = "):
            session(meant, KEY, 1)
        assert verify(folder / "j.db").head == before
    assert bool(leaks(folder)) is not encrypted


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("enabled", [None, True, False])
def test_a_first_start_without_a_key_makes_a_plain_journal_only_where_one_is_meant(
    tmp_path: Path, mode: Mode, enabled: bool | None
) -> None:
    outside, folder = world(tmp_path / "outside"), tmp_path / "place"
    folder.mkdir()
    config = config_of(outside, folder, mode, enabled=enabled)
    if config.encrypted:
        with pytest.raises(KeyMissingError, match="and no master key was given"):
            session(config, None)
        assert list(folder.iterdir()) == []
    else:
        session(config, None, 1)
        assert leaks(folder)


def test_a_live_start_that_is_told_to_stay_plain_says_so(tmp_path: Path) -> None:
    plain, unset = (config_of(tmp_path, tmp_path, Mode.LIVE, enabled=on) for on in (False, None))
    assert "NOT encrypted: encryption.enabled = false" in (notice(plain, None) or "")
    assert notice(unset, KEY) is None
    assert flatten(plain)["encryption.enabled"] is False


def test_the_search_finds_a_canary_in_every_form_it_claims_to(tmp_path: Path) -> None:
    import base64
    import gzip

    for canary in CANARIES:
        forms = [canary, canary.hex().encode(), zlib.compress(b"x" * 50 + canary)]
        forms += [base64.b64encode(b"x" * pad + canary + b"tail") for pad in range(3)]
        forms += [gzip.compress(canary)]
        for form in forms:
            (tmp_path / "file").write_bytes(b"before" + form + b"after")
            assert leaks(tmp_path), form
    (tmp_path / "file").write_bytes(b"nothing of it")
    assert leaks(tmp_path) == []
