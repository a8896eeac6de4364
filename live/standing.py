"""How a journal stands: its runner, what holds orders back, the last cycle, what needs a person.

shape   `Standing(journal)`, then `document(now)` -> the facts by name, JSON's types alone, and
        `findings`: what needs a person, each with what to do
reads   the journal alone, without a lock and without writing; from its snapshot on for the state,
        and backwards from its end for who said what: only so far back as what stands was said
why     a state keeps that something stands, not who said it and when: that is history
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from core.contract import BrokerKind
from core.events import (
    AlertRaised,
    CycleOpened,
    Event,
    KillSwitchLatched,
    LockoutStarted,
    OperatorCommanded,
    OrderSubmitSkipped,
    RunnerStarted,
    RunnerStopped,
)
from core.lockout_facts import ACCOUNT, BROKER, OPENINGS, RATE
from core.order import OpenStatus
from core.state import COMPARED, ORDER_UPDATES, STRATEGY, TRADING, Intent, State
from core.values import ZERO, TimeText, decimal_text, seconds_between, time_text
from journal import Journal
from journal.holder import Holder, holder_of
from live.committer import Committer
from live.snapshots import Snapshots

PAGE = 512
"""Events looked at in the first step backwards; each step looks at twice as many."""
_MENDS = {
    BROKER: "see the keys and doctor; resume tries them at once",
    RATE: "it ends by itself; see who else spends this account's calls",
    ACCOUNT: "see doctor; a suspended account is released by resume --broker-resume",
    STRATEGY: "see what it traded, then resume",
}
_LINKS = (ORDER_UPDATES, COMPARED, TRADING)


class Standing:
    """One journal, looked at once or again and again."""

    def __init__(self, journal: Journal) -> None:
        """The journal is open for reading."""
        self.journal = journal
        self.committer = Committer(journal, snapshots=Snapshots(journal, say=lambda _: None))
        self.recorded_at: TimeText | None = None

    @property
    def state(self) -> State:
        """The fold of what was read so far."""
        return self.committer.state

    def document(self, now: Callable[[], TimeText]) -> dict[str, Any]:
        """Everything, as of the head; `now` is a person's clock, not asked in simulated time."""
        self.committer.catch_up()
        state, holder = self.state, holder_of(self.journal.url)
        time = state.now if state.mode == "sim" else now()
        said = _Said(self.journal, state, self.committer.head.sequence)
        head = self.committer.head
        found = {
            "time": time,
            "journal": str(self.journal.url),
            "name": self.journal.created.name,
            "mode": state.mode,
            "head": {
                "sequence": head.sequence,
                "chain": head.chain,
                "recorded_at": said.recorded_at,
                "age_s": _age(said.recorded_at, time),
            },
            "anchor": str(self.journal.anchor_error or "good"),
            "epoch": state.epoch,
            "runner": _runner(holder, said),
            "kill_switch": said.kill_switch(),
            "pause": said.lockout(OPENINGS),
            "lockouts": [
                said.lockout(scope) for scope in sorted(state.lockouts) if scope != OPENINGS
            ],
            "cycle": said.cycle(),
            "open_intents": [_intent(i, time) for i in state.intents.values()],
            "unknown": _unknown(state, holder),
            "orphans": dict(sorted(state.orphans.items())),
            "mismatches": dict(sorted(state.mismatched.items())),
            "alerts": said.alerts(),
            "positions": {
                symbol: decimal_text(state.position(symbol)) for symbol in sorted(state.held())
            },
            "link": _link(state, time),
            "rate_budget": _rate(state),
        }
        found["findings"] = findings(found, state)
        found["ok"] = not found["findings"]
        return found


