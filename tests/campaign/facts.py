"""What a journal and a venue's file say of a session: the facts that may not depend on a kill.

shape   `facts_of(url)` -> plain data; `differences(reference, found)` -> complaints, none if equal
venue   read with SQL of our own, so that it is a witness and not the code under test
left    what a kill may change: times at which something was heard, ids, the head, the number of
        attempts, looks and posts (`doubtful` has rules for those)
"""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from core.events import (
    AccountReported,
    CancelAttempted,
    CycleClosed,
    CycleOpened,
    Event,
    FillReported,
    IntentClosed,
    IntentCreated,
    KillSwitchLatched,
    OrderLookedUp,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitSkipped,
    OrderSubmitUnknown,
    QuotesObserved,
    RateBudgetReported,
    ReconcileMismatched,
    RunnerStarted,
    SignalObserved,
)
from core.evolve import evolve
from core.state import INITIAL
from journal import open_journal
from journal.master_key import MasterKey
from journal.url import parse_url

Facts = dict[str, Any]

_OF_DECISIONS = {"decided_at", "cause", "config", "ordinal", "type"}


def facts_of(url: str, key: MasterKey | None = None) -> Facts:
    """Every fact of a journal and of the venue's file beside it."""
    with open_journal(url, read_only=True, key=key) as journal:
        events = [record.event for record in journal.read()]
    path = parse_url(url).path
    assert path is not None
    return {**_journal_facts(events), **_venue_facts(path.with_name(path.name + ".venue"))}


def _journal_facts(events: list[Event]) -> Facts:
    """What has to be equal, and under "counts" what only has rules."""
    facts: Facts = {
        name: {}
        for name in ("intents", "statuses", "fills", "skips", "closed", "quotes", "signals")
    }
    facts["slots"], facts["inputs"], facts["halts"], facts["mismatches"] = [], {}, 0, []
    attempts: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    account, rate, state = None, None, INITIAL
    twice: list[str] = []
    for event in events:
        state = evolve(state, event)
        tags[str(event.__struct_config__.tag)] += 1
        match event:
            case IntentCreated():
                _once(facts["intents"], event.client_order_id, _plain(event), twice)
            case OrderSubmitAttempted():
                attempts[event.client_order_id] += 1
            case IntentClosed():
                status = [str(event.status), event.filled_quantity, _plain(event).get("reason")]
                _once(facts["statuses"], event.client_order_id, status, twice)
            case FillReported():
                row = [event.client_order_id, event.symbol, event.side, event.quantity, event.price]
                facts["fills"].setdefault(str(event.execution_id), row)
            case OrderSubmitSkipped():
                _once(facts["skips"], f"{event.cycle} {event.symbol}", _plain(event), twice)
            case CycleOpened():
                facts["slots"].append([event.number, event.slot])
                facts["inputs"][event.slot] = [account, rate]
            case CycleClosed():
                _once(facts["closed"], str(event.number), _plain(event), twice)
            case QuotesObserved():
                _once(facts["quotes"], event.slot, msgspec.to_builtins(event.quotes), twice)
            case SignalObserved():
                key = f"{event.source_time} {event.symbol}"
                _once(facts["signals"], key, [event.value, event.model_hash], twice)
            case AccountReported():
                positions = dict(event.positions)
                account = [event.cash, event.equity, event.buying_power, positions]
            case RateBudgetReported():
                rate = [event.limit, event.remaining]
            case KillSwitchLatched():
                facts["halts"] += 1
            case ReconcileMismatched():
                facts["mismatches"].append([event.symbol, event.what])
            case _:
                pass
    facts["open"] = sorted(state.intents)
    facts["positions"] = {
        symbol: [str(value) for value in msgspec.structs.astuple(position)]
        for symbol, position in sorted(state.positions.items())
    }
    facts["alerts"] = sorted(state.alerts)
    facts["timers"] = dict(sorted(state.timers.items()))
    facts["twice"] = twice
    facts["counts"] = {"attempts": dict(attempts), "tags": dict(tags)}
    facts["seen"] = sorted(_seen(events))
    return facts


