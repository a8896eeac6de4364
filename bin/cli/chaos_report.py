"""What a drill proved: of each seed, and of all of them.

shape   `row_of(plan, drilled)` -> what came of a seed; `document_of(rows, …)` -> the whole report
rule    All that a seed decides stands in its row; what hangs on the machine's speed (seconds,
        starts, time to recover) stands in `times` alone
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from core.events import CycleOpened, Event, IntentCreated, OrderSubmitSkipped, RunnerStarted
from core.order import OpenStatus
from core.state import State
from journal import open_journal, verify
from journal.errors import JournalError
from journal.recorded import Recorded
from live.chaos.campaign import Drilled
from live.chaos.session import Plan
from live.venue.faults import Fault
from replay.agreement import DUPLICATE, LOST_FILL, LOST_ORDER, UNRESOLVED, disagreements
from replay.parity import parity

Row = dict[str, Any]
SIGNAL_FAILED = "signal.failed"


def row_of(plan: Plan, drilled: Drilled) -> Row:
    """What came of one seed."""
    sound, records, wrong = _proved(plan)
    if drilled.complaint:
        wrong.append(f"the runner was given up: {drilled.complaint}")
    replayed = parity(records, disturb=lambda: None)
    if replayed.parity is False:
        wrong.append(f"replay: no parity, {replayed.divergence}")
    events = [record.event for record in records]
    disagreed, state = disagreements(events, drilled.dump)
    wrong += disagreed
    orders, dump = drilled.dump["orders"], drilled.dump
    return {
        "seed": plan.seed,
        "strategy": plan.strategy,
        "cycles": sum(isinstance(event, CycleOpened) for event in events),
        "intents": sum(isinstance(event, IntentCreated) for event in events),
        "orders": len(orders),
        "fills": sum(not one["busted"] for one in dump["executions"]),
        "statuses": _statuses(state),
        "skipped": _skipped(events),
        "duplicates": _count(wrong, DUPLICATE),
        "lost_orders": _count(wrong, LOST_ORDER),
        "lost_fills": _count(wrong, LOST_FILL),
        "unresolved": _count(wrong, UNRESOLVED) + _asked_for(state),
        "faults": dict(sorted(dump["counts"].items())),
        "kills": _kills(drilled.diary),
        "verify": sound,
        "replay": replayed.parity,
        "wrong": wrong,
        "outcome": _outcome(orders, dump),
        "times": {
            "seconds": round(drilled.seconds, 1),
            "starts": drilled.starts,
            "epochs": sum(isinstance(event, RunnerStarted) for event in events),
            "venue_starts": drilled.venue_deaths + 1,
            "recovered_s": _recovered_s(drilled.diary),
        },
    }


def _proved(plan: Plan) -> tuple[bool, list[Recorded], list[str]]:
    """Whether the journal is sound, what it holds, and what is wrong with it."""
    try:
        report = verify(plan.journal)
        with open_journal(plan.journal, read_only=True) as journal:
            records = list(journal.read())
    except (JournalError, OSError) as problem:
        return False, [], [f"verify: {problem}"]
    return report.ok, records, [f"verify: {problem.problem}" for problem in report.problems]


def _count(lines: Iterable[str], kind: str) -> int:
    return sum(line.startswith(kind) for line in lines)


def _kills(diary: Iterable[dict[str, Any]]) -> dict[str, int]:
    return dict(sorted(Counter(line["killed"] for line in diary if "killed" in line).items()))


def _asked_for(state: State) -> int:
    """Orders whose outcome is still looked for: no promise is broken, and nothing is known."""
    intents = state.intents.values()
    return sum(one.status is OpenStatus.UNKNOWN and bool(one.lookups) for one in intents)


def _statuses(state: State) -> dict[str, int]:
    intents = [*state.intents.values(), *(intent for _, intent in state.closed.items())]
    return dict(sorted(Counter(str(intent.status) for intent in intents).items()))


def _skipped(events: Iterable[Event]) -> dict[str, int]:
    codes = Counter(str(e.reason.code) for e in events if isinstance(e, OrderSubmitSkipped))
    return dict(sorted(codes.items()))


def _outcome(orders: Sequence[dict[str, Any]], dump: dict[str, Any]) -> str:
    """sha256 over what the venue ends with: orders as asked for, fills, shares and cash."""
    names = ("client_order_id", "symbol", "side", "qty", "limit_price", "status", "filled_qty")
    rows = sorted([order[name] for name in names] for order in orders)
    text = json.dumps([rows, dump["positions"], dump["cash"]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _recovered_s(diary: Sequence[dict[str, Any]]) -> list[float]:
    """From each death to the first moment at which nothing was open any more."""
    found = []
    for index, line in enumerate(diary):
        if "killed" in line:
            settled = next((later for later in diary[index:] if "settled" in later), None)
            if settled is not None:
                found.append(round(settled["at"] - line["at"], 2))
    return found


def document_of(rows: list[Row], kinds: Sequence[Fault], seconds: float) -> dict[str, Any]:
    """The report over all seeds; `ok` is whether every promise held."""
    rows = sorted(rows, key=lambda row: (row["strategy"], row["seed"]))
    faults = Counter[str]()
    kills = Counter[str]()
    times = []
    for row in rows:
        faults.update(row["faults"])
        kills.update(row["kills"])
        times.append({"seed": row["seed"], "strategy": row["strategy"], **row.pop("times")})
    never = [kind.value for kind in kinds if not faults.get(kind.value)]
    problems = [
        f"seed {row['seed']} {row['strategy']}: {line}" for row in rows for line in row["wrong"]
    ]
    problems += [line for line in (_nothing_sent(row) for row in rows) if line]
    if never:
        problems.append(_never(never, sum(row["orders"] for row in rows)))
    recovered = [one for row in times for one in row["recovered_s"]]
    totals = ("cycles", "intents", "orders", "fills", "duplicates", "lost_orders", "lost_fills")
    return {
        "ok": not problems,
        **{name: sum(row[name] for row in rows) for name in (*totals, "unresolved")},
        "kills": sum(kills.values()),
        "killed": dict(sorted(kills.items())),
        "faults": {kind.value: faults.get(kind.value, 0) for kind in kinds},
        "never": never,
        "problems": problems,
        "rows": rows,
        "times": {
            "seconds": round(seconds, 1),
            "recovered_mean_s": round(sum(recovered) / len(recovered), 2) if recovered else None,
            "recovered_max_s": max(recovered, default=None),
            "rows": times,
        },
    }


def _nothing_sent(row: Row) -> str:
    """Why a seed tested nothing, where no order left."""
    if row["intents"] or row["wrong"]:
        return ""
    skipped = row["skipped"]
    most = max(skipped, key=lambda code: skipped[code], default="nothing was decided")
    why = "the strategy raised" if most == SIGNAL_FAILED else "the strategy's orders never left"
    return (
        f"seed {row['seed']} {row['strategy']}: expected orders, found none in {row['cycles']} "
        f"cycles, so nothing was tested: {why}, most often {most} ({skipped.get(most, 0)} times)"
    )


def _never(never: Sequence[str], orders: int) -> str:
    return (
        f"faults: expected each to happen, never: {', '.join(never)}; each of the {orders} orders "
        "meets one: raise --cycles or --seeds, or name fewer with --faults"
    )
