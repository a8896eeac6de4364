"""`doctor`: what would stop a runner, looked at before it does; nothing is changed or journaled.

status  0 nothing fails; 1 something does, with the mend; 2 the configuration cannot be read
"""

import argparse
import contextlib
from collections.abc import Callable, Iterator

from bin.cli.exits import Exit
from bin.cli.output import clean, print_json, print_lines
from bin.cli.progress import counting
from bin.cli.settings import loaded_config
from core.contract import BrokerKind, Config
from journal import open_journal
from journal.errors import JournalError
from live.doctor import FAIL, SKIPPED, Row, machine_rows
from live.feeds.errors import BadInputError
from live.secrets import Secrets

BROKER = ("clock", "account", "calendar", "limiter", "stream")


def doctor(options: argparse.Namespace) -> int:
    """Every row, and the worst of them as the exit status."""
    loaded = loaded_config(options)
    config = loaded.config
    with contextlib.ExitStack() as stack:
        told: list[Callable[[int], None]] = []

        def progress(sequence: int, last: int) -> None:
            if not told:
                told.append(stack.enter_context(counting("verify", last, show=not options.json)))
            told[0](sequence)

        rows = list(machine_rows(config, loaded.secrets, progress))
    rows += _broker(config, loaded.secrets)
    failed = any(row.result == FAIL for row in rows)
    shown = [{name: clean(text) for name, text in row._asdict().items()} for row in rows]
    if options.json:
        print_json({"ok": not failed, "rows": shown})
    else:
        print_lines(_lines(shown))
    return Exit.CHECK_FAILED if failed else Exit.GOOD


def _broker(config: Config, secrets: Secrets) -> Iterator[Row]:
    """The rows of the broker, or why there are none."""
    if config.broker.kind is BrokerKind.SIM:
        for name in BROKER:
            yield Row(name, SKIPPED, "the broker is simulated", "mode paper or live")
        return
    from live.brokers.alpaca.doctor import broker_rows  # alpaca-py: seconds

    try:
        yield from broker_rows(config, secrets, _bound(config))
    except BadInputError as error:
        for name in BROKER:
            yield Row(name, SKIPPED, str(error), "keys that can be used", "see the row keys")


def _bound(config: Config) -> str | None:
    """The hash of the account the journal is bound to; None where there is no journal."""
    try:
        with open_journal(
            config.journal, read_only=True, accept_anchor_missing=True, sealed=True
        ) as journal:
            return journal.created.account_hash
    except JournalError:
        return None


def _lines(rows: list[dict[str, str]]) -> Iterator[str]:
    width = max(len(row["check"]) for row in rows)
    for row in rows:
        yield f"{row['result']:<8}{row['check']:<{width}}  {row['found']}"
        if row["mend"]:
            yield f"{'':<8}{'':<{width}}  expected {row['expected']}; {row['mend']}"
