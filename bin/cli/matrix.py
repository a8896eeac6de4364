"""`matrix`: run, run again in another process with another hash seed, replay; all heads agree."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TypedDict

from bin.cli.exits import Exit
from bin.cli.output import print_json, print_lines
from bin.cli.problems import CannotRunError

HASH_SEEDS = ("1", "2")
ENCRYPTED = "REFOLD_ENCRYPTION__ENABLED"


class Row(TypedDict):
    """One seed: the heads of two runs, and whether replay found parity."""

    seed: int
    symbols: list[str]
    head: str
    repeat_head: str
    parity: object


def matrix(options: argparse.Namespace) -> int:
    """One row for each seed with all the symbols; exit status 1 unless every row agrees."""
    if os.environ.get(ENCRYPTED) == "true":
        message = (
            f"matrix (environment {ENCRYPTED}): expected plain journals, for an encrypted one has "
            "another head each time; set it to false for this command"
        )
        raise CannotRunError(message)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="refold-matrix-") as folder:
        rows.extend(_row(options, seed, Path(folder)) for seed in _seeds(options.seeds))
    ok = all(row["head"] == row["repeat_head"] and row["parity"] is True for row in rows)
    if options.json:
        print_json({"rows": rows, "ok": ok})
    else:
        print_lines(
            [
                *(
                    f"seed {row['seed']}  {','.join(row['symbols'])}  head {row['head'][:16]}  "
                    f"again {row['repeat_head'][:16]}  parity {row['parity']}"
                    for row in rows
                ),
                "matrix  good" if ok else "matrix  NOT GOOD",
            ]
        )
    return Exit.GOOD if ok else Exit.CHECK_FAILED


def _seeds(text: str) -> list[str]:
    seeds = [part.strip() for part in text.split(",") if part.strip()]
    if not seeds or not all(seed.isdigit() for seed in seeds):
        message = f"matrix --seeds: expected whole numbers with commas, found {text!r}"
        raise CannotRunError(message)
    return seeds


def _row(options: argparse.Namespace, seed: str, folder: Path) -> Row:
    heads = []
    for hash_seed in HASH_SEEDS:
        url = f"sqlite:///{folder}/{seed}-{hash_seed}.db"
        document = _command(hash_seed, "run", "--journal", url, "--seed", seed, *_given(options))
        head = document["head"]
        assert isinstance(head, dict)
        heads.append(str(head["chain"]))
    replayed = _command(HASH_SEEDS[1], "replay", f"sqlite:///{folder}/{seed}-{HASH_SEEDS[0]}.db")
    return {
        "seed": int(seed),
        "symbols": sorted(options.symbols.split(",")),
        "head": heads[0],
        "repeat_head": heads[1],
        "parity": replayed["parity"],
    }


def _given(options: argparse.Namespace) -> list[str]:
    words = ["--symbols", options.symbols, "--cycles", str(options.cycles)]
    words += ["--market", options.market or "sim"]
    if options.strategy is not None:
        words += ["--strategy", options.strategy]
    return words


def _command(hash_seed: str, *words: str) -> dict[str, object]:
    """One of our own commands in a process with a hash seed of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bin.cli", *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
    )
    if not done.stdout:
        message = (
            f"matrix: {' '.join(words[:2])} ended with {done.returncode}: {done.stderr[-300:]}"
        )
        raise CannotRunError(message.replace("\n", " "))
    document: dict[str, object] = json.loads(done.stdout)
    return document
