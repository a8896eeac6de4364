"""`chaos`: a strategy against the fault venue, its runner killed and started again, from one seed.

Each seed has a venue, a journal and a runner of its own, each process real. Exit status 1 if an
order was doubled or lost, or a fill, or an outcome is open without evidence, or verify or replay
find something, or a declared fault never happened.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from bin.cli.exits import Exit
from bin.cli.output import complain, print_json, print_lines
from bin.cli.problems import CannotRunError

WORKED = (
    "core/strategies/crossover.py:Crossover",
    "core/strategies/target_weight.py:TargetWeight",
)
SEEDS = "1-4"


class Job(NamedTuple):
    """One seed of one strategy."""

    seed: int
    strategy: str


def chaos(options: argparse.Namespace) -> int:
    """Run every seed of every strategy; the report, and whether each promise held."""
    began = time.monotonic()
    folder = Path(options.keep) if options.keep else Path(tempfile.mkdtemp(prefix="refold-chaos-"))
    try:
        document = _campaign(options, folder, began)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print_json(document)
    else:
        print_lines(_lines(document))
    for problem in document["problems"]:
        complain(problem)
    return Exit.GOOD if document["ok"] else Exit.CHECK_FAILED


def _campaign(options: argparse.Namespace, folder: Path, began: float) -> dict[str, Any]:
    kinds = _kinds(options.faults)
    jobs = [Job(seed, strategy) for seed in _seeds(options) for strategy in _strategies(options)]
    plans = [_plan(options, job, folder, kinds) for job in jobs]
    from bin.cli.chaos_report import document_of, row_of
    from live.brokers.alpaca import sdk  # noqa: F401 - once, for every runner that is forked
    from live.chaos.campaign import drilled
    from live.chaos.pool import Tell, shared_out

    def work(worker: int, tell: Tell) -> None:
        for plan in plans[worker :: options.workers]:
            plan.folder.mkdir(parents=True, exist_ok=True)
            row = row_of(plan, drilled(plan))
            if not options.keep:
                shutil.rmtree(plan.folder, ignore_errors=True)
            tell(row)

    rows = []
    for row in shared_out(work, min(options.workers, len(plans))):
        rows.append(row)
        word = "NOT GOOD" if row["wrong"] else "good"
        took = f"{row['times']['seconds']:.0f} s"
        complain(f"chaos {len(rows)} of {len(plans)}: seed {row['seed']} {word}, {took}")
    return document_of(rows, kinds, time.monotonic() - began)


def _plan(options: argparse.Namespace, job: Job, folder: Path, kinds: Any) -> Any:
    """The seed's plan; what its settings or its strategy cannot be is said before any starts."""
    from live.chaos.session import SYMBOLS, Plan
    from live.feeds.errors import BadInputError
    from live.inputs import make_feed
    from live.strategy_files import load_strategy

    market = options.market or "sim"
    plan = Plan(
        folder=folder.absolute() / _name(job),
        seed=job.seed,
        cycles=options.cycles,
        kinds=kinds,
        strategy=job.strategy,
        market=market,
        symbols=options.symbols or ("" if market != "sim" or options.config else ",".join(SYMBOLS)),
        file=options.config,
    )
    config = plan.config("http://127.0.0.1:1").config
    if market == "alpaca":
        message = "market: expected sim or csv:GLOB for a drill, found alpaca; choose one"
        raise BadInputError(message)
    opens = make_feed(config).calendar()[1][0].open
    target = config.strategy
    load_strategy(target.target, target.name, opens, store_source=True)
    return plan._replace(strategy=target.target)


def _name(job: Job) -> str:
    """A drill's folder: the seed, and what the strategy is called."""
    place, _, name = job.strategy.rpartition(":")
    return "-".join([str(job.seed), *filter(None, (Path(place).stem, name))])


def _strategies(options: argparse.Namespace) -> list[str]:
    """Those named; of a configuration its own; else both worked ones."""
    return options.strategy or ([""] if options.config else list(WORKED))


def _seeds(options: argparse.Namespace) -> list[int]:
    if options.seed is not None:
        return [options.seed]
    first, _, last = options.seeds.partition("-")
    if not (first.isdigit() and (last or first).isdigit() and int(first) <= int(last or first)):
        message = f"chaos --seeds: expected FIRST-LAST, found {options.seeds!r}; mend it"
        raise CannotRunError(message)
    return list(range(int(first), int(last or first) + 1))


def _kinds(text: str | None) -> Any:
    """The declared faults."""
    from live.chaos.deck import DEALT
    from live.venue.faults import Fault

    if not text:
        return DEALT
    named = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [name for name in named if name not in DEALT]
    if unknown:
        message = (
            f"chaos --faults: expected some of {', '.join(DEALT)}, found {', '.join(unknown)}; "
            "mend them"
        )
        raise CannotRunError(message)
    return tuple(Fault(name) for name in dict.fromkeys(named))


def _lines(document: dict[str, Any]) -> list[str]:
    d, times = document, document["times"]
    kills = "  ".join(f"{step} {count}" for step, count in d["killed"].items())
    faults = "  ".join(f"{kind} {count}" for kind, count in d["faults"].items())
    good = sum(row["verify"] and row["replay"] is True for row in d["rows"])
    return [
        f"drills {len(d['rows'])}  cycles {d['cycles']}  intents {d['intents']}  orders at the "
        f"venue {d['orders']}  fills {d['fills']}",
        f"duplicates {d['duplicates']}  lost orders {d['lost_orders']}  lost fills "
        f"{d['lost_fills']}  unresolved {d['unresolved']}",
        f"kills {d['kills']}  {kills}",
        f"faults {sum(d['faults'].values())}  {faults}",
        f"never happened  {', '.join(d['never']) or 'none'}",
        f"verify and replay  good in {good} of {len(d['rows'])}",
        f"time to recover  mean {times['recovered_mean_s']} s  max {times['recovered_max_s']} s  "
        f"whole drill {times['seconds']} s",
        "chaos  good" if d["ok"] else "chaos  NOT GOOD",
    ]
