"""Journals read by the protocol's table: its own are taken, the first event beside it is named."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from core.cycle import client_order_id
from core.events import (
    ConfigSnapshot,
    Event,
    IntentCreated,
    JournalCreated,
    KillSwitchLatched,
    LookupRequested,
    OrderSubmitFailed,
    ReconcileMismatched,
    RollbackAccepted,
    RunnerStarted,
    StrategyLoaded,
)
from core.events.lifecycle import Setting
from core.state import State, StrategyFacts
from journal import open_journal
from replay.acceptor import Problem, rejected
from tests.build import (
    absent,
    at,
    attempted,
    cancel_attempted,
    closed,
    cycle_opened,
    fill,
    found,
    intent,
    reason,
    reported,
    runner_started,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.build_world import decided
from tests.sessions import run_session

JOURNAL = "0123456789abcdef0123456789abcdef"
GOLDEN = Path(__file__).parent.parent / "golden"


def order_id(seconds: float = 0, symbol: str = "MSFT") -> str:
    """The core's own id of a decision."""
    facts = StrategyFacts(name="test", source_hash="", window=1)
    return client_order_id(State(journal_id=JOURNAL, strategy=facts), at(seconds), symbol, 0)


A = order_id()
B = order_id(60)
STRANGER = A[:-2] + "zz"


class Line(NamedTuple):
    """A recorded event, as far as the acceptor looks."""

    sequence: int
    event: Event
    epoch: int


def look(count: int = 1, order: str = A) -> LookupRequested:
    """The broker is to be asked."""
    return LookupRequested(
        **decided(0, 1, "look", order, count),  # type: ignore[arg-type]
        client_order_id=order,
        look=count,
    )


def latched() -> KillSwitchLatched:
    """Everything halts."""
    return KillSwitchLatched(
        **decided(0, 1, "latched"),  # type: ignore[arg-type]
        reason=reason("operator.halt"),
    )


def config(settle_s: str = "300", looks: int = 2, *, resend: bool = False) -> ConfigSnapshot:
    """How long and how often is looked."""
    told: dict[str, Setting] = {
        "broker.settle_s": settle_s,
        "broker.looks": looks,
        "broker.resend_unknown": resend,
    }
    return ConfigSnapshot(observed_at=at(), config=told, config_hash="", rules=1)


BEGUN: tuple[Event, ...] = (
    JournalCreated(
        observed_at=at(),
        journal_id=JOURNAL,
        name="main",
        mode="paper",
        account_hash="",
        encrypted=False,
        format=1,
        min_reader=1,
    ),
    config(),
    StrategyLoaded(
        observed_at=at(),
        name="test",
        class_name="T",
        entry="t",
        sources={},
        source_hash="",
        window=1,
    ),
    runner_started(),
)
INTENT = intent(A)
SENT: tuple[Event, ...] = (cycle_opened(), INTENT, attempted(A))
LATER: tuple[Event, ...] = (cycle_opened(2, seconds=60), intent(B, seconds=60), attempted(B))
LOST: tuple[Event, ...] = (*SENT, submit_unknown(A), look())
GIVEN_UP: tuple[Event, ...] = (*SENT, submit_failed(A), closed(A, "FAILED"))
DUPLICATE = OrderSubmitFailed(
    **{
        **{name: getattr(submit_failed(A), name) for name in OrderSubmitFailed.__struct_fields__},
        "status_code": 422,
        "detail": "duplicate_id: client_order_id must be unique",
    }
)


def problem_of(*events: Event | Sequence[Event], fenced: int = 0) -> Problem | None:
    """What the acceptor says of these events behind `BEGUN`; the last `fenced` are of epoch 1."""
    flat = [*BEGUN]
    for event in events:
        flat += [event] if isinstance(event, Event) else event
    lines: list[Line] = []
    epoch = 1
    for number, event in enumerate(flat, start=1):
        epoch = max(epoch, event.epoch) if isinstance(event, RunnerStarted) else epoch
        late = number > len(flat) - fenced
        lines.append(Line(number, event, 1 if late else epoch))
    return rejected(lines)


