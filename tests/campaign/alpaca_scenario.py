"""The session that is killed against the fault venue: three short cycles of three symbols.

shape   `write_inputs(folder)` -> the config file, its market and strategy beside it.
        `BEHAVIORS`: what the venue, or the way to it, does with the session's second order
orders  1 AAA bought at the touch, 2 BBB bought at the touch: the one that goes wrong, 3 CCC bought
        far below it and canceled by age, 4 AAA sold in part
times   as short as a loaded machine allows: what is waited for is waited for in every case
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

SYMBOLS = ("AAA", "BBB", "CCC")
PRICES = {"AAA": ("50.00", "50.02"), "BBB": ("20.00", "20.02"), "CCC": ("80.00", "80.02")}
CASH = 100_000


class Behavior(NamedTuple):
    """`armed`: the venue's faults. `quoted`: the symbols it trades. `doubled`: a POST leaves twice.

    What the way there does to the request is done in the runner's process, before its socket.
    """

    armed: tuple[dict[str, Any], ...] = ()
    quoted: tuple[str, ...] = SYMBOLS
    doubled: bool = False


def _second(fault: str, **more: Any) -> Behavior:
    return Behavior(({"fault": fault, "order_number": 2, **_post(fault), **more},))


def _post(fault: str) -> dict[str, str]:
    """Faults of an order and of the stream have no call."""
    of_order = fault in ("late_visible", "late_reject", "partial_fill")
    return {} if of_order else {"method": "POST", "path": "/v2/orders"}


def _call(fault: str, method: str, **more: Any) -> Behavior:
    """Of calls about orders that post none: cancels, look-ups and lists."""
    return Behavior(({"fault": fault, "method": method, "path": "/v2/orders", **more},))


BEHAVIORS: dict[str, Behavior] = {
    "accepts": Behavior(),
    "refuses": Behavior(quoted=("AAA", "CCC")),
    "times-out-before": _second("timeout_before"),
    "times-out-after": _second("timeout_after"),
    "resets-before": _second("reset_before"),
    "resets-after": _second("reset_after"),
    "half-answer": _second("half_answer"),
    "504-before": _second("error_before", status="504"),
    "504-after": _second("error_after", status="504"),
    "422-duplicate": Behavior(doubled=True),
    "late-visible": Behavior((
        {"fault": "timeout_after", "order_number": 2, **_post("timeout_after")},
        {"fault": "late_visible", "order_number": 2, "seconds": 0.75},
    )),
    "stream-drops": Behavior(({"fault": "stream_drop", "times": 4},)),
    "stream-disconnects": Behavior(({"fault": "stream_disconnect", "event": "fill"},)),
    "fills-in-parts": _second("partial_fill"),
    "rejects-later": _second("late_reject"),
    "cancel-times-out": _call("timeout_after", "DELETE"),
    "cancel-resets": _call("reset_before", "DELETE"),
    "cancel-overtaken": Behavior(({"fault": "fill_after_cancel", "order_number": 3},)),
    "lists-fail": _call("error_after", "GET", times=3, status="504"),
    "lists-hang": _call("timeout_after", "GET", times=2),
}  # fmt: skip
"""By name: what the second order, or the stream, suffers."""

_CONFIG = """\
name = "campaign"
mode = "paper"
seed = 5
symbols = ["AAA", "BBB", "CCC"]

[market]
source = "csv:{folder}/market.csv"

[strategy]
target = "{folder}/planned.py:Planned"

[risk]
order_max_age_s = "{order_max_age_s}"

[broker]
kind = "alpaca"
connect_timeout_s = "1"
read_timeout_s = "0.4"
reconcile_every_s = "1"
reconcile_down_every_s = "1"
settle_s = "{settle_s}"
looks = 2
look_interval_s = "0.2"
retry_after_s = "0.05"

[rate]
per_minute = 100000
reserve = 0
folder = "{folder}/rate"

[projections]
snapshot_every = 25
"""
SETTLE_S = "0.7"

Plan = Mapping[int, tuple[tuple[str, str, int, int], ...]]
_PLAN: Plan = {
    1: (("AAA", "buy", 10, 0), ("BBB", "buy", 8, 0)),
    2: (("CCC", "buy", 4, 10),),
    3: (("AAA", "sell", 4, 0),),
}
"""{cycle: (symbol, side, quantity, distance of the limit from the touch, away from it)}"""

_STRATEGY = '''\
"""A strategy that asks for what a table says."""

from core.strategy import OrderRequest

PLAN = $PLAN


class Planned:
    window = 1

    def decide(self, view):
        for symbol, side, quantity, away in PLAN.get(view.cycle, ()):
            last = view.window[symbol][-1]
            limit = last.ask - away if side == "buy" else last.bid + away
            yield OrderRequest(symbol, side, quantity, limit_price=limit)
'''


def write_inputs(folder: Path, plan: Plan = _PLAN, order_max_age_s: str = "0.25") -> Path:
    """Write market, strategy and config; the config's path."""
    rows = ["time,symbol,bid,ask,bid_size,ask_size,last,volume"]
    for minute in (31, 32, 33, 34):
        for symbol, (bid, ask) in PRICES.items():
            rows.append(f"2026-11-02T14:{minute}:00.000000Z,{symbol},{bid},{ask},500,500,{bid},900")
    (folder / "market.csv").write_text("\n".join(rows) + "\n", encoding="ascii")
    strategy = _STRATEGY.replace("$PLAN", repr(plan))
    (folder / "planned.py").write_text(strategy, encoding="ascii")
    config = folder / "campaign.toml"
    config.write_text(
        _CONFIG.format(folder=folder, settle_s=SETTLE_S, order_max_age_s=order_max_age_s),
        encoding="utf-8",
    )
    return config
