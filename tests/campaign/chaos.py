"""The drill over many seeds: `chaos` with both worked strategies, and with what must be found.

usage   python -m tests.campaign.chaos --all           seeds 1-50 of both worked strategies
        python -m tests.campaign.chaos --plants        each planted breakage, which must be found
        [--plant NAME] [any words of `chaos`]
status  of `chaos`; with --plants 0 = each was found, 1 = one was not
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence

from bin.cli import __main__ as command_line
from tests.campaign.alpaca_plants import PLANTS


def found(plant: str, words: Sequence[str]) -> list[str]:
    """What `chaos` in a process of its own has to say with the fault planted."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaign.chaos", "--plant", plant, *words, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    problems: list[str] = json.loads(done.stdout or b'{"problems": []}')["problems"]
    return [line for line in problems if not line.startswith("faults: ")]


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.chaos")
    parser.add_argument("--plant", choices=sorted(PLANTS), default="")
    parser.add_argument("--plants", action="store_true")
    parser.add_argument("--all", action="store_true", help="as without: seeds 1-50")
    options, words = parser.parse_known_args(arguments)
    if not any(word.startswith("--seed") for word in words):
        words += ["--seeds", "1-50"]
    if options.plant:
        PLANTS[options.plant]()
    if not options.plants:
        return command_line.main(["chaos", *words])
    missed = 0
    for plant in sorted(PLANTS):
        told = found(plant, words)
        missed += not told
        print(f"{plant}: {'found' if told else 'MISSED'}  {(told or [''])[0][:160]}", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
