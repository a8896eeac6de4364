"""A state kept as bytes is the state: every field, every type, every map in its own order."""

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum

import hypothesis
import msgspec
import pytest
import rfc8785
from msgspec.structs import replace

from bin.cli import __main__ as command_line
from core import snapshot
from core.canonical import canonical_bytes
from core.decide import advance
from core.events import Event
from core.events.base import DecisionEvent
from core.evolve import evolve
from core.reading import ReadingError, decoder_of
from core.rules import RULES
from core.snapshot import SnapshotError
from core.state import INITIAL, CycleCounts, Intent, Lockout, State
from tests.build_world import at
from tests.campaign import scenario
from tests.core.small_world import POLICIES, STEPS, Made, Random, play
from tests.core.world import Settings
from tests.sessions import events_of, run_session

SOURCE, CHAIN = "5" * 64, "c" * 64


def kept(state: State) -> bytes:
    """A snapshot at sequence 9."""
    return snapshot.encode(state, sequence=9, chain=CHAIN, source=SOURCE)


def read_back(data: bytes, journal_id: str) -> State:
    """The state in a snapshot."""
    return snapshot.state_of(snapshot.opened(data, journal_id=journal_id, source=SOURCE)[1])


def again(state: State) -> State:
    """`state` by way of its bytes."""
    return read_back(kept(state), state.journal_id)


def differences(left: object, right: object, where: str = "state") -> Iterator[str]:
    """Where two values differ in a type, a value, or the order of a map; == sees neither of two."""
    if type(left) is not type(right):
        yield f"{where}: {type(left).__name__} and {type(right).__name__}"
    elif isinstance(left, msgspec.Struct):
        for name in left.__struct_fields__:
            yield from differences(getattr(left, name), getattr(right, name), f"{where}.{name}")
    elif isinstance(left, dict):
        assert isinstance(right, dict)
        if list(left) != list(right) and "shards" not in where:
            yield f"{where}: keys {list(left)} and {list(right)}"
        for key in left.keys() & right.keys():
            yield from differences(left[key], right[key], f"{where}[{key}]")
    elif isinstance(left, tuple):
        assert isinstance(right, tuple)
        if len(left) != len(right):
            yield f"{where}: {len(left)} and {len(right)}"
        for index, pair in enumerate(zip(left, right, strict=False)):
            yield from differences(*pair, where=f"{where}[{index}]")
    elif left != right or (str(left) != str(right) and not isinstance(left, frozenset)):
        yield f"{where}: {left!r} and {right!r}"


def states(events: Sequence[Event]) -> Iterator[State]:
    """The state after each event."""
    state = INITIAL
    for event in events:
        state = evolve(state, event)
        yield state


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> list[list[Event]]:
    """The events of a session with faults, and of the campaign's session, with every fate."""
    folder = tmp_path_factory.mktemp("campaign")
    url = f"sqlite:///{folder}/j.db"
    words = ["run", "--config", str(scenario.write_inputs(folder)), "--journal", url, "--json"]
    assert command_line.main(words) == 0
    return [
        events_of(run_session(tmp_path_factory.mktemp("session"), cycles=30)),
        events_of(url),
    ]


def test_a_state_of_a_real_session_comes_back_whole_at_every_sequence(
    journals: list[list[Event]],
) -> None:
    for events in journals:
        for sequence, state in enumerate(states(events), start=1):
            back = again(state)
            assert back == state, sequence
            assert list(differences(state, back)) == [], sequence


def test_every_field_of_the_state_was_something_in_these_sessions(
    journals: list[list[Event]],
) -> None:
    """Else the test above would not see that the field is lost."""
    seen: set[str] = set()
    for events in journals:
        for state in states(events):
            seen |= {
                name
                for name in state.__struct_fields__
                if getattr(state, name) != getattr(INITIAL, name)
            }

    assert set(INITIAL.__struct_fields__) - seen == SEEN_ELSEWHERE


SEEN_ELSEWHERE = {
    "halted",
    "lockouts",
    "mismatched",
    "next_config",
    "unsettled",
    "alerts",
    "orphans",
    "streams",
    "unfollowed",
}
"""Fields that stay as they are in these sessions; `filled` sets them."""


def test_the_fields_that_no_session_sets_come_back_too() -> None:
    config = replace(INITIAL.config, seed=3, symbols=("A", "B"))
    filled = replace(
        INITIAL,
        halted=True,
        lockouts={
            "strategy": Lockout("throttle.executions"),
            "broker": Lockout("lockout.unauthorized", at(60), 2),
        },
        mismatched={"MSFT": "position", "IBM": "foreign-order"},
        next_config=(config, "id", "hash"),
        unsettled=CycleCounts(number=1, slot=INITIAL.now, intents=3),
        alerts=frozenset({"b", "a", "c"}),
        orphans={"order-1": "MSFT"},
        unfollowed={"order-2": "IBM"},
        streams={"trade_updates": "", "account": "not compared"},
    )
    changed = {
        name for name in filled.__struct_fields__ if getattr(filled, name) != getattr(INITIAL, name)
    }

    assert changed == SEEN_ELSEWHERE
    assert list(differences(filled, again(filled))) == []


@hypothesis.given(steps=STEPS, policy=POLICIES)
def test_a_state_of_a_drawn_history_comes_back_whole(steps: list[Made], policy: Settings) -> None:
    state = play(steps, policy).state

    assert list(differences(state, again(state))) == []


