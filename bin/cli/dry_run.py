"""`run --dry-run`: the next cycle's intents and skips; nothing is sent, appended or made."""

import argparse

import msgspec

from bin.cli.exits import Exit
from bin.cli.journals import key_of_config
from bin.cli.output import print_json, print_lines, table, to_standard_error
from bin.cli.settings import loaded_config
from core.events import IntentCreated, OrderSubmitSkipped
from journal import parse_url
from live.dry_run import next_cycle
from live.inputs import read_inputs
from replay.story import reason_text

COLUMNS = ("symbol", "decision", "side", "quantity", "order_type", "limit_price", "reason")


def dry_run(options: argparse.Namespace) -> int:
    """A row a symbol of the universe, as `show` would give it after the cycle."""
    loaded = loaded_config(options, live=options.live)
    with to_standard_error():
        key = key_of_config(loaded.config)
        found = next_cycle(read_inputs(loaded.config, loaded.secrets, key))
    rows = [*map(_intent, found.intents), *map(_skip, found.skips)]
    if options.json:
        document = {
            "dry_run": True,
            "journal": parse_url(loaded.config.journal).text,
            "sequence": found.sequence,
            "cycle": found.cycle,
            "slot": found.slot,
            "universe": len(rows),
            "intents": [row for row in rows if row["decision"] == "intent"],
            "skips": [row for row in rows if row["decision"] == "skip"],
        }
        print_json(document)
    else:
        rows.sort(key=lambda row: str(row["symbol"]))
        print_lines(
            [
                *table(rows, COLUMNS),
                f"dry run of cycle {found.cycle} at {found.slot}, on sequence {found.sequence}; "
                "nothing was sent or written",
            ]
        )
    return Exit.GOOD


def _intent(intent: IntentCreated) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(intent)
    names = ("client_order_id", "time_in_force", "decision_price", "closing")
    kept = {name: plain.get(name) for name in (*COLUMNS, *names)}
    return {**kept, "decision": "intent", "reason": intent.strategy_reason}


def _skip(skip: OrderSubmitSkipped) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(skip)
    kept = {name: plain.get(name) for name in ("symbol", "side", "quantity")}
    said = reason_text(skip.reason)
    return {**kept, "decision": "skip", "reason": str(skip.reason.code), "says": said}
