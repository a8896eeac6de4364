"""Lockouts in simulated time: scripted answers of the simulated venue, and a runner that dies.

rule    a session killed anywhere decides as one that was not: same orders, skips and lockouts
"""

from pathlib import Path
from typing import Any

import pytest

from core.contract import Broker, Config, Strategy
from core.events import Event, Observation
from core.values import DecimalText
from live.committer import Committer
from live.inputs import read_inputs, started, what_is_new
from live.opening import opened
from live.runner import Runner
from projections.cycle_summary import CYCLE_SUMMARY
from tests.projections.spec import rows_of
from tests.sessions import TRADES, events_of

CYCLES = 8
SCRIPTS = {
    "unauthorized": ("lockout.unauthorized", "broker"),
    "forbidden": ("lockout.forbidden", "broker"),
    "rate_limited": ("lockout.rate_limited", "rate"),
}


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing is written after it."""


def session(folder: Path, fault: str, *, die_at: int = 0) -> str:
    """A session whose fifth order is answered with `fault`; it dies at a commit, and goes on."""
    folder.mkdir()
    file = folder / "strategy.py"
    file.write_text(TRADES, encoding="utf-8")
    still: dict[str, Any] = {f"{name}_rate": DecimalText("0") for name in _RATES}
    config = Config(
        journal=f"sqlite:///{folder}/main.db",
        symbols=("AAPL", "KO", "MSFT"),
        strategy=Strategy(target=f"{file}:Trades"),
        broker=Broker(
            script=f"#5={fault}", probe_after_s=DecimalText("150"), retry_after_s=DecimalText("90"),
            **still,
        ),
    )  # fmt: skip
    left = [die_at]
    for _ in range(2 if die_at else 1):
        inputs = read_inputs(config)

        def dying(_: Any) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        try:
            with opened(inputs, listener=dying) as (committer, broker):
                runner = Runner(committer, broker, inputs.feed)
                runner.start(_news(inputs, committer), _claim(inputs, committer))
                last = committer.state.cycle
                runner.stop(runner.run(CYCLES - (0 if last is None else last.number)))
        except Killed:
            continue
    return config.journal


_RATES = (
    "reject", "late_reject", "lost_request", "lost_answer", "drop", "duplicate", "delay", "reorder",
)  # fmt: skip


def _news(inputs: Any, committer: Committer) -> Any:
    def news() -> list[Observation]:
        return what_is_new(inputs, committer.state)

    return news


def _claim(inputs: Any, committer: Committer) -> Any:
    return started(inputs, lambda: max(inputs.now, committer.state.now))


def rows(events: list[Event]) -> list[dict[str, Any]]:
    """What each cycle shows, but for budgets, which a restart counts anew."""
    shown = rows_of(CYCLE_SUMMARY, *events)
    return [{k: v for k, v in row.items() if k != "rate_budget"} for row in shown]


@pytest.mark.parametrize("fault", SCRIPTS)
def test_a_scripted_answer_locks_out_in_every_cycle_until_it_ends(
    tmp_path: Path, fault: str
) -> None:
    why, scope = SCRIPTS[fault]
    url = session(tmp_path / "one", fault)

    shown = rows(events_of(url))
    locked = [row["cycle"] for row in shown if row["lockout"]]
    assert locked == list(range(locked[0], locked[-1] + 1))
    assert 2 <= len(locked) < CYCLES
    for row in shown[locked[0] : locked[-1]]:
        assert (row["lockouts"], row["reasons"]) == ({scope: why}, {why: 3})
        assert row["lockout_until"] is not None
    assert shown[-1]["intents"] > 0


@pytest.mark.parametrize("fault", ["unauthorized", "rate_limited"])
@pytest.mark.parametrize("die_at", [7, 8, 9, 10, 11, 13, 16])
def test_a_killed_session_shows_the_same_cycles(tmp_path: Path, fault: str, die_at: int) -> None:
    whole = rows(events_of(session(tmp_path / "whole", fault)))
    killed = rows(events_of(session(tmp_path / "killed", fault, die_at=die_at)))

    same = ("cycle", "intents", "submitted", "failed", "dropped", "skipped", "reasons")
    assert [[row[k] for k in same] for row in killed] == [[row[k] for k in same] for row in whole]
