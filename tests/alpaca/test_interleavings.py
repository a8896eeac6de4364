"""Whatever the stream of order updates loses, doubles, overtakes or delays, a reconcile mends it.

full    python -m tests.campaign.stream_orders --cases 10000, and the same with --replaced
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from core import fills, order_facts, succession
from live.brokers.alpaca import reconcile
from live.brokers.alpaca.succession import follow
from tests.campaign.stream_orders import (
    AMENDED,
    BEHIND,
    HISTORIES,
    REPLACED,
    TAG,
    Act,
    History,
    check,
    check_amended,
    histories,
)

_ALL = list(HealthCheck)
ON_TIME, LOST, TWICE, LATE = ((0,),) * 3, ((),) * 3, ((0, 1),) * 3, ((BEHIND,),) * 3


def one(*acts: tuple[str, int, tuple[tuple[int, ...], ...]]) -> History:
    """Ten shares of one order, and what happens to it."""
    return History(
        (("AAA", 10, True),), tuple(Act(what, 0, share, fates) for what, share, fates in acts)
    )


@settings(max_examples=300, suppress_health_check=_ALL)
@given(HISTORIES)
def test_any_interleaving_and_a_reconcile_fold_to_the_clean_run(history: History) -> None:
    check(history)


@settings(max_examples=100, suppress_health_check=_ALL)
@given(histories(AMENDED))
def test_a_bust_or_correction_that_was_not_heard_is_a_mismatch_by_name(history: History) -> None:
    check_amended(history)


@settings(max_examples=100, suppress_health_check=_ALL)
@given(histories(REPLACED))
def test_any_interleaving_about_a_chain_of_replacements_folds_to_the_clean_run(
    history: History,
) -> None:
    check(history)


ONCE = one(("step", 1, ON_TIME), ("fill", 4, LOST), ("replace", 9, LOST), ("step", 1, LOST))
AGAIN = History(
    ONCE.orders,
    (
        *ONCE.acts,
        Act("step", 0, 1, LOST),
        Act("replace", 1, 8, LOST),
        Act("restart", 0, 1, LOST),
        Act("step", 0, 1, LOST),
        Act("step", 0, 1, LATE),
        Act("fill", 2, 5, TWICE),
    ),
)


def test_a_chain_nobody_heard_of_is_followed_by_rest_across_a_restart() -> None:
    world = check(AGAIN)
    (order,) = world.disturbed.intents.values()

    assert order.filled == 5
    assert world.disturbed.position("AAA") == 9
    assert world.disturbed.executions == 1


def test_an_order_replaced_by_nothing_stays_blocked_and_named() -> None:
    world = check(one(("step", 1, ON_TIME), ("corporate", 1, LOST)))

    assert world.disturbed.mismatched == {"AAA": "order-replaced"}
    assert list(world.disturbed.unfollowed.values()) == ["AAA"]


def test_a_lost_bust_is_named() -> None:
    world = check_amended(one(("step", 1, ON_TIME), ("fill", 9, ON_TIME), ("bust", 1, LOST)))

    assert world.clean.position("AAA") == 0
    assert world.disturbed.mismatched == {"AAA": "order"}


def test_a_lost_correction_of_a_price_is_named_once_it_cannot_be_on_its_way() -> None:
    world = check_amended(one(("step", 1, ON_TIME), ("fill", 7, ON_TIME), ("correct", 1, LOST)))

    order = f"{TAG}0001"
    assert world.clean.average_price(order) == Decimal("11.7")
    assert world.disturbed.average_price(order) == Decimal("10.7")
    assert world.disturbed.mismatched == {"AAA": "order"}


def deaf_to_rest(patch: pytest.MonkeyPatch) -> None:
    """A reconcile that tells nothing of our orders."""
    patch.setattr(reconcile, "_news", lambda *_, **__: [])


def counted_again(patch: pytest.MonkeyPatch) -> None:
    """An execution has no name: a second word for it counts."""
    real: Callable[..., Any] = fills.with_fill

    def with_fill(known: Any, shares: Any, price: Any, *_: Any) -> Any:
        return real(known, shares, price, None, None)

    patch.setattr(fills, "with_fill", with_fill)


def reopened(patch: pytest.MonkeyPatch) -> None:
    """A late word for an order that is over is believed."""
    real: Callable[..., Any] = order_facts._accepted

    def accepted(intent: Any, venue_order_id: str | None, word: str | None) -> Any:
        heard = real(intent, venue_order_id, word)
        return replace(heard, reported_status=word) if word else heard

    patch.setattr(order_facts, "_accepted", accepted)
    patch.setattr(reconcile, "_news", lambda *_, **__: [])


def unlinked(patch: pytest.MonkeyPatch) -> None:
    """A successor is nobody's: what it replaces is not asked."""
    patch.setattr(
        "live.brokers.alpaca.reconcile.follow",
        lambda *given: follow(*given)._replace(predecessors={}),
    )


def filled_already(patch: pytest.MonkeyPatch) -> None:
    """A successor begins with the fills of the order it replaces."""
    real = succession.successor_of
    patch.setattr(
        succession, "successor_of", lambda old, event: replace(real(old, event), fills=old.fills)
    )


FAULTS = [
    (unlinked, AGAIN),
    (filled_already, one(("step", 1, ON_TIME), ("fill", 4, ON_TIME), ("replace", 9, LOST))),
    (deaf_to_rest, one(("step", 1, ON_TIME), ("fill", 4, LOST))),
    (counted_again, one(("step", 1, ON_TIME), ("fill", 4, TWICE))),
    (reopened, one(("step", 1, LATE), ("fill", 9, ON_TIME), ("fill", 9, ON_TIME))),
]


@pytest.mark.parametrize(("plant", "history"), FAULTS, ids=[p.__name__ for p, _ in FAULTS])
def test_a_planted_fault_breaks_the_law(
    plant: Callable[[pytest.MonkeyPatch], None],
    history: History,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check(history)
    plant(monkeypatch)

    with pytest.raises(AssertionError):
        check(history)