GOOD: dict[str, tuple[Event, ...]] = {
    "accepted, filled": (*SENT, submitted(A), fill(order=A), closed(A, filled=100)),
    "filled by its answer": (*SENT, submitted(A, status="filled"), closed(A, filled=100)),
    "refused": GIVEN_UP,
    "sent again after a certain no": (
        *SENT,
        submit_failed(A, "rate_limited"),
        attempted(A, 2),
        submitted(A, attempt=2),
    ),
    "lost and found": (*LOST, found(INTENT)),
    "absent for long enough": (
        *LOST,
        absent(A, seconds=200),
        absent(A, seconds=301),
        closed(A, "FAILED"),
        *LATER,
    ),
    "failed looks prove nothing": (
        *LOST,
        absent(A, complete=False, seconds=200),
        absent(A, complete=False, seconds=301),
    ),
    "an attempt without an answer, and a restart": (
        *SENT,
        runner_started(2),
        look(),
        found(INTENT),
    ),
    "an orphan canceled": (
        *GIVEN_UP,
        reported(A, "new"),
        cancel_attempted(A),
        reported(A, "canceled"),
    ),
    "vanished and gone": (
        *SENT,
        submitted(A),
        ReconcileMismatched(
            observed_at=at(5),
            what="order-vanished",
            symbol="MSFT",
            journal_side="new",
            broker_side="absent",
            client_order_id=A,
        ),
        look(),
        absent(A, seconds=200),
        absent(A, seconds=306),
        closed(A, "FAILED"),
    ),
    "a rollback that was accepted": (
        RollbackAccepted(
            observed_at=at(),
            journal_sequence=3,
            journal_chain="",
            anchor_sequence=9,
            anchor_chain="",
            who="me",
            why="restored",
        ),
        reported(STRANGER, "new"),
    ),
}
BAD: dict[str, tuple[str, tuple[Event, ...]]] = {
    "a fresh id per attempt": (
        "expected the id of its slot",
        (*LOST, cycle_opened(2, seconds=60), replace(INTENT, client_order_id=STRANGER)),
    ),
    "a fresh id, told by the broker": ("never decided on", (*LOST, reported(STRANGER, "new"))),
    "sent before its intent": ("answered without an intent", (cycle_opened(), submitted(A))),
    "an answer to no attempt": ("an answer to attempt 2", (*SENT, submitted(A, attempt=2))),
    "422 read as a refusal": (
        "read as a refusal",
        (*SENT, DUPLICATE, closed(A, "FAILED")),
    ),
    "404 read as absent": ("FAIL at UNKNOWN", (*LOST, absent(A, seconds=400), closed(A, "FAILED"))),
    "no settling time": (
        "FAIL at UNKNOWN",
        (*LOST, absent(A, seconds=1), absent(A, seconds=2), closed(A, "FAILED")),
    ),
    "sent again against the policy": (
        "ATTEMPT at ABSENT",
        (*LOST, absent(A, seconds=200), absent(A, seconds=301), attempted(A, 2)),
    ),
    "no orphan watch": ("expected a cancel", (*GIVEN_UP, reported(A, "new"), *LATER)),
    "a start that forgets an attempt": ("expected a look", (*SENT, runner_started(2), *LATER)),
    "a lost answer that nobody looks for": ("expected a look", (*SENT, submit_unknown(A), *LATER)),
    "an unknown order that does not block": ("is not over", (*LOST, *LATER)),
    "no broker membership check": (
        "never decided on",
        (
            *SENT,
            submitted(A),
            ReconcileMismatched(
                observed_at=at(5),
                what="foreign-order-with-our-tag",
                symbol="AAPL",
                journal_side="absent",
                broker_side="new",
                client_order_id=STRANGER,
            ),
        ),
    ),
    "an attempt that is skipped": ("expected attempt 2", (*SENT, attempted(A, 3))),
    "an intent without its attempt": (
        "expected an attempt",
        (*SENT[:2], cycle_opened(2, seconds=60)),
    ),
    "the same slot twice": ("is opened after", (*GIVEN_UP, cycle_opened(2))),
    "an intent while halted": ("kill switch", (cycle_opened(), latched(), INTENT)),
    "closed without a word": ("CLOSE at WORKING", (*SENT, submitted(A), closed(A, "CANCELED"))),
    "an epoch that is not newer": ("expected an epoch above 1", (runner_started(1),)),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_journal_of_the_protocol_is_taken(name: str) -> None:
    assert problem_of(GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_the_first_event_beside_it_is_named(name: str) -> None:
    why, events = BAD[name]

    problem = problem_of(events)

    assert problem is not None
    assert why in str(problem)


def test_a_fenced_runner_that_wrote_is_named() -> None:
    problem = problem_of(SENT, runner_started(2), look(), found(INTENT), fenced=1)

    assert problem is not None
    assert "fenced" in problem.why
    assert problem.sequence == len(BEGUN) + len(SENT) + 3


def test_after_an_order_of_ours_that_is_not_here_everything_halts() -> None:
    accepted = GOOD["a rollback that was accepted"][0]
    mismatch = BAD["no broker membership check"][1][-1]

    assert problem_of(accepted, mismatch, latched(), cycle_opened()) is None
    problem = problem_of(accepted, mismatch, cycle_opened())
    assert problem is not None
    assert "expected the kill switch" in problem.why


def test_a_real_session_is_taken_and_each_order_event_of_it_is_needed(tmp_path: Path) -> None:
    with open_journal(run_session(tmp_path), read_only=True) as journal:
        records = list(journal.read())

    assert rejected(records) is None
    first = next(n for n, record in enumerate(records) if isinstance(record.event, IntentCreated))
    assert rejected(records[:first] + records[first + 1 :]) is not None


@pytest.mark.parametrize("name", ["v1.db", "v2.db"])
def test_a_golden_journal_is_a_sample_of_every_event_and_no_session(
    name: str, tmp_path: Path
) -> None:
    for beside in (name, f"{name}.anchor"):
        (tmp_path / beside).write_bytes((GOLDEN / beside).read_bytes())
    with open_journal(f"sqlite:///{tmp_path}/{name}", read_only=True) as journal:
        problem = rejected(journal.read())

    assert problem is not None
    assert "without an intent" in problem.why
