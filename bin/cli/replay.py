"""`replay`: parity, in this process, and in others with other hash seeds and nothing at rest."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bin.cli.exits import Exit
from bin.cli.journals import is_encrypted, key_of, read
from bin.cli.output import complain, print_json, print_lines, to_standard_error
from bin.cli.progress import counting

if TYPE_CHECKING:
    from journal import Journal
    from journal.errors import BrokenChainError
from core.events import StrategyLoaded

OTHER_HASH_SEEDS = ("1", "2")


def replay(options: argparse.Namespace) -> int:
    """Derive every decision again; exit status 1 at the first that differs."""
    from journal.errors import BrokenChainError

    with _second_looks(options) as looks:
        try:
            document = look_at(read(options), options.strategy, show_progress=not options.json)
        except BrokenChainError as error:
            return _broken(error, as_json=options.json)
        for look in looks:
            other = _finished(look)
            if _earlier(other, document):
                document = {**other, "head": document["head"], "found_by": "another hash seed"}
    if options.json:
        print_json(document)
    else:
        print_lines(_lines(document))
    if document["parity"] is False:
        complain(_named(document["divergence"]))
        return Exit.CHECK_FAILED
    return Exit.GOOD


def _broken(error: "BrokenChainError", *, as_json: bool) -> int:
    """The stored bytes are not those that were appended, so there is nothing to compare."""
    if as_json:
        counts = dict.fromkeys(("observations", "decisions", "not_rederived", "head", "divergence"))
        print_json({"parity": False, "events": error.sequence - 1, **counts, "problem": str(error)})
    complain(error)
    return Exit.CHECK_FAILED


def look_at(
    journal: "Journal",
    target: str | None,
    *,
    disturb: Callable[[], None] | None = None,
    show_progress: bool = False,
) -> dict[str, object]:
    """One pass over the journal, which is closed then, as the document of `replay --json`."""
    import msgspec

    from replay.parity import parity

    given = _Given(target)
    try:
        head = journal.read_head()
        show = counting("replay", head.sequence, show=show_progress)
        with to_standard_error(), show as progress:
            report = parity(
                journal.read(limit=head.sequence),
                given.strategy_of,
                disturb=disturb,
                progress=progress,
            )
    finally:
        journal.close()
    document: dict[str, object] = msgspec.to_builtins(report)
    document["head"] = {"sequence": head.sequence, "chain": head.chain}
    document["journal"] = journal.url.text
    document["strategy"] = given.report
    return document


class _Given:
    """The strategy a replay uses: the stored one, or the one given, and what to say of it."""

    def __init__(self, target: str | None) -> None:
        self.target = target
        self.report: dict[str, object] = {"given": target, "recorded": None, "same_source": None}

    def strategy_of(self, loaded: StrategyLoaded) -> type:
        """The class for a `StrategyLoaded`; where the journal holds no source, one line."""
        from core.strategy_source import StrategySourceError
        from replay.parity import stored_strategy

        self.report["recorded"] = loaded.source_hash
        if self.target is not None:
            from live.strategy_files import load_strategy

            found, strategy = load_strategy(
                self.target, loaded.name, loaded.observed_at, store_source=True
            )
            self.report["same_source"] = found.source_hash == loaded.source_hash
            return strategy
        if not loaded.sources:
            message = (
                f"strategy {loaded.name}: the journal holds only its hash "
                "(strategy.store_source = false); give it with --strategy FILE:CLASS"
            )
            raise StrategySourceError(message)
        self.report["same_source"] = True
        return stored_strategy(loaded)


@contextlib.contextmanager
def _second_looks(options: argparse.Namespace) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The same pass in processes with other hash seeds, every cycle disturbed (replay.parity)."""
    looks = [_second_look(options, seed) for seed in OTHER_HASH_SEEDS]
    try:
        yield looks
    finally:
        for look in looks:
            look.kill()
            look.wait()
            if look.stdout is not None:
                look.stdout.close()


def _second_look(options: argparse.Namespace, seed: str) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "bin.cli.second_look"]
    if options.strategy is not None:
        arguments.append(options.strategy)
    # Neither as an argument nor in the environment: the URL may hold a password, the key is one.
    key = key_of(options) if is_encrypted(options) else None
    told = {"journal": options.journal, "key": None if key is None else key.text}
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    environment.pop("REFOLD_JOURNAL", None)
    look = subprocess.Popen(
        arguments,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert look.stdin is not None
    with contextlib.suppress(BrokenPipeError), look.stdin as pipe:  # its status tells
        pipe.write(json.dumps(told).encode("ascii"))
    look.stdin = None
    return look


def _finished(look: subprocess.Popen[bytes]) -> dict[str, object]:
    output, _ = look.communicate()
    if look.returncode != 0:
        from core.strategy_source import StrategySourceError

        message = f"replay: the second look ended with status {look.returncode}; run it again"
        raise StrategySourceError(message)
    document: dict[str, object] = json.loads(output)
    return document


def _earlier(other: dict[str, object], document: dict[str, object]) -> bool:
    """Whether `other` found a divergence before `document` did."""
    found, known = other["divergence"], document["divergence"]
    if not isinstance(found, dict):
        return False
    return not isinstance(known, dict) or found["sequence"] < known["sequence"]


def _lines(document: dict[str, object]) -> list[str]:
    head = document["head"]
    assert isinstance(head, dict)
    decisions, untouched = document["decisions"], document["not_rederived"]
    assert isinstance(decisions, int)
    assert isinstance(untouched, int)
    words = {"True": "parity", "False": "NO PARITY", "None": "nothing re-derived"}
    word = words[str(document["parity"])]
    strategy = document["strategy"]
    assert isinstance(strategy, dict)
    other = [f"strategy {strategy['given']}: not the recorded source"] * (
        strategy["same_source"] is False
    )
    return [
        *other,
        f"replay  {word}  {decisions - untouched} of {decisions} decisions re-derived  "
        f"{document['observations']} observations  head {head['sequence']} {head['chain'][:12]}",
    ]


def _named(divergence: object) -> str:
    """The first divergence in one line: which decision, and its fields."""
    assert isinstance(divergence, dict)
    event = divergence["expected"] or divergence["actual"] or {}
    name = " ".join(
        str(event[key]) for key in ("symbol", "side", "quantity", "client_order_id") if key in event
    )
    if divergence["expected"] is None:
        what = "was derived again but is not in the journal"
    elif divergence["actual"] is None:
        what = "is in the journal but was not derived again"
    else:
        what = "came out different: " + "; ".join(
            f"{d['field']} recorded {d['expected']!r}, derived {d['actual']!r}"
            for d in divergence["diff"]
        )
    return (
        f"sequence {divergence['sequence']}: decision {divergence['type']} {name} of cycle "
        f"{event.get('cycle')} {what}"
    )