@hypothesis.given(steps=STEPS, policy=POLICIES, split=hypothesis.strategies.integers(1, 200))
def test_from_a_state_that_came_back_the_same_decisions_are_derived(
    steps: list[Made], policy: Settings, split: int
) -> None:
    recorded = play(steps, policy).recorded
    heard = [event for event in recorded if not isinstance(event, DecisionEvent)]
    state = INITIAL
    derived: list[Event] = []
    for place, event in enumerate(heard):
        state, decided = advance(
            again(state) if place == split % len(heard) else state, event, Random
        )
        derived += [event, *decided]

    assert list(map(canonical_bytes, derived)) == list(map(canonical_bytes, recorded))


def test_a_map_keeps_the_order_in_which_it_grew_for_a_strategy_may_walk_it() -> None:
    grown = replace(INITIAL, timers={"z": INITIAL.now, "a": INITIAL.now, "m": INITIAL.now})

    assert list(again(grown).timers) == ["z", "a", "m"]


def test_equal_states_have_equal_bytes_whatever_the_process_hashes() -> None:
    keys = [f"order.orphan:{number}" for number in range(40)]
    shuffled = random.Random(1).sample(keys, len(keys))

    one, other = (
        replace(INITIAL, alerts=frozenset(keys)),
        replace(INITIAL, alerts=frozenset(shuffled)),
    )

    assert kept(one) == kept(other)
    assert b'"alerts":["order.orphan:0","order.orphan:1",' in kept(one)


def test_the_body_is_canonical_json(journals: list[list[Event]]) -> None:
    *_, state = states(journals[0])
    line, _, body = kept(state).partition(b"\n")

    for part in (line, body):
        assert rfc8785.dumps(msgspec.json.decode(part)) == part


def test_a_flip_of_any_bit_is_seen(journals: list[list[Event]]) -> None:
    """Of the envelope every bit; of the body, which is under one hash, some.

    Sequence and chain are compared with the journal, which the caller has.
    """
    *_, state = states(journals[0])
    data = kept(state)
    envelope = data.index(b"\n") + 1
    chance = random.Random(3)
    places = [*range(envelope), *(chance.randrange(envelope, len(data)) for _ in range(100))]
    for place in places:
        for bit in range(8):
            torn = bytearray(data)
            torn[place] ^= 1 << bit
            try:
                found, _ = snapshot.opened(bytes(torn), journal_id=state.journal_id, source=SOURCE)
            except SnapshotError:
                continue
            assert (found.sequence, found.chain) != (9, CHAIN), (place, bit)


@pytest.mark.parametrize("end", [0, 1, 100, 400, -1])
def test_a_cut_snapshot_is_none(end: int) -> None:
    with pytest.raises(SnapshotError):
        read_back(kept(INITIAL)[:end], "")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "refold-snapshot.v2"),
        ("journal_id", "f" * 32),
        ("rules", RULES + 1),
        ("source", "6" * 64),
        ("body_sha256", "0" * 64),
        ("sequence", 0),
        ("sequence", 2**64),
    ],
)
def test_one_of_another_format_journal_core_or_content_is_refused(
    field: str, value: object
) -> None:
    line, _, body = kept(INITIAL).partition(b"\n")
    envelope = {**msgspec.json.decode(line), field: value}

    with pytest.raises(SnapshotError):
        snapshot.opened(canonical_bytes(envelope) + b"\n" + body, journal_id="", source=SOURCE)


@pytest.mark.parametrize("harm", ["missing", "more", "wrong type", "status", "order"])
def test_a_body_that_is_no_state_is_refused(harm: str, journals: list[list[Event]]) -> None:
    """Its hash may be right: then it was written by another core than its envelope says."""
    *_, state = states(journals[0])
    plain = msgspec.json.decode(
        snapshot.opened(kept(state), journal_id=state.journal_id, source=SOURCE)[1]
    )
    first = next(iter(next(iter(plain["state"]["closed"]["shards"].values())).values()))
    match harm:
        case "missing":
            del plain["state"]["halted"]
        case "more":
            plain["state"]["hope"] = True
        case "wrong type":
            first["cycle"] = "1"
        case "status":
            first["status"] = "LOST"
        case "order":
            plain["order"] = {"timers": ["nobody"]}
        case _:
            pytest.fail(harm)

    with pytest.raises(SnapshotError):
        snapshot.state_of(canonical_bytes(plain))


class Color(StrEnum):
    """An enum."""

    RED = "red"


class Paint(StrEnum):
    """Another enum with a value of the first."""

    RED = "red"


class Sparing(msgspec.Struct, omit_defaults=True):
    """A struct that does not write all its fields, and that msgspec cannot read."""

    color: Color | Paint = Color.RED


@pytest.mark.parametrize(
    "kind", [Color | Paint, Sparing, dict[int, Color | Paint], Color | int | str]
)
def test_a_type_that_would_lose_something_is_refused_before_anything_is_read(kind: object) -> None:
    with pytest.raises(TypeError):
        decoder_of(kind)


def test_what_is_not_of_the_type_is_refused() -> None:
    with pytest.raises(ReadingError):
        decoder_of(Intent)(b'["not an object"]')
    with pytest.raises(ReadingError):
        decoder_of(Decimal)(b'"many"')
