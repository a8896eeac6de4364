"""The session that is killed: two short days of four symbols, holding every fate an order can have.

shape   `write_inputs(folder)` -> the config file; market, signals and strategy lie beside it, the
        same bytes wherever that is. `lacking(facts)` names what a session should hold and does not
faults  by the number of the order as the venue sees them; PLAN is the strategy's table

    1 AAA filled in two parts       6 AAA canceled by age           11 BBB half filled, canceled
    2 BBB refused                   7 BBB its messages dropped      12 AAA answer lost
    3 CCC answer lost               8 CCC its messages doubled      13 CCC request lost
    4 DDD request lost              9 DDD its messages late         14 DDD answer lost
    5 BBB rejected after accept    10 BBB its messages overtaken    15 AAA expired unfilled
                                                                    16 DDD expired half filled
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
CYCLES = 15

_SCRIPT = (
    "AAA#1=partial_fill,BBB#1=reject,CCC#1=lost_answer,DDD#1=lost_request,BBB#2=late_reject,"
    "BBB#3=drop,CCC#2=duplicate,DDD#2=delay,BBB#4=reorder,BBB#5=partial_fill,AAA#3=lost_answer,"
    "CCC#3=lost_request,DDD#3=lost_answer,DDD#4=partial_fill"
)

_RATES = ("reject", "late_reject", "lost_request", "lost_answer")
_STREAM_RATES = ("drop", "duplicate", "delay", "reorder")

_CONFIG = """\
name = "campaign"
seed = {seed}
symbols = ["AAA", "BBB", "CCC", "DDD"]

[market]
source = "csv:{folder}/market.csv"
signals = "csv:{folder}/signals.csv"

[strategy]
target = "{folder}/planned.py:Planned"

[risk]
order_max_age_s = "150"
cancel_before_close_s = "{before_close_s}"

[broker]
script = "{script}"
{rates}

[rate]
per_minute = {per_minute}
reserve = 0

[projections]
snapshot_every = 60
"""

Row = tuple[str, str, int, int]

_PLAN: dict[int, tuple[Row, ...]] = {
    1: (
        ("AAA", "buy", 100, 0),
        ("BBB", "buy", 50, 0),
        ("CCC", "buy", 60, 0),
        ("DDD", "buy", 40, 0),
    ),
    2: (("AAA", "buy", 10, 0), ("BBB", "buy", 50, 0)),
    3: (
        ("AAA", "sell", 30, 1),
        ("BBB", "buy", 20, 0),
        ("CCC", "sell", 20, 0),
        ("DDD", "sell", 10, 0),
    ),
    4: (("BBB", "buy", 20, 0), ("CCC", "buy", 10, 0), ("DDD", "buy", 5000000, 0)),
    5: (("BBB", "buy", 30, 0),),
    6: (("CCC", "buy", 10, 0),),
    7: (("AAA", "sell", 50, 0), ("CCC", "sell", 40, 0), ("DDD", "buy", 15, 0)),
    9: (("AAA", "buy", 25, 1), ("DDD", "buy", 24, 0)),
    10: (("BBB", "buy", 5, 0),),
    11: (("CCC", "sell", 15, 0), ("AAA", "buy", 5, 0), ("BBB", "sell", 1000, 0)),
    12: (("BBB", "sell", 10, 0), ("CCC", "sell", 15, 0)),
    13: (("DDD", "sell", 5, 1), ("BBB", "buy", 12, 0), ("AAA", "sell", 5, 0)),
}
"""{cycle: (symbol, side, quantity, distance of the limit from the opposite touch, away from it)}"""

_STRATEGY = '''\
"""A strategy that asks for what a table says, and puts all it can see into its reason."""

from core.strategy import OrderRequest

PLAN = $PLAN


class Planned:
    window = 3

    def decide(self, view):
        for symbol, side, quantity, away in PLAN.get(view.cycle, ()):
            quotes = view.window.get(symbol, ())
            limit = None
            if away and quotes:
                last = quotes[-1]
                limit = last.ask - away if side == "buy" else last.bid + away
            seen = (
                ",".join(str(quote.mid) for quote in quotes),
                view.cash,
                view.positions.get(symbol, 0),
                len(view.open_intents),
                view.signals[symbol].value if symbol in view.signals else "-",
                view.rng.getrandbits(16),
            )
            reason = " ".join(map(str, seen))
            yield OrderRequest(symbol, side, quantity, limit_price=limit, reason=reason)
'''


def write_inputs(folder: Path, drawn: int = 0) -> Path:
    """Write market, signals, strategy and config; the config's path.

    Session 0 is the scripted one; any other has orders and faults drawn from its number.
    """
    (folder / "market.csv").write_text("\n".join(_market_rows()) + "\n", encoding="ascii")
    (folder / "signals.csv").write_text("\n".join(_signal_rows()) + "\n", encoding="ascii")
    plan = repr(_drawn_plan(drawn) if drawn else _PLAN)
    strategy = _STRATEGY.replace("$PLAN", plan)
    (folder / "planned.py").write_text(strategy, encoding="ascii")
    config = folder / "campaign.toml"
    text = _CONFIG.format(
        folder=folder,
        seed=11 + drawn,
        per_minute=3 if drawn % 2 else 200,
        before_close_s=90 if drawn % 3 == 1 else 0,
        script="" if drawn else _SCRIPT,
        rates="\n".join(
            [f'{name}_rate = "{"0.12" if drawn else "0"}"' for name in _RATES]
            + [f'{name}_rate = "{"0.15" if drawn else "0"}"' for name in _STREAM_RATES]
        ),
    )
    config.write_text(text, encoding="utf-8")
    return config


def _drawn_plan(number: int) -> dict[int, tuple[Row, ...]]:
    """Some three orders a cycle, a third of them away from the market."""
    draw = random.Random(number)
    return {
        cycle: tuple(
            (symbol, draw.choice(("buy", "sell")), draw.randint(1, 60), int(draw.random() < 0.3))
            for symbol in SYMBOLS
            if draw.random() < 0.7
        )
        for cycle in range(1, CYCLES)
    }


def slots() -> list[str]:
    """The market's slots: eleven of the first day, four of the second; the last is the close."""
    first = [f"2026-11-02T14:{minute}:00.000000Z" for minute in range(30, 41)]
    return first + [f"2026-11-03T14:{minute}:00.000000Z" for minute in range(30, 34)]


