"""The options of every command; the modules that carry them out are imported when called."""

import argparse
import math
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import NoReturn, TypeAlias

from bin.cli.exits import Exit, help_text

VIEWS = (
    "open-intents",
    "orders",
    "cycles",
    "skips",
    "positions",
    "tca",
    "cost-model",
    "alerts",
)
Command = Callable[[argparse.Namespace], int]
TEXT_MAX = 1_000
"""Characters of an operator's own words."""
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(argparse.ArgumentParser):
    """argparse, whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """What is wrong with the words of the command."""
        text = " ".join(message.split())
        sys.stderr.write(f"refold: {text}; see {self.prog} --help\n")
        sys.exit(Exit.CANNOT_RUN)


def parser() -> argparse.ArgumentParser:
    """The parser of `bin/refold`."""
    root = Parser(
        prog="refold",
        description="An event-sourced trading core on an append-only journal.",
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_journal_commands(commands)
    _add_view_commands(commands)
    _add_operator_commands(commands)
    _add_chaos(commands)
    _add_config(commands)
    _add_keys(commands)
    return root


def _add(commands: Commands, name: str, module: str, about: str) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--json", action="store_true", help="one JSON document on standard output")
    command.set_defaults(command=_later(module, name.replace("-", "_")))
    return command


def _later(module: str, name: str) -> Command:
    """The command's function, imported when it is called."""

    def call(options: argparse.Namespace) -> int:
        function: Command = getattr(import_module(f"bin.cli.{module}"), name)
        return function(options)

    return call


def _add_run(commands: Commands) -> None:
    run = _add(commands, "run", "run", "The live runner; without arguments, a demonstration.")
    _add_settings(run)
    run.add_argument("--cycles", type=_count, metavar="N", help="open at most N cycles")
    run.add_argument("--pace", type=_seconds, default=0.0, metavar="S", help="wait S s between")
    run.add_argument(
        "--dry-run", action="store_true", help="decide the next cycle only; nothing is written"
    )
    run.add_argument(
        "--take-over", action="store_true", help="run though another runner holds the lock"
    )
    run.add_argument("--live", action="store_true", help="needed, and only taken, with mode live")
    run.add_argument("--accept-anchor-missing", action="store_true", help="make a missing anchor")
    run.add_argument(
        "--kill-after-commits", type=_count, metavar="N", help="a drill: SIGKILL itself then"
    )
    matrix = _add(commands, "matrix", "matrix", "Run, run again elsewhere, replay: equal heads?")
    matrix.add_argument("--seeds", default="1,42,1337", metavar="N,…")
    matrix.add_argument("--symbols", default="AAPL,MSFT", metavar="A,B,…")
    matrix.add_argument("--cycles", type=_count, default=60, metavar="N")
    matrix.add_argument("--market", metavar="sim|csv:GLOB")
    matrix.add_argument("--strategy", metavar="FILE_OR_MODULE:CLASS")


def _add_chaos(commands: Commands) -> None:
    """The drill. All of its report is equal for equal seeds but what stands under `times`."""
    about = (
        "A strategy against the fault venue: faults, SIGKILLs, restarts; nothing lost or doubled?"
    )
    chaos = _add(commands, "chaos", "chaos", about)
    chaos.add_argument("--strategy", action="append", metavar="FILE_OR_MODULE:CLASS")
    chaos.add_argument("--config", metavar="FILE", help="its [strategy], [risk] and symbols")
    which = chaos.add_mutually_exclusive_group()
    which.add_argument("--seed", type=_sequence, metavar="N", help="one drill, to see it again")
    which.add_argument("--seeds", default="1-4", metavar="A-B", help="a drill each (1-4)")
    chaos.add_argument("--cycles", type=_count, default=120, metavar="N", help="of a drill (120)")
    chaos.add_argument("--market", metavar="sim|csv:GLOB")
    chaos.add_argument("--symbols", metavar="A,B,…")
    chaos.add_argument("--faults", metavar="KIND,…", help="instead of every kind")
    workers = 2 * (os.cpu_count() or 1)
    chaos.add_argument("--workers", type=_count, default=workers, metavar="N", help="at once")
    chaos.add_argument("--keep", metavar="FOLDER", help="journals, venues and logs stay there")
    chaos.epilog = (
        "The same seed gives the same report, but for `times` (seconds, starts, time to recover).\n"
        "Each cycle is played out before the next opens; where only a timer is waited for, the\n"
        "clocks of runner and venue leap to it. Every process is real and dies by SIGKILL.\n\n"
        + help_text()
    )


