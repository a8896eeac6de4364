"""Operator's commands, which are events: the runner need not be alive.

order   what is commanded is in the journal, durable and anchored, before anybody is asked for
        anything; then, where it was asked for, this process cancels at the broker, and last of all
        it suspends the account, for a suspended one is not in the way of a cancel but of all else
status  0 all of it done; 7 it stands in the journal and the broker did not confirm all of it
"""

import argparse
import contextlib
import getpass
import socket
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from bin.cli.exits import Exit
from bin.cli.journals import write
from bin.cli.output import print_json, print_lines
from bin.cli.problems import CannotRunError
from bin.cli.secrets import held
from bin.cli.standing import lines_of_rest, lines_of_runner, runner_of
from core.events import Decision, KillSwitchReleased, LockoutEnded, tag_of
from journal import Journal, WriterLock
from journal.errors import CommitUnknownError, JournalBusyError, JournalError
from journal.holder import holder_of
from live.clock import WallClock
from live.feeds.errors import BadInputError
from live.operator import accept_rollback as accept_rolled_back
from live.operator import commanded, folded

if TYPE_CHECKING:
    from live.at_broker import AtBroker
    from live.committer import Committer


def halt(options: argparse.Namespace) -> int:
    """Latch the kill switch; cancel and suspend at the broker where that is asked for."""
    words = ("halt", "cancel-all") if options.cancel_open else ("halt",)
    return _operate(options, words)


def pause(options: argparse.Namespace) -> int:
    """Reduce only: nothing is opened, no position increased."""
    return _operate(options, ("pause",))


def resume(options: argparse.Namespace) -> int:
    """Lift the kill switch, the pause and a disabled strategy; the account where asked for."""
    words = ("resume", "broker-resume") if options.broker_resume else ("resume",)
    return _operate(options, words)


def cancel_all(options: argparse.Namespace) -> int:
    """Ask for every open order to be canceled."""
    return _operate(options, ("cancel-all",))


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


class _Command:
    """One command: who gave it, what came of it, and what is not as it was asked."""

    def __init__(self, options: argparse.Namespace, journal: Journal) -> None:
        self.options = options
        self.simulated = journal.created.mode == "sim"
        self.who = _who(journal, options)
        self.committer: Committer = folded(journal)
        self.decisions: list[Decision] = []
        self.broker: dict[str, Any] = {}
        self.problems: list[str] = []

    def give(self, *words: str) -> list[Decision]:
        """Write them down, in one append."""
        decisions = commanded(
            self.committer,
            words,
            who=self.who,
            where="command-line" if self.simulated else socket.gethostname(),
            why=self.options.why,
            now=None if self.simulated else WallClock().now(),
        )
        self.decisions += decisions
        return decisions

    def ask_broker(self, canceling: list[Decision]) -> None:
        """What this process itself does at the broker, and what is not known to be done."""
        options = self.options
        cancel, suspend = getattr(options, "cancel_open", False), _suspension(options)
        if not cancel and suspend is None:
            return
        from live.at_broker import AtBroker, has_broker  # alpaca-py: seconds

        if not has_broker(self.committer.state):
            self.problems.append("a simulated broker acts when its runner does: at the next run")
            return
        try:
            hand = AtBroker(self.committer, held(), self.committer.journal.created.account_hash)
        except BadInputError as error:
            self.problems.append(str(error))
            return
        with contextlib.closing(hand):
            if cancel:
                self._cancel(hand, canceling)
            if suspend is not None:
                self._suspend(hand, suspend=suspend)

    def _cancel(self, hand: "AtBroker", canceling: list[Decision]) -> None:
        within_s = Decimal(str(self.options.within))
        found = hand.cancel_open(canceling, lambda: self.give("cancel-all"), within_s)
        left = [one._asdict() for one in found.left]
        self.broker |= {"asked": found.asked, "left": left, "others": found.others}
        self.problems += [
            f"not known to be canceled: {one.side} {one.leaves_quantity} {one.symbol} "
            f"{one.client_order_id} {one.status}: {one.why}"
            for one in found.left
        ]
        if found.why:
            self.problems.append(f"what is open at the broker is not known: {found.why}")

    def _suspend(self, hand: "AtBroker", *, suspend: bool) -> None:
        if suspend:  # only now: what cancels must be done before
            self.give("broker-suspend")
        why = hand.suspend(suspend=suspend)
        self.broker["suspended"] = None if why else suspend
        if why:
            word = "suspended" if suspend else "released"
            self.problems.append(f"the account is not known to be {word} at the broker: {why}")