def _market_rows() -> Iterator[str]:
    yield "time,symbol,bid,ask,bid_size,ask_size,last,volume"
    for cycle, time in enumerate(slots(), start=1):
        for symbol, base in zip(SYMBOLS, (5_000, 2_000, 8_000, 3_500), strict=True):
            rise = 0
            if symbol == "BBB" and cycle > 5:
                rise = 40  # so the rest of order 11 is never reached
            if symbol == "DDD" and cycle > 9:
                rise = 60  # and that of order 16
            bid = base + rise + (cycle * 7 % 3 if symbol == "CCC" else 0)
            ask = bid + 4
            if (symbol, cycle) == ("CCC", 4):
                bid, ask = ask, bid
            if (symbol, cycle) == ("CCC", 6):
                continue
            prices = f"{bid / 100:.2f},{ask / 100:.2f},5000,5000,{(bid + ask) / 200:.2f}"
            yield f"{time},{symbol},{prices},90000"


def _signal_rows() -> Iterator[str]:
    yield "time,symbol,value,model,model_version"
    for cycle, time in enumerate(slots(), start=1):
        minute = int(time[14:16])
        for second, symbol in ((10, "AAA"), (40, "CCC")):
            at = f"{time[:14]}{minute - 1:02d}:{second}.000000Z"
            yield f"{at},{symbol},{cycle}.{second},made-up,1"


FATES = (
    *("filled in parts", "closed: FILLED with 100", "failed: refused", "closed: FAILED"),
    *("closed: REJECTED", "cancel", "closed: CANCELED", "closed: CANCELED with 15"),
    *("unknown, found", "unknown, absent", "sent again under its id", "fill from stream"),
    *("fill from rest", "closed: EXPIRED", "closed: EXPIRED with 12", "skip: size.quantity"),
    *("skip: quote.crossed", "skip: quote.stale", "skip: duplicate.intent"),
    *("skip: session.closed", "skip: signal.none", "runner started"),
)
"""What must have happened in a run, as `facts_of` names it under "seen"."""


def lacking(facts: dict[str, Any]) -> list[str]:
    """The fates that a session does not hold."""
    lacks = [fate for fate in FATES if fate not in facts["seen"]]
    faults = ("delay", "drop", "duplicate", "reorder")
    lacks += [f"stream {fault}" for fault in faults if fault not in facts["stream_faults"]]
    if len(facts["slots"]) != CYCLES:
        lacks.append(f"{CYCLES} cycles")
    return lacks