class _Said:
    """Who said what stands, found backwards from the end of the journal."""

    def __init__(self, journal: Journal, state: State, last: int) -> None:
        self.state = state
        self.recorded_at: TimeText | None = None
        self.started: RunnerStarted | None = None
        self.stopped: RunnerStopped | None = None
        self.latched: KillSwitchLatched | None = None
        self.lockouts: dict[str, LockoutStarted] = {}
        self.raised: dict[str, AlertRaised] = {}
        self.commands: dict[str, OperatorCommanded] = {}
        self.opened: CycleOpened | None = None
        self.reasons: dict[str, int] = {}
        self._causes: set[str] = set()
        size = PAGE
        while last and not self._is_whole():
            first = max(last - size, 0)
            records = list(journal.read(after=first, limit=last - first))
            for record in reversed(records):
                if self.recorded_at is None:
                    self.recorded_at = time_text(record.recorded_at)
                self._hear(record.event, record.event_id)
            last, size = first, size * 2

    def _is_whole(self) -> bool:
        state = self.state
        return (
            (self.started is not None or not state.epoch)
            and (self.latched is not None or not state.halted)
            and set(self.lockouts) >= set(state.lockouts)
            and set(self.raised) >= state.alerts
            and (self.opened is not None or state.cycle is None)
            and not self._causes - set(self.commands)
        )

    def _hear(self, event: Event, event_id: str) -> None:
        """One event, later ones heard before it."""
        state = self.state
        match event:
            case RunnerStarted() if self.started is None:
                self.started = event
            case RunnerStopped() if self.started is None and self.stopped is None:
                self.stopped = event
            case KillSwitchLatched() if self.latched is None and state.halted:
                self.latched = event
                self._causes.add(event.cause)
            case LockoutStarted() if event.scope in state.lockouts:
                if event.scope not in self.lockouts:
                    self._causes.add(event.cause)
                self.lockouts.setdefault(event.scope, event)
            case AlertRaised() if event.key in state.alerts:
                self.raised.setdefault(event.key, event)
            case OrderSubmitSkipped() if self.opened is None:
                code = str(event.reason.code)
                self.reasons[code] = self.reasons.get(code, 0) + 1
            case CycleOpened() if self.opened is None:
                self.opened = event
            case OperatorCommanded() if event_id in self._causes:
                self.commands[event_id] = event
            case _:
                pass
        if event_id in self._causes and not isinstance(event, OperatorCommanded):
            self._causes.discard(event_id)  # the core's own reason, no person's

    def _person(self, cause: str) -> dict[str, Any]:
        command = self.commands.get(cause)
        if command is None:
            return {"who": None, "where": None, "why": None}
        return {"who": command.who, "where": command.where, "why": command.why}

    def kill_switch(self) -> dict[str, Any] | None:
        """None: not latched."""
        if self.latched is None:
            return None
        reason = self.latched.reason
        person = self._person(self.latched.cause)
        since, code = self.latched.decided_at, str(reason.code)
        return {"since": since, "reason": code, "detail": reason.detail, **person}

    def lockout(self, scope: str) -> dict[str, Any] | None:
        """None: not in force."""
        event = self.lockouts.get(scope)
        if event is None:
            return None
        told = {"scope": scope, "reason": event.why, "since": event.decided_at}
        return {**told, "until": event.until, **self._person(event.cause)}

    def alerts(self) -> list[dict[str, Any]]:
        """Those that stand, by key."""
        rows = []
        for key, event in sorted(self.raised.items()):
            about = {"key": key, "code": event.code, "detail": event.detail}
            rows.append({**about, "since": event.decided_at})
        return rows

    def cycle(self) -> dict[str, Any] | None:
        """The last one opened."""
        if self.state.cycle is None:
            return None
        counts = msgspec.to_builtins(self.state.cycle)
        return {**counts, "reasons": dict(sorted(self.reasons.items()))}


def findings(found: dict[str, Any], state: State) -> list[dict[str, str]]:
    """What needs a person: {what, found, mend}."""
    rows: list[tuple[str, str, str]] = []
    if found["anchor"] != "good":
        rows.append(("anchor", found["anchor"], "verify"))
    switch, pause = found["kill_switch"], found["pause"]
    if switch is not None:
        rows.append(("halted", _by(switch), "resume, when what it was for is seen to"))
    if pause is not None:
        rows.append(("paused", _by(pause), "resume, when openings may go out again"))
    for lockout in found["lockouts"]:
        until = f" until {lockout['until']}" if lockout["until"] else ""
        mend = _MENDS.get(lockout["scope"], "it ends by itself, or by resume")
        rows.append(("locked out", f"{lockout['scope']}: {lockout['reason']}{until}", mend))
    rows += _of_runner(found, state)
    for order_id in found["unknown"]:
        unknown = f"{order_id}: nobody knows whether the broker has it"
        rows.append(("unknown", unknown, f"explain {order_id}"))
    for order_id, symbol in found["orphans"].items():
        orphan = f"{order_id} in {symbol} was given up and is alive"
        rows.append(("orphan", orphan, f"explain {order_id}"))
    for symbol, what in found["mismatches"].items():
        rows.append(("mismatch", f"{symbol}: {what}", "compare with the broker's own page"))
    for alert in found["alerts"]:
        rows.append(("alert", f"{alert['key']}: {alert['detail']}", "show alerts"))
    return [dict(zip(("what", "found", "mend"), row, strict=True)) for row in rows]


