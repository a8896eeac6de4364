"""The model of the submission protocol, searched whole by spin; its mutants, each of which must fail.

usage   python -m tests.model [--full] [--world NAME …] [--mutant NAME …]
prints  a line for each search: states, memory, seconds, what was found
status  0 = every world holds and every mutant fails, 1 = not so, 2 = there is no spin here
"""

import argparse
import sys
from collections.abc import Sequence

from replay.protocol import ROWS
from tests.model.checker import Result, SearchError, check
from tests.model.mutants import LARGE, MARKS, MUTANTS, WORLDS
from tests.model.tools import NoSpinError, install


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.model")
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args(arguments)
    try:
        install()
    except NoSpinError as error:
        print(f"MODEL SKIPPED: {error}", file=sys.stderr)
        return 2
    good = True
    results: list[Result] = []
    for world in (*WORLDS, *(LARGE if options.full else ())):
        results.append(_told(check(world), world.name))
        good = good and results[-1].error is None
    for mutant in MUTANTS:
        found = _told(check(mutant.world, mutant.define), mutant.says)
        good = good and found.error is not None
    lacking = unmet(results)
    for line in lacking:
        print(f"never met: {line}")
    print(f"states {sum(result.states for result in results)}, mutants {len(MUTANTS)}")
    return int(not good or bool(lacking))


def unmet(results: Sequence[Result]) -> list[str]:
    """Rows of the table and marks of the model that no search came to."""
    rows = set(ROWS).difference(*(result.rows for result in results))
    marks = set(MARKS).difference(*(result.marks for result in results))
    return [
        *(f"{letter.name} at {row.before.name}" for letter, row in ROWS if (letter, row) in rows),
        *(MARKS[mark] for mark in sorted(marks)),
    ]


def _told(result: Result, name: str) -> Result:
    counts = f"{result.states:9} states {result.memory_mb:6.0f} MB {result.seconds:6.1f} s"
    print(f"{counts}  {name}: {result.error or 'holds'}", flush=True)
    return result


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SearchError as error:
        print(f"model: {error}", file=sys.stderr)
        sys.exit(1)