def _operate(options: argparse.Namespace, words: tuple[str, ...]) -> int:
    try:
        return _given(options, words)
    except JournalBusyError as error:
        holder = holder_of(options.journal)
        if holder is None or not holder.stopped:
            raise
        message = (
            f"{words[0]}: nothing was commanded: process {holder.pid} is stopped within a write to "
            f"{error.where}; kill -CONT {holder.pid}, or kill -KILL {holder.pid} (what it "
            f"committed stands), then {words[0]} again"
        )
        raise CannotRunError(message) from None


def _given(options: argparse.Namespace, words: tuple[str, ...]) -> int:
    journal = write(options)
    with contextlib.closing(journal):
        command = _Command(options, journal)
        canceling = command.give(*words)
        in_force = journal.head
        if not options.json:
            said = ", ".join(tag_of(one) for one in command.decisions) or "nothing to change"
            where = f"head {in_force.sequence} {in_force.chain[:12]}"
            print_lines([f"{words[0]}  {said}  {where}"])
        try:
            command.ask_broker(canceling)
        except CommitUnknownError:
            raise
        except JournalError as error:  # what was commanded stands all the same
            command.problems.append(f"the journal took no more: {error}")
        document = _document(words[0], command, journal)
    if options.json:
        print_json(document)
    else:
        print_lines(_lines(document, command))
    return Exit.NOT_CONFIRMED if command.problems else Exit.GOOD


def _suspension(options: argparse.Namespace) -> bool | None:
    """What the account is to be; None where nothing is asked of it."""
    if getattr(options, "broker_suspend", False):
        return True
    return False if getattr(options, "broker_resume", False) else None


def _document(word: str, command: _Command, journal: Journal) -> dict[str, Any]:
    head = journal.read_head()
    return {
        "command": word,
        "decisions": [msgspec.to_builtins(decision) for decision in command.decisions],
        "head": {"sequence": head.sequence, "chain": head.chain},
        "runner": runner_of(journal.url),
        "broker": command.broker,
        "still": lines_of_rest(command.committer.state),
        "problems": command.problems,
    }


def _lines(document: dict[str, Any], command: _Command) -> list[str]:
    """What a person reads behind the first line."""
    lines = lines_of_runner(document["runner"], command.committer.state)
    if document["command"] == "resume":
        lines += [f"lifted  {_lifted(command.decisions)}"]
        lines += document["still"]
    broker = document["broker"]
    if "asked" in broker:
        done = broker["asked"] - len(broker["left"])
        lines.append(f"broker  {done} of {broker['asked']} open orders are over")
        lines += [f"not ours, left open  {one}" for one in broker["others"]]
    if broker.get("suspended") is not None:
        is_so = broker["suspended"]
        lines.append(
            f"broker  suspend_trade {str(is_so).lower()}: new orders are "
            f"{'refused until resume --broker-resume' if is_so else 'taken again'}"
        )
    return lines + [f"NOT DONE  {problem}" for problem in document["problems"]]


def _lifted(decisions: list[Decision]) -> str:
    found = ["kill switch" for one in decisions if isinstance(one, KillSwitchReleased)]
    found += [f"lockout of {one.scope}" for one in decisions if isinstance(one, LockoutEnded)]
    return ", ".join(found) or "nothing: nothing was halted, paused or disabled"
