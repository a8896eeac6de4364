"""The soak: years of the real core, shell and adapter against the real venue, on simulated time.

usage   python -m tests.campaign.soak --all (--years 100)   a year is a seed; on every core
        python -m tests.campaign.soak --seed 7 --days 20   one again
        [--seed FIRST] [--days N] [--cycle-s N] [--workers N] [--plant NAME] [--probes]
prints  violations as they come on standard error; years, trading days, trading days a second,
        cycles, orders, events, kills, violations, paths never taken
status  0 = no violation and every path of soak_probes.py taken, 1 = not
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from live.chaos.pool import Tell, shared_out
from tests.campaign import soak_probes
from tests.campaign.alpaca_plants import PLANTS

YEAR_DAYS = 252


def lived(seed: int, days: int, cycle_s: int) -> dict[str, object]:
    """One year, as plain data."""
    from tests.campaign.soak_quick import quick
    from tests.campaign.soak_year import Year

    quick()
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="refold-soak-", dir=shared))
    try:
        return Year(folder, seed, days, cycle_s).run()._asdict()
    finally:
        shutil.rmtree(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """The soak's exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.soak")
    parser.add_argument("--years", type=int, default=1)
    parser.add_argument("--all", action="store_const", dest="years", const=100, help="--years 100")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=YEAR_DAYS)
    parser.add_argument("--cycle-s", type=int, default=3600)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--plant", choices=sorted(PLANTS), default="", help="must be found")
    parser.add_argument("--probes", action="store_true", help="print how often each path was taken")
    options = parser.parse_args(arguments)
    if options.plant:
        PLANTS[options.plant]()
    seeds = range(options.seed, options.seed + options.years)
    workers = min(options.workers, options.years)

    def work(worker: int, tell: Tell) -> None:
        for seed in seeds[worker::workers]:
            tell(lived(seed, options.days, options.cycle_s))

    began = time.monotonic()
    counts, probes, broken = Counter[str](), Counter[str](), 0
    for found in shared_out(work, workers):
        probes.update(found["probes"])
        counts.update({k: found[k] for k in ("days", "cycles", "orders", "events", "kills")})
        counts["years"] += 1
        for line in found["violations"]:
            print(f"violation  {line[:900]}", file=sys.stderr, flush=True)
        broken += len(found["violations"])
    seconds = time.monotonic() - began
    never = soak_probes.missing(probes)
    if options.probes:
        for name, count in sorted(probes.items()):
            print(f"{count:8}  {name}")
    totals = ", ".join(f"{name} {counts[name]}" for name in counts)
    print(f"{totals}, violations {broken}, seconds {seconds:.0f}, "
          f"trading days a second {counts['days'] / seconds:.1f}")  # fmt: skip
    print(f"paths never taken: {', '.join(never) or 'none'}")
    return int(bool(broken or never))


if __name__ == "__main__":
    sys.exit(main())