def _add_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", metavar="FILE", help="a TOML file of settings")
    command.add_argument("--journal", metavar="URL", help="sqlite:///PATH or postgresql://…")
    command.add_argument("--market", metavar="sim|csv:GLOB")
    command.add_argument("--broker", metavar="sim")
    command.add_argument("--strategy", metavar="FILE_OR_MODULE:CLASS")
    command.add_argument("--signals", metavar="csv:GLOB")
    command.add_argument("--symbols", metavar="A,B,…")
    command.add_argument("--seed", metavar="N")


def _add_journal_commands(commands: Commands) -> None:
    replay = _add(commands, "replay", "replay", "Derive every decision again, compare every id.")
    _add_journal_word(replay)
    replay.add_argument("--strategy", metavar="FILE_OR_MODULE:CLASS", help="instead of the stored")
    _add_key_file(replay)
    verify = _add(commands, "verify", "verify", "Check stored bytes, chain and anchor.")
    _add_journal_word(verify)
    tail = _add(commands, "tail", "tail", "The last events, a line each.")
    _add_journal(tail)
    tail.add_argument("-n", type=_count, default=20, metavar="N", help="how many (20)")
    tail.add_argument("-f", "--follow", action="store_true", help="go on as events are appended")
    export = _add(commands, "export", "export", "Every event with its envelope.")
    _add_journal(export)
    export.add_argument("--format", choices=("jsonl",), default="jsonl")
    kind = export.add_mutually_exclusive_group()
    kind.add_argument(
        "--plaintext", action="store_true", help="open the events of an encrypted journal"
    )
    kind.add_argument(
        "--sealed", action="store_true", help="leave them as they are stored; needs no key"
    )
    export.add_argument("--after", type=_sequence, default=0, metavar="SEQUENCE")
    diff = _add(commands, "diff", "diff", "The first difference of two journals or configs.")
    diff.add_argument("left", metavar="A")
    diff.add_argument("right", metavar="B")
    _add_key_file(diff)


def _add_view_commands(commands: Commands) -> None:
    show = _add(commands, "show", "show", "A projection, now or as of any sequence.")
    show.add_argument("view", choices=VIEWS)
    _add_journal(show)
    show.add_argument("--at", type=_count, metavar="SEQUENCE")
    rebuild = _add(commands, "rebuild", "rebuild", "Projections from the journal, with digests.")
    rebuild.add_argument("names", nargs="*", metavar="NAME")
    _add_journal(rebuild)
    explain = _add(commands, "explain", "explain", "The whole story of an order, or of none.")
    explain.add_argument("subject", metavar="ORDER_OR_INTENT|SYMBOL")
    explain.add_argument("--cycle", type=_count, metavar="N")
    _add_journal(explain)