def _venue_facts(path: Path) -> Facts:
    """The venue's orders, executions and posts, from its own file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        orders = {
            order_id: [venue_id, status, accepted_at, _ticket(ticket)]
            for order_id, venue_id, status, accepted_at, ticket in database.execute(
                "SELECT client_order_id, venue_order_id, status, accepted_at, ticket FROM orders"
            )
        }
        executions = {
            row[0]: list(row[1:])
            for row in database.execute(
                "SELECT execution_id, client_order_id, symbol, side, quantity, price"
                " FROM executions"
            )
        }
        posts = dict(database.execute("SELECT client_order_id, posts FROM posts"))
        faults = database.execute("SELECT DISTINCT fault FROM messages WHERE fault IS NOT NULL")
        return {
            "venue_orders": orders,
            "venue_fills": executions,
            "venue_cash": database.execute("SELECT cash FROM meta").fetchone()[0],
            "posts": posts,
            "stream_faults": sorted(fault for (fault,) in faults),
        }


def _ticket(text: str) -> dict[str, object]:
    """An order at the venue without the times of its last event, which a late cancel may move."""
    plain: dict[str, object] = json.loads(text)
    plain.pop("last_event_time")
    return plain


def _plain(event: Event) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(event)
    return {key: value for key, value in plain.items() if key not in _OF_DECISIONS}


def _once(facts: dict[str, Any], key: str, value: object, twice: list[str]) -> None:
    if key in facts:
        twice.append(key)
    facts[key] = value


def _seen(events: list[Event]) -> set[str]:
    """Names of what happened, for `scenario.lacking`."""
    seen: set[str] = set()
    looked_up: dict[str, bool] = {}
    fills: Counter[str] = Counter()
    for event in events:
        match event:
            case OrderSubmitFailed():
                seen.add(f"failed: {event.error_class}")
            case OrderSubmitUnknown():
                looked_up[event.client_order_id] = False
            case OrderLookedUp() if event.client_order_id in looked_up:
                seen.add("unknown, found" if event.found else "unknown, absent")
            case OrderSubmitAttempted() if event.attempt > 1:
                seen.add("sent again under its id")
            case CancelAttempted():
                seen.add("cancel")
            case FillReported():
                fills[event.client_order_id] += 1
                seen.add(f"fill from {event.source}")
            case OrderSubmitSkipped():
                seen.add(f"skip: {event.reason.code}")
            case IntentClosed():
                part = "" if event.filled_quantity == "0" else f" with {event.filled_quantity}"
                seen.add(f"closed: {event.status}{part}")
            case RunnerStarted():
                seen.add("runner started")
            case _:
                pass
    if any(count > 1 for count in fills.values()):
        seen.add("filled in parts")
    return seen


EQUAL = (
    *("intents", "statuses", "fills", "skips", "slots", "closed", "inputs", "quotes", "signals"),
    *("open", "positions", "alerts", "timers", "halts", "mismatches", "twice"),
    *("venue_orders", "venue_fills", "venue_cash", "stream_faults"),
)
"""The facts that must be the same, killed or not."""


def differences(reference: Facts, found: Facts, kills: int | None) -> list[str]:
    """What differs, a line each, and what breaks a rule; `kills` = how often it was killed.

    None where faults are drawn for every post: then a post after a kill can be lost once more.
    """
    lines: list[str] = []
    for name in EQUAL:
        lines += _compared(name, reference[name], found[name])
    attempts = found["counts"]["attempts"]
    for order_id, posts in sorted(found["posts"].items()):
        if posts > attempts.get(order_id, 0):
            lines.append(f"{order_id}: {posts} posts, {attempts.get(order_id, 0)} durable attempts")
    extra = sum(found["posts"].values()) - sum(reference["posts"].values())
    if kills is not None and not 0 <= extra <= kills:
        lines.append(f"posts: {extra} more than in a run never killed, after {kills} kills")
    return lines


def unlike_its_venue(facts: Facts) -> list[str]:
    """Where a journal and its venue's file disagree; the venue's is the witness."""
    lines = _compared("journal and venue fills", facts["venue_fills"], {
        key: [order, symbol, str(side), int(quantity), price]
        for key, (order, symbol, side, quantity, price) in facts["fills"].items()
    })  # fmt: skip
    strangers = sorted(set(facts["venue_orders"]) - set(facts["intents"]))
    return lines + [f"{order_id}: at the venue, not in the journal" for order_id in strangers]


def _compared(name: str, expected: Any, found: Any) -> list[str]:
    """Where two facts differ, down to the field."""
    if expected == found:
        return []
    if not isinstance(expected, dict) or not isinstance(found, dict):
        return [f"{name}: expected {expected}, found {found}"]
    return [
        line
        for key in sorted({*expected, *found})
        for line in _compared(f"{name} {key}", expected.get(key), found.get(key))
    ]
