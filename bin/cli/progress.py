"""A counter on standard error for long reads, silent when that is no terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator

STEP = 1000


@contextlib.contextmanager
def counting(what: str, total: int, *, show: bool) -> Iterator[Callable[[int], None]]:
    """A function to call with every sequence done."""
    if not (show and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)

        shown = 0

        def done(sequence: int) -> None:
            nonlocal shown
            if sequence - shown >= STEP or sequence == total:
                shown = sequence
                progress.update(task, completed=sequence)

        yield done