def _of_runner(found: dict[str, Any], state: State) -> list[tuple[str, str, str]]:
    runner, count = found["runner"], len(found["open_intents"])
    if not runner["alive"]:
        rows = []
        if state.epoch and runner["ended"] is None:
            rows.append(("runner", f"the one of epoch {state.epoch} ended without a word", "run"))
        if count and found["mode"] != "sim":
            rows.append(("orders", f"{count} are open and no runner watches them", "run, or halt"))
        return rows
    if runner["stopped"]:
        pid = runner["pid"]
        return [("runner", f"process {pid} is stopped (SIGSTOP)", f"kill -CONT {pid}, or -KILL")]
    rows = []
    for what, why in found["link"]["down"].items():
        rows.append(("link", f"{what} is down: {why}", "doctor"))
    age, limit = found["link"]["compared_age_s"], Decimal(state.config.broker.account_max_age_s)
    if age is not None and Decimal(age) > limit:
        stuck = f"compared {age} s ago, expected at most {decimal_text(limit)}"
        rows.append(("runner", f"alive, and not at work: {stuck}", "see its log, or halt"))
    return rows


def _by(said: dict[str, Any]) -> str:
    """Who, when and why."""
    who = f"by {said['who']} on {said['where']}" if said["who"] else "by the core"
    why = said["why"] or said.get("detail") or ""
    return f"{said['reason']} {who} since {said['since']}{': ' if why else ''}{why}"


def _runner(holder: Holder | None, said: _Said) -> dict[str, Any]:
    started, stopped = said.started, said.stopped
    return {
        "alive": holder is not None,
        "pid": None if holder is None else holder.pid,
        "since": None if holder is None else holder.since,
        "stopped": holder is not None and holder.stopped,
        "host": None if started is None else started.host,
        "started_at": None if started is None else started.observed_at,
        "ended": None if stopped is None else stopped.reason,
    }


def _unknown(state: State, holder: Holder | None) -> list[str]:
    """Orders without an outcome; what a runner at work has just sent will have one in a moment."""
    at_work = holder is not None and not holder.stopped
    doubtful = (OpenStatus.UNKNOWN,) if at_work else (OpenStatus.UNKNOWN, OpenStatus.SUBMITTING)
    return [i.client_order_id for i in state.intents.values() if i.status in doubtful]


def _intent(intent: Intent, time: TimeText) -> dict[str, Any]:
    return {
        "client_order_id": intent.client_order_id,
        "symbol": intent.symbol,
        "side": str(intent.side),
        "quantity": decimal_text(intent.quantity),
        "leaves_quantity": decimal_text(intent.leaves),
        "status": str(intent.status),
        "age_s": _age(intent.since, time),
        "cancel_pending": intent.cancel_pending,
    }


def _link(state: State, time: TimeText) -> dict[str, Any]:
    """What must be up for openings: {name: why}; empty where there is nothing to be up."""
    down: dict[str, str] = {}
    simulated = state.config.broker.kind is BrokerKind.SIM
    if not simulated:
        for what in _LINKS:
            why = state.streams.get(what, "not heard of since the runner started")
            down |= {what: why} if why else {}
        down |= {what: why for what, why in sorted(state.streams.items()) if why}
    up = [] if simulated else [what for what in _LINKS if what not in down]
    return {
        "up": up,
        "down": down,
        "compared_at": state.reconciled_at,
        "compared_age_s": None if simulated else _age(state.reconciled_at, time),
    }


def _rate(state: State) -> dict[str, Any] | None:
    rate = state.rate
    if rate is None:
        return None
    reserve = state.config.rate.reserve
    told = {"limit": rate.limit, "remaining": rate.remaining, "reserve": reserve}
    return {**told, "resets_at": rate.resets_at, "reported_at": rate.observed_at}


def _age(since: TimeText | None, time: TimeText) -> str | None:
    """Whole seconds, as decimal text; never below zero."""
    if since is None:
        return None
    return decimal_text(max(seconds_between(since, time), ZERO) // 1)
