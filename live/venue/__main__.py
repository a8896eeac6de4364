"""The venue's process: python -m live.venue --port 0 --file venue.db --seed 7 --faults all=0.02.

says    one line of JSON on standard output when it listens: the URLs, the keys, the process id
status  0 after SIGTERM or SIGINT; 1 when its own code or file failed, or, with --campaign, when a
        declared fault never happened; 2 for arguments it cannot run with
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TextIO

from live.feeds.base import MarketSlot
from live.feeds.csv_file import CsvFeed
from live.feeds.errors import BadInputError
from live.feeds.simulated import SimulatedFeed
from live.venue.clock import ns_of
from live.venue.faults import parse_rates, parse_script
from live.venue.server import Server
from live.venue.venue import Setup, Venue


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    made = argparse.ArgumentParser(prog="python -m live.venue", description=__doc__)
    made.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    made.add_argument("--file", type=Path, help="the venue's own file; in memory without")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--faults", default="", metavar="KIND=RATE,…", help="or all=RATE")
    made.add_argument("--script", default="", metavar="N:KIND,…", help="faults of the Nth order")
    made.add_argument("--campaign", action="store_true", help="end red if one never happened")
    made.add_argument("--cash", type=Decimal, default=Decimal(100_000))
    made.add_argument("--clock", metavar="TIME", help="the venue's time at its start; now without")
    made.add_argument("--always-open", action="store_true", help="trade round the clock, every day")
    made.add_argument("--market", metavar="sim|csv:GLOB", help="quotes of its own, a slot a pace")
    made.add_argument("--symbols", metavar="A,B", help="of the simulated market")
    made.add_argument("--pace", type=float, default=1.0, metavar="S", help="seconds between slots")
    made.add_argument("--requests-per-minute", type=int, default=200)
    made.add_argument("--key-id", default="venue-key")
    made.add_argument("--secret", default="venue-secret")
    return made


def slots_of(arguments: argparse.Namespace) -> Iterator[MarketSlot] | None:
    """The market's slots, or None where quotes are set by hand."""
    if not arguments.market:
        return None
    if arguments.market == "sim":
        symbols = tuple(arguments.symbols.split(",")) if arguments.symbols else None
        return SimulatedFeed(seed=arguments.seed, symbols=symbols).slots(None)
    if arguments.market.startswith("csv:"):
        return CsvFeed(arguments.market.removeprefix("csv:")).slots(None)
    message = f"market: expected sim or csv:GLOB, found {arguments.market!r}; choose one"
    raise ValueError(message)


async def play(server: Server, slots: Iterator[MarketSlot], pace_s: float) -> None:
    """The market's quotes, a slot a pace, under the venue's own time."""
    for slot in slots:
        now = server.venue.clock.now()
        for symbol, quote in slot.quotes.items():
            names = ("bid", "ask", "bid_size", "ask_size", "last", "volume")
            numbers = {name: Decimal(getattr(quote, name)) for name in names}
            server.admin.show(symbol, now, numbers)
        server.venue.engine.advance(server.venue.clock.now())
        server.venue.commit()
        server.publish()
        await asyncio.sleep(pace_s)


async def serve(arguments: argparse.Namespace) -> int:
    """The venue, until a signal ends it."""
    setup = Setup(
        seed=arguments.seed,
        path=arguments.file,
        rates=parse_rates(arguments.faults),
        cash=arguments.cash,
        always_open=arguments.always_open,
        start=ns_of(arguments.clock) if arguments.clock else None,
        requests_per_minute=arguments.requests_per_minute,
        key_id=arguments.key_id,
        secret=arguments.secret,
    )
    slots = slots_of(arguments)
    venue = Venue(setup)
    for armed in parse_script(arguments.script):
        venue.faults.arm(armed)
    server = Server(venue)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stopped.set)
    port = await server.start(arguments.port)
    tasks = [asyncio.create_task(server.tick())]
    if slots is not None:
        tasks.append(asyncio.create_task(play(server, slots, arguments.pace)))
    for task in tasks:
        task.add_done_callback(server.ended)
    _say(sys.stdout, json.dumps(ready(setup, port)))
    await server.stopped.wait()
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if server.broken is not None:
        _say(sys.stderr, f"venue: broke and stops: {server.broken!r}")
        return 1
    await server.stop()
    never = venue.faults.never_happened()
    venue.close()
    if arguments.campaign and never:
        _say(sys.stderr, f"campaign: expected each declared fault to happen, never: {never}")
        return 1
    return 0


def ready(setup: Setup, port: int) -> dict[str, object]:
    """What a client has to know."""
    http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    return {
        "trading_url": http,
        "data_url": http,
        "trading_stream_url": f"{ws}/stream",
        "data_stream_url": f"{ws}/v2/iex",
        "admin_url": f"{http}/_venue",
        "key_id": setup.key_id,
        "secret": setup.secret,
        "pid": os.getpid(),
    }


def _say(where: TextIO, line: str) -> None:
    where.write(f"{line}\n")
    where.flush()


def main() -> int:
    """The process."""
    arguments = parser().parse_args()
    try:
        return asyncio.run(serve(arguments))
    except (ValueError, InvalidOperation, BadInputError, OSError) as problem:
        _say(sys.stderr, f"venue: {problem}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
