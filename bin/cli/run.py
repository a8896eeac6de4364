"""`run`: the live runner on one journal; without any setting, the demonstration."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bin.cli.exits import Exit
from bin.cli.journals import key_of_config
from bin.cli.output import complain, print_json, print_lines, to_standard_error
from bin.cli.settings import flags_of, loaded_config
from bin.cli.summary import summary_of
from core.config import config_hash
from core.contract import Config
from core.events import Event
from core.state import State
from live.committer import Listener
from live.logs import EventLog
from live.old_names import OF_VARIABLE

if TYPE_CHECKING:
    from live.brokers.base import Broker
    from live.committer import Committer
    from live.inputs import Inputs
    from live.runner import Runner

MOMENT_S = 0.05
"""How soon a signal is heard in a pause."""


def run(options: argparse.Namespace) -> int:
    """Run until the market or `--cycles` ends, or a signal comes; then sum the journal up."""
    if not _anything_asked(options):
        from bin.cli.demo import demonstrate

        return demonstrate(as_json=options.json)
    if options.dry_run:
        from bin.cli.dry_run import dry_run

        return dry_run(options)
    with to_standard_error():
        document = _session(options)
    if options.json:
        print_json(document)
    else:
        print_lines(_lines(document))
    return Exit.GOOD


def _session(options: argparse.Namespace) -> dict[str, object]:
    """One runner from its start to its end, and what it says of the journal."""
    from live.encryption import notice
    from live.inputs import read_inputs, started, what_is_new
    from live.opening import opened

    loaded = loaded_config(options, live=options.live)
    config = loaded.config
    key = key_of_config(config)
    inputs = read_inputs(config, loaded.secrets, key)
    if said := notice(config, key):
        complain(said)
    stop = _Stop()
    with contextlib.ExitStack() as stack:
        listeners: list[Listener] = []
        committer, broker = stack.enter_context(
            opened(
                inputs,
                listener=lambda events: _tell(listeners, events),
                accept_anchor_missing=options.accept_anchor_missing,
                take_over=options.take_over,
            )
        )
        stack.enter_context(_signals(stop))
        log = stack.enter_context(_log(config, lambda: committer.state))
        log.say_config(inputs.flat, config_hash(inputs.flat))
        listeners.append(log)
        if options.kill_after_commits:
            listeners.append(_Drill(options.kill_after_commits))
        progress = stack.enter_context(_progress(options))
        runner = _runner(options, inputs, (committer, broker), stop, progress)
        runner.start(
            lambda: what_is_new(inputs, committer.state),
            started(inputs, lambda: max(inputs.now, committer.state.now)),
        )
        runner.stop(runner.run(options.cycles))
        return summary_of(committer, config.seed)


def _runner(
    options: argparse.Namespace,
    inputs: "Inputs",
    session: tuple["Committer", "Broker"],
    stop: "_Stop",
    progress: Callable[[int], None],
) -> "Runner":
    """The runner of simulated time, or of the time of a real broker."""
    committer, broker = session
    if inputs.real is None:
        from live.runner import Runner

        return Runner(
            committer,
            broker,
            inputs.feed,
            signals=inputs.signals,
            pause=_pause(options.pace, stop),
            stopping=lambda: stop.asked,
            progress=progress,
        )
    from live.realtime import RealtimeRunner

    return RealtimeRunner(
        committer,
        inputs.real.broker,
        inputs.feed,
        clock=inputs.real.clock,
        waiting=inputs.real.waiting,
        pace_s=Decimal(str(options.pace or 0)),
        signals=inputs.signals,
        stopping=lambda: stop.asked,
        progress=progress,
    )


def _anything_asked(options: argparse.Namespace) -> bool:
    asked = (
        options.config,
        options.cycles,
        options.kill_after_commits,
        options.dry_run or None,
        options.pace or None,
        options.take_over or None,
        options.live or None,
        options.accept_anchor_missing or None,
        *flags_of(options).values(),
    )
    environment = any(
        name.startswith("REFOLD_") or (name in OF_VARIABLE and os.environ[name])
        for name in os.environ
    )
    return environment or any(value is not None for value in asked)


def _tell(listeners: list[Listener], events: Sequence[Event]) -> None:
    for listener in listeners:
        listener(events)


class _Drill:
    """Kills this process by SIGKILL after so many commits: a drill anyone can repeat."""

    def __init__(self, commits: int) -> None:
        self.left = commits

    def __call__(self, _: Sequence[Event]) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class _Stop:
    """Whether a signal asked for the end; a plain flag, for a handler must not take a lock."""

    asked = False


@contextlib.contextmanager
def _signals(stop: _Stop) -> Iterator[None]:
    """SIGINT and SIGTERM end the run in order, after the cycle that is open."""

    def ask(*_: object) -> None:
        stop.asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pause(seconds: float, stop: _Stop) -> Callable[[], None]:
    """A wait that a signal ends within a moment."""

    def pause() -> None:
        until = time.monotonic() + seconds
        while not stop.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, MOMENT_S))

    return pause


@contextlib.contextmanager
def _log(config: Config, state: Callable[[], State]) -> Iterator[EventLog]:
    """The event log: standard error, or a file beside the journal when that is a terminal.

    The log is plain text: beside an encrypted journal none is ever put, so on a terminal there is
    none then. Who sends standard error elsewhere has chosen where it lies.
    """
    from journal import parse_url

    path = parse_url(config.journal).local
    with contextlib.ExitStack() as stack:
        stream: TextIO = sys.stderr
        if sys.stderr.isatty() and config.encrypted:
            complain("no event log: the journal is encrypted; 2>FILE or 2>|PROGRAM takes one")
            stream = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        elif sys.stderr.isatty() and path is not None:
            place = Path(f"{path}.log")
            stream = stack.enter_context(place.open("a", encoding="utf-8"))
        yield EventLog(stream, state)


@contextlib.contextmanager
def _progress(options: argparse.Namespace) -> Iterator[Callable[[int], None]]:
    """Cycles opened, on standard error, when that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn

    columns = (*Progress.get_default_columns()[:2], TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("cycles", total=options.cycles)
        yield lambda done: progress.update(
            task, completed=done, description=f"cycles {done}", refresh=time.monotonic() < 0
        )


def _lines(document: dict[str, object]) -> list[str]:
    head = document["head"]
    assert isinstance(head, dict)
    skipped = document["skipped"]
    assert isinstance(skipped, dict)
    reasons = "  ".join(f"{code} {count}" for code, count in skipped.items())
    return [
        f"journal {document['journal']}  config {str(document['config_hash'])[:12]}",
        f"cycles {document['cycles']}  universe {document['universe']}  "
        f"intents {document['intents']}  submitted {document['submitted']}  "
        f"failed {document['failed']}  unknown {document['unknown']}  "
        f"dropped {document['dropped']}  fills {document['fills']}  open {document['open']}",
        f"skips {sum(skipped.values())}  {reasons}",
        f"head {head['sequence']} {head['chain']}",
    ]
