"""`explain`: the story of an order, or of a cycle and symbol in which none was sent."""

import argparse
import contextlib
from decimal import Decimal

from bin.cli.exits import Exit
from bin.cli.journals import read
from bin.cli.output import print_json, print_lines
from bin.cli.problems import CannotRunError
from bin.cli.views import view_of
from journal import Journal
from projections.registry import named
from replay.explain import Step, explain_cycle, explain_order

NAMES = ("client_order_id", "intent", "venue_order_id")


def explain(options: argparse.Namespace) -> int:
    """The steps, oldest first; exit status 2 when there is no such order or cycle."""
    journal = read(options)
    with contextlib.closing(journal):
        story = _story(journal, options.subject, options.cycle)
    if not story:
        where = "" if options.cycle is None else f" in cycle {options.cycle}"
        message = (
            f"explain {options.subject}{where}: nothing in this journal goes by that name; "
            "see show orders, or show skips"
        )
        raise CannotRunError(message)
    if options.json:
        print_json({"subject": options.subject, "story": story})
    else:
        print_lines(f"{s['sequence']!s:>8}  {s['at']}  {s['says']}" for s in story)
    return Exit.GOOD


def _story(journal: Journal, subject: str, cycle: int | None) -> list[Step]:
    if cycle is not None:
        story = explain_cycle(journal.read(), subject, cycle)
        created = [s for s in story if s["what"] == "intent-created.v1"]
        if not created:
            return story
        event = created[0]["event"]
        assert isinstance(event, dict)
        subject = str(event["client_order_id"])
    else:
        _refuse_many(journal, subject)
    story = explain_order(journal.read(), subject)
    if story and "see" in story[0]:
        subject = str(story[0]["see"])
        story = explain_order(journal.read(), subject)
    return [*story, *_cost(journal, story)]


def _refuse_many(journal: Journal, subject: str) -> None:
    """A start that several orders share names none of them."""
    rows, _ = view_of(journal, named("orders"), None)
    names = [tuple(str(row[name]) for name in NAMES if row[name] is not None) for row in rows]
    if any(subject in each for each in names):
        return
    found = {
        row["intent"]: each[0]
        for row, each in zip(rows, names, strict=True)
        if any(name.startswith(subject) for name in each)
    }
    if len(found) > 1:
        message = (
            f"explain {subject}: expected one order, found {len(found)} whose names start so; "
            f"give more of it, like {next(iter(found.values()))}"
        )
        raise CannotRunError(message)


def _cost(journal: Journal, story: list[Step]) -> list[Step]:
    """What the order cost, from the tca projection."""
    created = next((s["event"] for s in story if s["what"] == "intent-created.v1"), None)
    if not isinstance(created, dict):
        return []
    rows, _ = view_of(journal, named("tca"), None)
    for row in rows:
        if row["client_order_id"] == created["client_order_id"]:
            total = Decimal(str(row["total"] or 0))
            says = f"implementation shortfall {total} ({row['total_bps']} bps, positive = cost)"
            return [{"sequence": None, "at": None, "what": "tca", "says": says, "event": row}]
    return []
