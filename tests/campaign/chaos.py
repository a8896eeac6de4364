"""The drill over many seeds: `chaos` with both worked strategies, and with what must be found.

usage   python -m tests.campaign.chaos                 seeds 1-50 of both worked strategies
        python -m tests.campaign.chaos --plants        each planted breakage, which must be found
        [--plant NAME] [any words of `chaos`]
status  of `chaos`; with --plants 0 = each was found, 1 = one was not
"""

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Sequence

from bin.cli import __main__ as command_line
from tests.campaign.alpaca_plants import PLANTS


def found(plant: str, words: Sequence[str]) -> tuple[int, list[str]]:
    """(exit status, problems) of `chaos` in a process of its own, with the fault planted."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        text = io.BytesIO()
        PLANTS[plant]()
        with contextlib.redirect_stdout(io.TextIOWrapper(text, write_through=True)):
            status = command_line.main(["chaos", *words, "--json"])
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(json.dumps(json.loads(text.getvalue())["problems"]).encode())
        os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        told = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return status, json.loads(told or b"[]")


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.chaos")
    parser.add_argument("--plant", choices=sorted(PLANTS), default="")
    parser.add_argument("--plants", action="store_true")
    options, words = parser.parse_known_args(arguments)
    if not any(word.startswith("--seed") for word in words):
        words += ["--seeds", "1-50"]
    if options.plant:
        PLANTS[options.plant]()
    if not options.plants:
        return command_line.main(["chaos", *words])
    missed = 0
    for plant in sorted(PLANTS):
        status, problems = found(plant, words)
        told = [line for line in problems if not line.startswith("faults: ")]
        missed += status != 1 or not told
        print(f"{plant}: {'found' if told else 'MISSED'}  {(told or [''])[0][:160]}", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
