"""Operator's commands, which are events: the runner need not be alive."""

import argparse
import contextlib
import getpass
import socket

import msgspec

from bin.cli.exits import Exit
from bin.cli.journals import write
from bin.cli.output import print_json, print_lines
from core.events import Decision, tag_of
from journal import Journal, WriterLock
from live.clock import WallClock
from live.operator import accept_rollback as accept_rolled_back
from live.operator import command


def halt(options: argparse.Namespace) -> int:
    """Latch the kill switch."""
    return _operate(options, "halt")


def pause(options: argparse.Namespace) -> int:
    """Reduce only: nothing is opened, no position increased."""
    return _operate(options, "pause")


def resume(options: argparse.Namespace) -> int:
    """Lift the kill switch, the pause and a disabled strategy."""
    return _operate(options, "resume")


def cancel_all(options: argparse.Namespace) -> int:
    """Ask for every open order to be canceled."""
    return _operate(options, "cancel-all")


def accept_rollback(options: argparse.Namespace) -> int:
    """Accept that events were lost; what they were is not known any more."""
    with WriterLock(options.journal):
        journal = write(options, accept_rollback=True)
        with contextlib.closing(journal):
            accepted = accept_rolled_back(journal, who=_who(journal, options), why=options.why)
            head = journal.read_head()
    if options.json:
        document = {"sequence": head.sequence, "chain": head.chain}
        print_json({"command": "accept-rollback", "accepted": accepted, "head": document})
    else:
        said = "written down" if accepted else "the journal is not behind its anchor"
        print_lines([f"accept-rollback  {said}  head {head.sequence} {head.chain[:12]}"])
    return Exit.GOOD


def _who(journal: Journal, options: argparse.Namespace) -> str:
    """The operator's name; a simulated journal names no login."""
    name: str | None = options.who
    return name or ("operator" if journal.created.mode == "sim" else getpass.getuser())


def _operate(options: argparse.Namespace, word: str) -> int:
    journal = write(options)
    with contextlib.closing(journal):
        simulated = journal.created.mode == "sim"
        decisions = command(
            journal,
            word,
            who=_who(journal, options),
            where="command-line" if simulated else socket.gethostname(),
            why=options.why,
            now=None if simulated else WallClock().now(),
        )
        head = journal.read_head()
    document = {
        "command": word,
        "decisions": [_plain(decision) for decision in decisions],
        "head": {"sequence": head.sequence, "chain": head.chain},
    }
    if options.json:
        print_json(document)
    else:
        said = ", ".join(tag_of(decision) for decision in decisions) or "nothing to change"
        print_lines([f"{word}  {said}  head {head.sequence} {head.chain[:12]}"])
    return Exit.GOOD


def _plain(decision: Decision) -> object:
    return msgspec.to_builtins(decision)
