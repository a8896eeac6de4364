"""Exhaustive searches of the model by spin: a world, with or without a mutant.

shape   `built(folder)` -> a program that searches any of them; `check(program, world, mutant)` ->
        `Result`. The model is submission.pml, its table replay/protocol.py
whole   a search that hit its depth, its memory or its time, or that spin calls not completed, is a
        `SearchError`, never a result
"""

import os
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from replay.protocol import ROWS, Letter, Row, promela

MODEL = Path(__file__).with_name("submission.pml")
DEPTH_MAX = 20_000
MEMORY_MAX_MB = 6_000
TIMEOUT_S = 1_800.0
HASH_BITS = 22
COMPILE = ("gcc", "-O1", "-w", "-DSAFETY", "-DNOFAIR", f"-DMEMLIM={MEMORY_MAX_MB}")
COMPILE_ENDS = ("gcc", "-O0", "-w", "-DNP", "-DNFAIR=3", f"-DMEMLIM={MEMORY_MAX_MB}")
"""A search for cycles without progress, under weak fairness; `ENDS` begins it."""
ENDS = ("-l", "-f")
STATES = re.compile(r"^\s*(\d+) states, stored", re.MULTILINE)
MEMORY = re.compile(r"^\s*([\d.]+)\s+total actual memory usage", re.MULTILINE)
ERROR = re.compile(r"^pan:\d+: (.*?) \(at depth", re.MULTILINE)
UNFINISHED = (
    "max search depth too small",
    "Search not completed",
    "out of memory",
    "reached -DMEM",
)
PLANTED = re.compile(r"^#define ([A-Z_]+) (\d+)$", re.MULTILINE)
TAKEN = re.compile(r"\b(row|mark) = (\d+)")


class World(NamedTuple):
    """How much of everything may happen; each a bound of submission.pml."""

    name: str
    runners: int = 2
    slots: int = 1
    crashes: int = 1
    doubles: int = 0
    oddities: int = 0
    halts: int = 0
    restores: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """The bounds by the names submission.pml reads them by."""
        bounds = self._asdict()
        del bounds["name"]
        return {bound.upper(): str(value) for bound, value in bounds.items()}


class Result(NamedTuple):
    """`error`: the first violation found, as spin says it; None: there is none in any state."""

    world: str
    mutant: str
    error: str | None
    states: int
    memory_mb: float
    seconds: float
    rows: frozenset[tuple[Letter, Row]]
    marks: frozenset[int]


class SearchError(Exception):
    """The search proved nothing; the message says why."""


def built(folder: Path, compile_: tuple[str, ...] = COMPILE) -> Path:
    """The program of the model, made in `folder`."""
    (folder / "protocol.pml").write_text(promela(), encoding="utf-8")
    (folder / MODEL.name).write_bytes(MODEL.read_bytes())
    _run(["spin", "-o3", "-a", MODEL.name], folder)
    _run([*compile_, "-o", "pan", "pan.c"], folder)
    return folder / "pan"


def check(program: Path, world: World, mutant: str = "", *search: str) -> Result:
    """Search every state of `world`, or up to the first violation.

    With `*ENDS` and a program compiled by `COMPILE_ENDS`: for a way to go on for ever in doubt.
    """
    began = time.monotonic()
    planted = {"MUTANT": str(ALL_MUTANTS[mutant] if mutant else 0), **world.environment}
    with tempfile.TemporaryDirectory(prefix="refold-spin-") as folder:
        said = _run(
            [str(program), f"-m{DEPTH_MAX}", f"-w{HASH_BITS}", *search], Path(folder), planted
        )
        seconds = time.monotonic() - began
        every = _run([str(program), "-d"], Path(folder), planted, good=(0, 1))
    return _result(world, mutant, said, every, seconds)


def _result(world: World, mutant: str, said: str, every: str, seconds: float) -> Result:
    states, memory, error = STATES.search(said), MEMORY.search(said), ERROR.search(said)
    if states is None or memory is None:
        message = f"{world.name} {mutant}: expected a report, found {said[-300:]!r}"
        raise SearchError(message)
    cut = [words for words in UNFINISHED if words in said]
    if cut and (error is None or cut != ["Search not completed"]):
        message = f"{world.name} {mutant}: expected a whole search, found {cut[0]!r}"
        raise SearchError(message)
    if error is None and "errors: 0" not in said:
        message = f"{world.name} {mutant}: expected 'errors: 0', found {said[:300]!r}"
        raise SearchError(message)
    there = Counter(TAKEN.findall(every))
    there.subtract(TAKEN.findall(said[said.find("unreached in") :]))
    taken = [(kind, int(number)) for (kind, number), count in there.items() if count > 0]
    return Result(
        world=world.name,
        mutant=mutant,
        error=None if error is None else error[1],
        states=int(states[1]),
        memory_mb=float(memory[1]),
        seconds=seconds,
        rows=frozenset(ROWS[number] for kind, number in taken if kind == "row" and error is None),
        marks=frozenset(number for kind, number in taken if kind == "mark" and error is None),
    )


def _run(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str] = MappingProxyType({}),
    good: tuple[int, ...] = (0,),
) -> str:
    """What a program said; a bad status or too long a time is a `SearchError`."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{name}: expected an end within {TIMEOUT_S:g} s, found none"
        raise SearchError(message) from None
    if done.returncode not in good:
        said = f"{done.stdout[-300:]} {done.stderr[-300:]}"
        message = f"{name}: expected status 0, found {done.returncode}: {said}"
        raise SearchError(message)
    return done.stdout


def _mutants() -> dict[str, int]:
    """The mutants that the model knows, by name, and their numbers."""
    text = MODEL.read_text("utf-8")
    planted = text[text.index("#define IS(planted)") :].partition("\n\n")[0]
    return {name: int(number) for name, number in PLANTED.findall(planted)}


ALL_MUTANTS = _mutants()
"""Every mutant of the model, and its number."""
