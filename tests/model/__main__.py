"""The model of the submission protocol, searched whole by spin; and its mutants, which must fail.

usage   python -m tests.model [--full]
prints  a line for each search: states, memory, seconds, what was found
status  0 = every world holds and every mutant fails, 1 = not so, 2 = there is no spin here
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from replay.protocol import ROWS
from tests.apt import LackingError
from tests.model.checker import COMPILE_ENDS, ENDS, Result, SearchError, World, built, check
from tests.model.mutants import ENDING, LARGE, MARKS, MUTANTS, WORLDS, Mutant
from tests.model.tools import install


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.model")
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args(arguments)
    try:
        install()
    except LackingError as error:
        print(f"MODEL SKIPPED: {error}", file=sys.stderr)
        return 2
    worlds = (*WORLDS, *(LARGE if options.full else ()))
    held, failed = searched(worlds, MUTANTS)
    lacking = unmet(held)
    for result in (*held, *failed):
        print(line_of(result))
    for line in lacking:
        print(f"never met: {line}")
    print(f"states {sum(result.states for result in held)}, mutants {len(failed)}")
    wrong = any(result.error for result in held) or not all(result.error for result in failed)
    return int(wrong or bool(lacking))


def searched(
    worlds: Sequence[World], planted: Sequence[Mutant]
) -> tuple[list[Result], list[Result]]:
    """What came of every world, and of every mutant; two searches at a time."""
    with (
        tempfile.TemporaryDirectory(prefix="refold-model-") as folder,
        ThreadPoolExecutor(2) as pool,
    ):
        (other := Path(folder) / "ends").mkdir()
        ending = pool.submit(lambda: check(built(other, COMPILE_ENDS), ENDING, "", *ENDS))
        program = built(Path(folder))
        held = [pool.submit(check, program, world) for world in worlds]
        failed = [pool.submit(check, program, mutant.world, mutant.name) for mutant in planted]
        done = [one.result() for one in (*held, ending)]
        return done, [one.result() for one in failed]


def unmet(results: Sequence[Result]) -> list[str]:
    """Rows of the table and marks of the model that no search came to."""
    rows = set(ROWS).difference(*(result.rows for result in results))
    marks = set(MARKS).difference(*(result.marks for result in results))
    return [
        *(f"{letter.name} at {row.before.name}" for letter, row in ROWS if (letter, row) in rows),
        *(MARKS[mark] for mark in sorted(marks)),
    ]


def line_of(result: Result) -> str:
    """One search in a line."""
    counts = f"{result.states:9} states {result.memory_mb:6.0f} MB {result.seconds:6.1f} s"
    name = f"{result.world} {result.mutant}".strip()
    return f"{counts}  {name}: {result.error or 'holds'}"[:180]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SearchError as error:
        print(f"model: {error}", file=sys.stderr)
        sys.exit(1)
