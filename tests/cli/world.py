"""A small market and small strategies, written into a test's own folder.

shape   `market(folder)` -> "csv:…"; `strategy(folder, text)` -> "…py:Name"; `RUN` is the words of a
        run on them. Two symbols, a slot a minute; the price goes up and down so that `Flip` trades
"""

from collections.abc import Callable
from pathlib import Path

HEADER = "time,symbol,bid,ask,bid_size,ask_size,last,volume"
SYMBOLS = ("AAA", "BBB")
JOURNAL = "sqlite:///j.db"

FLIP = '''"""Buys where flat, sells what is held, at the touch."""

from core.strategy import OrderRequest


class Flip:
    """Trades every symbol in every cycle in which no order of it is open."""

    def decide(self, view):
        open_symbols = {intent.symbol for intent in view.open_intents}
        for symbol in view.symbols:
            if symbol in open_symbols or symbol not in view.quotes:
                continue
            held = view.positions.get(symbol, 0)
            if held:
                yield OrderRequest(symbol, "sell", abs(held), reason="out")
            else:
                yield OrderRequest(symbol, "buy", 100, reason="in")
'''


def row(time: str, symbol: str, price: int) -> str:
    """One good row; `price` in cents."""
    bid, ask = f"{price / 100:.2f}", f"{(price + 2) / 100:.2f}"
    return f"{time},{symbol},{bid},{ask},900,800,{bid},5000"


def rows(slots: int, first: int = 0) -> list[str]:
    """The rows of `slots` minutes."""
    found = []
    for slot in range(first, first + slots):
        time = f"2024-03-04T{14 + slot // 60:02d}:{slot % 60:02d}:00Z"
        for index, symbol in enumerate(SYMBOLS):
            wave = (slot * (7 + index)) % 11 - 5
            found.append(row(time, symbol, 10_000 * (index + 1) + 3 * wave))
    return found


def market(folder: Path, slots: int = 30, mend: Callable[[list[str]], object] | None = None) -> str:
    """A market file of `slots` minutes; `mend` may change its lines, the header is the first."""
    lines = [HEADER, *rows(slots)]
    if mend is not None:
        mend(lines)
    (folder / "quotes.csv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return "csv:quotes.csv"


def strategy(folder: Path, text: str = FLIP, name: str = "Flip") -> str:
    """A strategy file, and its target."""
    (folder / "strategy.py").write_text(text, encoding="utf-8")
    return f"strategy.py:{name}"


def prepared(folder: Path, slots: int = 30) -> Path:
    """A folder with the market and the trading strategy in it."""
    folder.mkdir(parents=True, exist_ok=True)
    market(folder, slots)
    strategy(folder)
    return folder


def run_words(*more: object, journal: str = JOURNAL) -> list[object]:
    """The words of a run on a prepared folder."""
    words = ["run", "--market", "csv:quotes.csv", "--strategy", "strategy.py:Flip"]
    return [*words, "--journal", journal, "--json", *more]
