"""What stands now, in lines for a person: the runner, and what still keeps orders back."""

from typing import TYPE_CHECKING

from core.state import State
from journal.holder import holder_of

if TYPE_CHECKING:
    from journal import JournalUrl

SUSPENDED = "trade_suspended_by_user"


def runner_of(url: "JournalUrl") -> dict[str, object]:
    """Whether a runner holds the journal's lock, and which process that is."""
    holder = holder_of(url)
    if holder is None:
        return {"alive": False, "pid": None, "since": None, "stopped": False}
    return {"alive": True, **holder._asdict()}


def lines_of_runner(runner: dict[str, object], state: State) -> list[str]:
    """One line: who carries out what was commanded."""
    orders = f"{len(state.intents)} orders open"
    if not runner["alive"]:
        return [f"runner  none: what is asked of the broker is done by the next one  {orders}"]
    who = f"process {runner['pid']} since {runner['since']}"
    if runner["stopped"]:
        return [f"runner  STOPPED (SIGSTOP), {who}: it obeys when it goes on  {orders}"]
    return [f"runner  alive, {who}  {orders}"]


def lines_of_rest(state: State) -> list[str]:
    """What keeps orders back after all that a `resume` lifts."""
    lines = []
    account = state.account
    if account is not None and account.blocked == SUSPENDED:
        lines.append(
            "still  the account is suspended at the broker; resume --broker-resume lifts it"
        )
    for scope, lockout in sorted(state.lockouts.items()):
        until = f" until {lockout.until}" if lockout.until else ""
        lines.append(f"still  lockout of {scope}: {lockout.why}{until}")
    for what, why in sorted(state.streams.items()):
        lines += [f"still  {what} is down: {why}"] if why else []
    lines += [f"still  {symbol}: {what}" for symbol, what in sorted(state.mismatched.items())]
    return lines
