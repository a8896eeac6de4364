"""Short sessions of every mode with canaries in them, and a search for those in every file.

shape   `world(folder)` has the market and the strategy, which lie outside; `session(place, …)`
        runs cycles of it and tells the canaries to the journal: symbol, strategy, reason, operator
        `leaks(folder)` -> where a canary is found: raw, hex, base64 at any offset, or compressed
sim     the simulated venue is a simulated outside and knows the symbols it is sent; here it lies
        with the market, as a real broker's books would
"""

import base64
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from core.contract import Broker, Config, Encryption, Market, Mode, Strategy
from journal.master_key import MasterKey
from live.inputs import read_inputs, started, what_is_new
from live.opening import opened
from live.operator import command
from live.runner import Runner

SYMBOL, NAME, REASON, WHY = "CANARYSYM", "CanaryStrategyName", "canary-reason", "canary-why"
CANARIES = tuple(text.encode() for text in (SYMBOL, NAME, REASON, WHY))
SOURCE = f'''"""Buys where flat, sells what is held."""

from core.strategy import OrderRequest


class Flip:
    """Trades every symbol in every cycle in which no order of it is open."""

    def decide(self, view):
        for symbol in view.symbols:
            held = view.positions.get(symbol, 0)
            side, quantity = ("sell", abs(held)) if held else ("buy", 100)
            if symbol in view.quotes and not any(i.symbol == symbol for i in view.open_intents):
                yield OrderRequest(symbol, side, quantity, reason="{REASON}")
'''


def world(folder: Path) -> Path:
    """The folder of what lies outside: quotes of the canary's symbol, and the strategy's file."""
    folder.mkdir(parents=True)
    lines = ["time,symbol,bid,ask,bid_size,ask_size,last,volume"]
    for slot in range(20):
        time = f"2024-03-04T15:{slot:02d}:00Z"
        lines.append(f"{time},{SYMBOL},100.0{slot % 7},100.1{slot % 7},900,800,100.05,5000")
    (folder / "quotes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "strategy.py").write_text(SOURCE, encoding="utf-8")
    return folder


def config_of(
    outside: Path, place: Path, mode: Mode, enabled: bool | None, name: str = "main"
) -> Config:
    """A configuration of `mode`, as it would stand when a broker for it can be had."""
    return Config(
        mode=mode,
        name=name,
        journal=f"sqlite:///{place}/j.db",
        strategy=Strategy(target=f"{outside}/strategy.py:Flip", name=NAME),
        market=Market(source=f"csv:{outside}/quotes.csv"),
        broker=Broker(venue=str(outside / f"{place.name}.venue")),
        encryption=Encryption(enabled=mode is Mode.LIVE if enabled is None else enabled),
    )


def session(config: Config, key: MasterKey | None, cycles: int = 4) -> None:
    """A start, some cycles, an operator's command, and an end."""
    inputs = read_inputs(config, key=key)
    with opened(inputs) as (committer, broker):
        runner = Runner(committer, broker, inputs.feed)
        runner.start(
            lambda: what_is_new(inputs, committer.state),
            started(inputs, lambda: max(inputs.now, committer.state.now)),
        )
        reason = runner.run(cycles)
        command(committer.journal, "cancel-all", who=WHY, where=WHY, why=WHY, now=None)
        runner.stop(reason)


_PIECES = tuple(
    base64.b64encode(b"\0" * pad + canary)[2 * pad : -4].rstrip(b"=")
    for canary in CANARIES
    for pad in range(3)
)
_FORMS = tuple(
    form
    for canary in CANARIES
    for form in (canary, canary.hex().encode(), canary.hex().upper().encode(), canary[::-1])
)
_DEFLATED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")


def leaks(folder: Path) -> list[str]:
    """Each file below `folder` that a canary is found in, and how."""
    return [
        f"{path.name}: {how}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for how in _found(path.read_bytes())
    ]


def _found(data: bytes) -> Iterator[str]:
    for form in (*_FORMS, *_PIECES):
        if form in data:
            yield f"{form!r}"
    for start in _DEFLATED.finditer(data):
        wbits = 31 if data[start.start()] == 0x1F else 15
        try:
            inside = zlib.decompressobj(wbits).decompress(data[start.start() :], 2**20)
        except zlib.error:
            continue
        yield from (f"{form!r} compressed" for form in _FORMS if form in inside)
