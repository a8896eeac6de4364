"""`verify`: stored bytes, chain and anchor; executes nothing of the strategy."""

import argparse
import contextlib
from collections.abc import Callable

from bin.cli.exits import Exit
from bin.cli.output import print_json, print_lines
from bin.cli.progress import counting


def verify(options: argparse.Namespace) -> int:
    """Exit status 1 with the first bad sequence named."""
    from journal import verify as verify_journal

    with contextlib.ExitStack() as stack:
        told: list[Callable[[int], None]] = []

        def progress(sequence: int, last: int) -> None:
            if not told:
                told.append(stack.enter_context(counting("verify", last, show=not options.json)))
            told[0](sequence)

        report = verify_journal(options.journal, progress)
    problems = [
        {"sequence": problem.sequence, "problem": problem.problem} for problem in report.problems
    ]
    head = {"sequence": report.head.sequence, "chain": report.head.chain}
    if options.json:
        print_json({"ok": report.ok, "events": report.events, "head": head, "problems": problems})
    else:
        word = "good" if report.ok else "NOT GOOD"
        lines = [f"verify  {word}  {report.events} events  head {head['sequence']} {head['chain']}"]
        for problem in problems:
            where = "" if problem["sequence"] is None else f"sequence {problem['sequence']}: "
            lines.append(f"problem  {where}{problem['problem']}")
        print_lines(lines)
    return Exit.GOOD if report.ok else Exit.CHECK_FAILED
