"""Whether a journal and the venue say the same: of every order, execution and share.

shape   `disagreements(events, dump)` -> (what is wrong, the state the events end in); `dump` is the
        fault venue's own state, from its admin side
rules   The venue is the witness. One order a slot and symbol; a POST for each durable attempt and
        no more; every order of the journal is at the venue with its fills and status, or was
        closed with the evidence that it is not; nothing is left without an outcome, or it is
        UNKNOWN and was asked for
lines   begin with DUPLICATE, LOST_ORDER, LOST_FILL or UNRESOLVED where they are one of these
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from core.events import (
    Event,
    IntentClosed,
    OrderLookedUp,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
)
from core.evolve import evolve
from core.order import GIVEN_UP, OpenStatus, TerminalStatus, status_of
from core.state import INITIAL, Intent, State

DUPLICATE = "duplicate: "
LOST_ORDER = "lost order: "
LOST_FILL = "lost fill: "
UNRESOLVED = "unresolved: "
ORPHAN = "orphan: "
"""How the line of an order begins that was given up, came all the same, and was named for it."""


def disagreements(
    events: Sequence[Event], dump: Mapping[str, Any], *, posts_extra: int = 0
) -> tuple[list[str], State]:
    """What is wrong, and the state at the end.

    `posts_extra`: how often the way to the venue may have doubled a POST.
    """
    state = INITIAL
    for event in events:
        state = evolve(state, event)
    return compared(state, events, dump, posts_extra=posts_extra), state


def compared(
    state: State, events: Sequence[Event], dump: Mapping[str, Any], *, posts_extra: int = 0
) -> list[str]:
    """What is wrong with `state`, whose orders `events` tell of, where the venue has `dump`."""
    wrong = [*_duplicates(state, dump), *_posts(events, dump, posts_extra), *_orders(state, dump)]
    wrong += [*_without_outcome(state, events), *_executions(state, dump), *_account(state, dump)]
    return wrong


def _intents(state: State) -> dict[str, Intent]:
    return {**dict(state.closed.items()), **state.intents}


def _duplicates(state: State, dump: Mapping[str, Any]) -> list[str]:
    """Orders nobody decided on, and two for one decision."""
    intents, slots = _intents(state), Counter[str]()
    strangers = []
    for order in dump["orders"]:
        intent = intents.get(order["client_order_id"])
        if intent is None:
            strangers.append(f"{DUPLICATE}{order['client_order_id']} of nobody at the venue")
        else:
            slots[f"{intent.slot} {intent.symbol}"] += 1
    return strangers + [f"{DUPLICATE}{n} orders for {at}" for at, n in slots.items() if n > 1]


def _posts(events: Sequence[Event], dump: Mapping[str, Any], extra: int) -> list[str]:
    """A POST for each durable attempt; where the way there doubles one, one more."""
    attempts = Counter(e.client_order_id for e in events if isinstance(e, OrderSubmitAttempted))
    return [
        f"{order_id}: {posts} posts, {attempts[order_id]} durable attempts"
        for order_id, posts in dump["posts"].items()
        if posts > attempts[order_id] + extra
    ]


def _orders(state: State, dump: Mapping[str, Any]) -> list[str]:
    """Every order of the journal against the venue's."""
    theirs = {order["client_order_id"]: order for order in dump["orders"]}
    wrong: list[str] = []
    for order_id, intent in sorted(_intents(state).items()):
        order = theirs.get(order_id)
        if order is None:
            if intent.filled or intent.reported_status is not None:
                wrong.append(f"{LOST_ORDER}{order_id}: {intent.reported_status}, not at the venue")
            continue
        status, _, _ = status_of(order["status"])
        if intent.filled != Decimal(order["filled_qty"]):
            wrong.append(f"{order_id}: filled {intent.filled}, at the venue {order['filled_qty']}")
        if intent.reported_status != order["status"]:
            wrong.append(f"{order_id}: {intent.reported_status} here, there {order['status']}")
        if isinstance(status, TerminalStatus) and intent.status != status:
            named = f"order.orphan:{order_id}" in state.alerts and intent.status in GIVEN_UP
            what = ORPHAN if named else ""
            wrong.append(f"{what}{order_id}: {intent.status}, at the venue {status}")
    return wrong


def _without_outcome(state: State, events: Sequence[Event]) -> list[str]:
    """Attempts nobody answered for; a FAILED one needs a refusal or looks that found nothing."""
    told: dict[str, list[Event]] = defaultdict(list)
    closed: set[str] = set()
    for event in events:
        match event:
            case OrderSubmitted() | OrderSubmitFailed() | OrderSubmitUnknown() | OrderLookedUp():
                if event.client_order_id not in closed:
                    told[event.client_order_id].append(event)
            case IntentClosed():  # what comes behind it is an orphan's, and named as one
                closed.add(event.client_order_id)
            case _:
                pass
    wrong = []
    for order_id, intent in sorted(_intents(state).items()):
        evidence = told[order_id]
        if intent.status in (OpenStatus.PENDING_SUBMIT, OpenStatus.SUBMITTING):
            wrong.append(f"{UNRESOLVED}{order_id}: {intent.status} at the end")
        elif intent.status is OpenStatus.UNKNOWN and not intent.lookups:
            wrong.append(f"{UNRESOLVED}{order_id}: UNKNOWN and never asked for")
        elif intent.attempt and not evidence:
            wrong.append(f"{UNRESOLVED}{order_id}: {intent.status} without an outcome")
        elif intent.status is TerminalStatus.FAILED and not _is_proof(evidence):
            last = type(evidence[-1]).__name__
            wrong.append(f"{UNRESOLVED}{order_id}: FAILED, and the last word was {last}")
    return wrong


def _is_proof(evidence: list[Event]) -> bool:
    """A refusal, or a look that was whole and found nothing."""
    last = evidence[-1] if evidence else None
    if isinstance(last, OrderLookedUp):
        return last.complete and not last.found
    return isinstance(last, OrderSubmitFailed)


def _executions(state: State, dump: Mapping[str, Any]) -> list[str]:
    """What was filled, at what price: each execution once, none more."""
    theirs = Counter(
        (one["client_order_id"], Decimal(one["quantity"]), Decimal(one["price"]))
        for one in dump["executions"]
        if not one["busted"]
    )
    ours = Counter(
        (order_id, one.quantity, one.price)
        for order_id, intent in _intents(state).items()
        for one in intent.fills.executions
        if one.quantity
    )
    wrong = [f"{LOST_FILL}{one} is only at the venue" for one in (theirs - ours).elements()]
    return wrong + [f"fill too many: {one} is only here" for one in (ours - theirs).elements()]


def _account(state: State, dump: Mapping[str, Any]) -> list[str]:
    """Positions, cash, and what is mismatched."""
    held = {symbol: Decimal(q) for symbol, q in dump["positions"].items() if Decimal(q)}
    ours = {symbol: state.position(symbol) for symbol in state.held()}
    wrong = [] if held == ours else [f"positions {ours}, at the venue {held}"]
    if state.mismatched:
        wrong.append(f"mismatched: {state.mismatched}")
    if state.account is not None and Decimal(state.account.cash) != Decimal(dump["cash"]):
        wrong.append(f"cash {state.account.cash}, at the venue {dump['cash']}")
    return wrong
