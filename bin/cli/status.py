"""`status`: one screen of how a journal stands; `--watch` draws it again and again.

status  0 good; 1 something needs a person, named; 6 halted or locked out; 2 it cannot be read
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterable
from typing import Any

import orjson

from bin.cli.exits import Exit
from bin.cli.journals import read
from bin.cli.output import clean, print_json, print_lines
from live.clock import WallClock
from live.standing import Standing

WIDTH = 120
ORDERS_SHOWN = 8
LEAST_S = 0.1
CLEAR = "\x1b[2J\x1b[H"


def status(options: argparse.Namespace) -> int:
    """One screen, or one every so many seconds until ctrl-C."""
    found = Exit.GOOD
    journal = read(options)
    with contextlib.closing(journal), contextlib.suppress(KeyboardInterrupt):
        standing, clock = Standing(journal), WallClock()
        while True:
            document = standing.document(clock.now)
            found = _status_of(document)
            _show(document, options)
            if options.watch is None:
                break
            time.sleep(max(options.watch, LEAST_S))
    return found


def _status_of(document: dict[str, Any]) -> Exit:
    if document["kill_switch"] is not None or document["lockouts"]:
        return Exit.HALTED
    return Exit.GOOD if document["ok"] else Exit.CHECK_FAILED


def _show(document: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json and options.watch is not None:  # a line each, for what follows them
        sys.stdout.buffer.write(orjson.dumps(document) + b"\n")
        sys.stdout.flush()
    elif options.json:
        print_json(document)
    else:
        if options.watch is not None and sys.stdout.isatty():
            sys.stdout.write(CLEAR)
        print_lines(_cut(clean(line)) for line in _lines(document))


def _lines(told: dict[str, Any]) -> Iterable[str]:
    """The screen, from the top."""
    head = told["head"]
    yield f"refold    {told['mode']}  {told['name']}  {told['journal']}  at {_short(told['time'])}"
    yield (
        f"journal   head {head['sequence']} {head['chain'][:12]}  {_ago(head['age_s'])}  "
        f"anchor {'good' if told['anchor'] == 'good' else 'NOT GOOD'}"
    )
    yield f"runner    {_runner(told)}"
    yield f"trading   {_trading(told)}"
    for lockout in told["lockouts"]:
        until = lockout["until"] or "an operator's resume"
        yield f"lockout   {lockout['scope']}: {lockout['reason']} until {until}"
    yield from _cycle(told["cycle"])
    yield from _orders(told)
    held = "  ".join(f"{symbol} {count}" for symbol, count in told["positions"].items())
    yield f"positions {held or 'none'}"
    yield f"link      {_link(told)}"
    yield f"rate      {_rate(told['rate_budget'])}"
    yield "" if told["findings"] else "nothing needs a person"
    for finding in told["findings"]:
        yield f"! {finding['what']}: {finding['found']}; {finding['mend']}"


def _runner(told: dict[str, Any]) -> str:
    runner = told["runner"]
    if runner["alive"]:
        word = "STOPPED" if runner["stopped"] else "alive"
        return f"{word}  process {runner['pid']} since {runner['since']}  epoch {told['epoch']}"
    if not told["epoch"]:
        return "none yet"
    ended = runner["ended"] or "WITHOUT A WORD"
    return f"none  the last, epoch {told['epoch']}, ended: {ended}"


def _trading(told: dict[str, Any]) -> str:
    found = []
    for word, said in (("HALTED", told["kill_switch"]), ("PAUSED", told["pause"])):
        if said is not None:
            who = f"by {said['who']}" if said["who"] else f"for {said['reason']}"
            found.append(f"{word} {who} since {_short(said['since'])}")
    return "  ".join(found) or "not halted, not paused"


def _cycle(cycle: dict[str, Any] | None) -> Iterable[str]:
    if cycle is None:
        yield "cycle     none yet"
        return
    names = ("universe", "intents", "skipped", "submitted", "failed", "dropped")
    counts = "  ".join(f"{name} {cycle[name]}" for name in names)
    over = "" if cycle["closed"] else "  open"
    yield f"cycle     {cycle['number']}  {_short(cycle['slot'])}  {counts}{over}"
    if cycle["reasons"]:
        reasons = "  ".join(f"{code} {count}" for code, count in cycle["reasons"].items())
        yield f"skips     {reasons}"


def _orders(told: dict[str, Any]) -> Iterable[str]:
    orders = told["open_intents"]
    yield f"orders    {len(orders)} open  {len(told['unknown'])} of unknown outcome"
    for one in orders[:ORDERS_SHOWN]:
        canceling = "  cancel asked" if one["cancel_pending"] else ""
        yield (
            f"          {one['client_order_id']}  {one['side']} {one['quantity']} {one['symbol']}  "
            f"{one['status']}  leaves {one['leaves_quantity']}  {_ago(one['age_s'])}{canceling}"
        )
    if len(orders) > ORDERS_SHOWN:
        yield f"          and {len(orders) - ORDERS_SHOWN} more: show open-intents"


def _link(told: dict[str, Any]) -> str:
    link = told["link"]
    if not link["up"] and not link["down"]:
        return "simulated"
    stale = "" if told["runner"]["alive"] else "as the last runner left it: "
    words = [f"{what} up" for what in link["up"]]
    words += [f"{what} DOWN ({why})" for what, why in link["down"].items()]
    compared = "never compared"
    if link["compared_age_s"] is not None:
        compared = f"compared {_ago(link['compared_age_s'])}"
    return f"{stale}{'  '.join(words)}  {compared}"


def _rate(rate: dict[str, Any] | None) -> str:
    if rate is None:
        return "not reported yet"
    kept = f"{rate['reserve']} kept for cancels"
    until = f" until {_short(rate['resets_at'])}" if rate["resets_at"] else ""
    return f"{rate['remaining']} of {rate['limit']} calls left{until}, {kept}"


def _ago(age_s: str | None) -> str:
    return "-" if age_s is None else f"{age_s} s ago"


def _short(time_: str) -> str:
    """To the second."""
    return f"{time_[:19]}Z"


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH or line.startswith("!") else f"{line[: WIDTH - 1]}…"
