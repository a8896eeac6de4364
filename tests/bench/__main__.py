"""bin/bench: every row of the benchmark, as a table or as JSON.

usage   bin/bench [--json] [--quick] [--only NAME] [--folder DIR]
shape   {"rows": [{name, ours, other, ratio, unit}], "machine": {python, sqlite, cores}}
note    the rows pg.… start a PostgreSQL server of their own, and are left out where there is none
status  0 = measured; 1 = a row's two sides did not agree; 2 = a word of the command is wrong
"""

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.apt import LackingError
from tests.bench import append, coding, postgres, process, reading, sending, sessions, steady
from tests.bench.corpus import FULL, QUICK, Corpus
from tests.bench.measure import DifferentError, Row


class Bench(NamedTuple):
    """One row's measurement, and what it is measured against."""

    against: str
    measure: Callable[[Corpus, str], Row]


BENCHES: dict[str, Bench] = {
    **{
        f"append.{batch}": Bench(
            "bare sqlite3 commit, WAL FULL", partial(append.against_sqlite, batch=batch)
        )
        for batch in (1, 10, 100, 1_000)
    },
    "append.1.fdatasync": Bench("write and fdatasync", append.against_file),
    **{
        f"append.{batch}.eventsourcing": Bench(
            "eventsourcing's application", partial(append.against_library, batch=batch)
        )
        for batch in (10, 100, 1_000)
    },
    "append.history": Bench("behind few events", steady.appending),
    "cycle.history": Bench("behind few events", steady.cycling),
    **{
        f"pg.append.{batch}": Bench(
            "bare psycopg, one transaction", partial(postgres.against_psycopg, batch=batch)
        )
        for batch in (1, 10, 100)
    },
    "verify": Bench("bare scan and bulk sha256", reading.verifying),
    "replay.fold": Bench("eventsourcing's reader, same fold", reading.folding),
    "replay.fold.history": Bench("few events", reading.folding_long),
    "replay.parity": Bench("replay.fold", reading.replaying),
    "session": Bench("the same in memory", sessions.running),
    "send.p99": Bench("bare sqlite3 commit, WAL FULL", sending.alone),
    "send.p99.first": Bench("bare sqlite3 commit, WAL FULL", sending.first),
    "send.p99.every": Bench("bare sqlite3 commit, WAL FULL", sending.every),
    "restart.10k": Bench("on no journal", partial(process.restarting, many=False)),
    "restart.1m": Bench("on no journal", partial(process.restarting, many=True)),
    "memory": Bench("its first tenth", process.remembering),
    "encode.msgspec_vs_orjson": Bench("orjson of to_builtins", coding.encoding_structs),
    "encode.msgspec_vs_orjson.dict": Bench("orjson, both of dicts", coding.encoding_dicts),
    "decode": Bench("orjson.loads, unchecked dicts", coding.decoding),
    "decode.convert": Bench("orjson.loads, msgspec.convert", coding.decoding_to_the_same),
    "export": Bench("orjson with a fragment", coding.exporting),
    "cli.json": Bench("msgspec encode and format", coding.showing_by_msgspec),
    "cli.json.stdlib": Bench("the standard library's json", coding.showing_by_json),
    "bytes_per_event": Bench("canonical bytes alone", sessions.bytes_per_event),
}


def main(words: list[str]) -> int:
    """Measure what is asked for and print it; the exit status."""
    parser = argparse.ArgumentParser(
        prog="bin/bench", description="Each row is one ratio: ours over the other, in one run."
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--quick", action="store_true", help="a tiny size, to see that it runs")
    parser.add_argument("--only", metavar="NAME", help="this row, or every row NAME.…")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="where files are written: a real disk, please"
    )
    options = parser.parse_args(words)
    names = _chosen(options.only)
    if not names:
        parser.error(f"--only: expected one of {', '.join(BENCHES)}, found {options.only!r}")
    if options.folder is not None and not options.folder.is_dir():
        parser.error(f"--folder: expected a folder that is there, found {str(options.folder)!r}")
    with tempfile.TemporaryDirectory(prefix="refold-bench-", dir=options.folder) as folder:
        corpus = Corpus(QUICK if options.quick else FULL, Path(folder))
        try:
            rows = [row for name in names if (row := _measured(name, corpus)) is not None]
        except DifferentError as error:
            print(f"bench {error}: expected both sides to agree, found that not", file=sys.stderr)
            return 1
    if options.json:
        print(json.dumps({"rows": msgspec.to_builtins(rows), "machine": machine()}, indent=2))
    else:
        print("\n".join(table(rows)))
    return 0


def machine() -> dict[str, str | int]:
    """What the numbers depend on most."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "cores": os.cpu_count() or 1,
    }


def table(rows: list[Row]) -> list[str]:
    """The rows for a person, and how to read them."""
    lines = [f"{'name':30}{'ours':>11}{'other':>11}{'ratio':>8}  {'unit':26}against"]
    lines += [
        f"{row.name:30}{row.ours:>11,.5g}{row.other:>11,.5g}{row.ratio:>8.3g}  {row.unit:26}"
        f"{BENCHES[row.name].against}"
        for row in rows
    ]
    found = machine()
    lines.append(
        "ratio = ours / other, medians taken in turn; times and bytes: less is better, "
        "rates (a CPU-second): more is"
    )
    lines.append(f"python {found['python']}  sqlite {found['sqlite']}  cores {found['cores']}")
    return lines


def _chosen(only: str | None) -> list[str]:
    if only is None:
        return list(BENCHES)
    return [name for name in BENCHES if name == only or name.startswith(f"{only}.")]


def _measured(name: str, corpus: Corpus) -> Row | None:
    """The row; None, with a note, where it needs a server and there is none."""
    if sys.stderr.isatty():
        print(f"bench {name}", file=sys.stderr)
    try:
        return BENCHES[name].measure(corpus, name)
    except LackingError as error:
        print(f"bench {name}: SKIPPED, no PostgreSQL: {error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
