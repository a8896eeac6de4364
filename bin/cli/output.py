"""What commands print: one JSON document, or lines for a person; progress on a terminal only."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    sys.stdout.buffer.write(orjson.dumps(document, option=options, default=_plain))
    sys.stdout.flush()


def print_lines(lines: Iterable[str]) -> None:
    """Lines for a person on standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


@contextlib.contextmanager
def to_standard_error() -> Iterator[None]:
    """What a strategy prints goes to standard error: standard output is the document's.

    The descriptor as well: an extension module may write to it without asking Python.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def complain(message: object) -> None:
    """One line, or one line a problem, on standard error."""
    sys.stderr.write(f"refold: {message}\n")
    sys.stderr.flush()


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None) -> list[str]:
    """Rows as aligned text columns, header first."""
    if not rows:
        return ["(no rows)"]
    names = list(columns or rows[0])
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [
        max(len(name), *(len(line[index]) for line in cells)) for index, name in enumerate(names)
    ]
    lines = [names, *cells]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return " ".join(f"{key}:{count}" for key, count in sorted(value.items())) or "-"
    text = clean(str(value))
    return text if len(text) <= 46 else text[:45] + "…"


def clean(text: str) -> str:
    """`text` without the secrets held, before it is cut: half a secret is not recognized."""
    from live.redaction import redact

    return redact(text)


def _plain(value: object) -> object:
    return str(value)
