"""One start of a drill's runner: the real one on its real journal, with a clock and a fate.

shape   `run(plan, port)` -> None; it ends, is killed by its fate, or raises as `refold run` would
why     the journal's id is drawn from the seed, not by chance: order ids, and so cards, are equal
        each time. It is created here where there is none yet
"""

import os
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from core.values import time_text
from journal import create_journal, open_journal
from journal.errors import JournalMissingError
from journal.genesis import journal_id_from_name
from live.brokers.real import real_broker
from live.chaos.clock import LeapClock
from live.chaos.deck import DEALT, Deck
from live.chaos.diary import Diary
from live.chaos.fate import Fate, MortalBroker
from live.chaos.settling import PatientRunner
from live.chaos.venue_process import KEY_ID, SECRET, ask_venue
from live.configuration import Loaded, load
from live.inputs import Inputs, created_event, read_inputs, started, what_is_new
from live.opening import opened
from live.venue.clock import ns_of
from live.venue.faults import Fault

SETTINGS = {
    "MODE": "paper",
    "NAME": "chaos",
    "MARKET__CYCLE_S": "60",
    "RISK__ORDER_MAX_AGE_S": "270",  # between two slots, so that it never races with one
    "BROKER__KIND": "alpaca",
    "BROKER__CONNECT_TIMEOUT_S": "2",
    "BROKER__READ_TIMEOUT_S": "1.5",
    "BROKER__SEND_WITHIN_S": "60",
    "BROKER__STREAM_SILENCE_S": "2",
    "BROKER__SETTLE_S": "6",
    "BROKER__LOOKS": "2",
    "BROKER__LOOK_INTERVAL_S": "2",
    "BROKER__RETRY_AFTER_S": "1",
    "RATE__PER_MINUTE": "100000",
    "RATE__RESERVE": "0",
    "PROJECTIONS__SNAPSHOT_EVERY": "50",
    "ENCRYPTION__ENABLED": "false",
}
"""What a drill sets, whatever the user's file says: short waits of the broker's, no more."""
FIRST_DAY = "2026-11-02"
SYMBOLS = ("AAPL", "MSFT", "NVDA", "SPY")


class Plan(NamedTuple):
    """What one seed's drill is: its folder holds journal, venue, diary and log.

    `file` is the user's configuration, or nothing; `strategy`, `market` and `symbols` win over it.
    """

    folder: Path
    seed: int
    cycles: int
    kinds: tuple[Fault, ...] = DEALT
    strategy: str = ""
    market: str = "sim"
    symbols: str = ""
    file: str | None = None

    @property
    def journal(self) -> str:
        """The journal's URL."""
        return f"sqlite:///{self.folder}/journal.db"

    @property
    def diary(self) -> Diary:
        """What happened, on disk."""
        return Diary(self.folder / "diary.jsonl")

    def config(self, trading_url: str) -> Loaded:
        """The runner's configuration, its endpoints at `trading_url`.

        errors  `ConfigError` of the user's file
        """
        stream = f"ws{trading_url.removeprefix('http')}/stream"
        settings = {
            **SETTINGS,
            "SEED": str(self.seed),
            "JOURNAL": self.journal,
            "MARKET__SOURCE": self.market,
            "STRATEGY__TARGET": self.strategy,
            "SYMBOLS": self.symbols,
            "BROKER__TRADING_URL": trading_url,
            "BROKER__DATA_URL": trading_url,
            "BROKER__TRADING_STREAM_URL": stream,
        }
        if self.market == "sim":
            settings["MARKET__FIRST_DAY"] = FIRST_DAY
        environ = {f"REFOLD_{name}": value for name, value in settings.items() if value}
        environ |= {"APCA_API_KEY_ID": KEY_ID, "APCA_API_SECRET_KEY": SECRET}
        return load(self.file, environ, {})


def run(plan: Plan, port: int) -> None:
    """One runner, from its claim to the last cycle."""
    ask = partial(ask_venue, port)
    inputs, clock, fate = _inputs(plan, port)
    _create(inputs, plan)
    plan.diary.write(begun=os.getpid())
    assert inputs.real is not None
    with opened(inputs, listener=fate.heard) as (committer, _):
        runner = PatientRunner(
            committer,
            inputs.real.broker,
            inputs.feed,
            clock=clock,
            waiting=inputs.real.waiting,
            fate=fate,
        )
        runner.start(
            lambda: what_is_new(inputs, committer.state),
            started(inputs, lambda: max(inputs.now, committer.state.now)),
        )
        cycle = committer.state.cycle
        left = plan.cycles - (0 if cycle is None else cycle.number)
        runner.stop(runner.run(left) if left > 0 else runner.rest())
    ask("POST", "disarm", {})


def _inputs(plan: Plan, port: int) -> tuple[Inputs, LeapClock, Fate]:
    """The session's inputs, its broker pointed at the venue on `port`."""
    loaded = plan.config(f"http://127.0.0.1:{port}")
    ask = partial(ask_venue, port)
    at = time_text(ns_of(str(ask("GET", "rest", None)["time"])) // 1000)
    clock = LeapClock(at)
    real = real_broker(loaded.config, loaded.secrets, clock, MortalBroker)
    fate = Fate(Deck(plan.seed, plan.kinds), plan.diary, ask)
    assert isinstance(real.broker, MortalBroker)
    real.broker.fate = fate
    return read_inputs(loaded.config, loaded.secrets, None, real), clock, fate


def _create(inputs: Inputs, plan: Plan) -> None:
    """The journal under the seed's id, where there is none."""
    try:
        open_journal(plan.journal, read_only=True, accept_anchor_missing=True).close()
    except JournalMissingError:
        created = replace(
            created_event(inputs), journal_id=journal_id_from_name(f"chaos-{plan.seed}")
        )
        create_journal(plan.journal, created, recorded_at=created.observed_at).close()