def _add_operator_commands(commands: Commands) -> None:
    status = _add(commands, "status", "status", "How it stands, on one screen; reads only.")
    _add_journal(status)
    status.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=2.0,
        metavar="S",
        help="draw it again every S s (2) until ctrl-C; with --json a line each",
    )
    doctor = _add(commands, "doctor", "doctor", "What would stop a runner; reads only.")
    _add_settings(doctor)
    for name, about in (
        ("halt", "No order leaves until resume; works when the runner is dead."),
        ("pause", "Reduce only: nothing opens or increases a position until resume."),
        ("resume", "Lift the kill switch, the pause, and a strategy's lockout."),
        ("cancel-all", "Cancel every open order: the runner does, or the next one."),
        ("accept-rollback", "Go on with a journal that lost events; both heads are written down."),
    ):
        command = _add(commands, name, "operate", about)
        _add_journal(command)
        command.add_argument("--why", type=_text, default="", metavar="TEXT", help="is kept")
        command.add_argument("--who", type=_text, metavar="NAME", help="the operator (login)")
        if name == "halt":
            _add_halt(command)
        elif name == "resume":
            command.add_argument(
                "--broker-resume",
                action="store_true",
                help="the broker takes new orders again: suspend_trade off",
            )


def _add_halt(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--cancel-open",
        action="store_true",
        help="cancel what is open, by this very process: the runner may be dead or stopped",
    )
    command.add_argument(
        "--broker-suspend",
        action="store_true",
        help="then let the broker refuse new orders, whoever sends them: suspend_trade on",
    )
    command.add_argument(
        "--within",
        type=_seconds,
        default=20.0,
        metavar="S",
        help="look for S s that canceled orders are over (20)",
    )


def _add_config(commands: Commands) -> None:
    config = commands.add_parser("config", help="Check, show, describe or begin a configuration.")
    actions = config.add_subparsers(metavar="ACTION", required=True)
    for name, about in (
        ("check", "Every problem of the configuration, at once."),
        (
            "show",
            "Every effective value, its source, the hash, and what the journal has otherwise.",
        ),
    ):
        command = _add(actions, name, "configure", about)
        _add_settings(command)
    init = _add(actions, "init", "configure", "A commented file of every setting; never over one.")
    init.add_argument("path", nargs="?", default="refold.toml", metavar="PATH")
    _add(actions, "schema", "configure", "The JSON Schema of the file, for editors.")
    _add(actions, "reference", "configure", "The reference page, live/CONFIGURATION.md.")


def _add_journal_word(command: argparse.ArgumentParser) -> None:
    """A URL with a password can stand in the environment only, so the word may be left out."""
    given = os.environ.get("REFOLD_JOURNAL")
    command.add_argument("journal", metavar="JOURNAL", nargs="?" if given else None, default=given)


def _add_journal(command: argparse.ArgumentParser) -> None:
    default = os.environ.get("REFOLD_JOURNAL", "sqlite:///var/main.db")
    command.add_argument(
        "--journal",
        default=default,
        metavar="URL",
        help="sqlite:///PATH or postgresql://… ($REFOLD_JOURNAL)",
    )
    _add_key_file(command)


def _add_key_file(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--key-file", metavar="FILE", help="the master key ($MASTER_ENCRYPTION_KEY)"
    )


def _add_keys(commands: Commands) -> None:
    keys = commands.add_parser("keys", help="Make a master key; rotate a journal's keys.")
    actions = keys.add_subparsers(metavar="ACTION", required=True)
    new = _add(actions, "new", "keys", "A new master key, in a new file or on standard output.")
    new.add_argument("--out", metavar="FILE", help="a file that is not there yet; mode 600")
    rotate = _add(actions, "rotate", "keys", "The journal's keys under another master key.")
    rotate.add_argument("--to", required=True, metavar="FILE", help="the new master key's file")
    _add_journal(rotate)


def _text(text: str) -> str:
    if not text.isprintable() or len(text) > TEXT_MAX:
        message = f"expected at most {TEXT_MAX} printable characters, found {text[:40]!r}"
        raise argparse.ArgumentTypeError(message)
    return text


def _count(text: str) -> int:
    return _whole(text, 1)


def _sequence(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) >= least):
        message = f"expected a whole number from {least}, found {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 86_400:
        message = f"expected seconds from 0 to 86400, found {text!r}"
        raise argparse.ArgumentTypeError(message)
    return seconds
