"""A strategy that reads what replay cannot repeat is caught, and the first decision is named."""

import re
from pathlib import Path

import pytest

from tests.sessions import TRADES, refold, run_session

QUANTITY = {
    "random": "random.randrange(1, 9000)",
    "time": "time.time_ns() // 1000 % 9000 + 1",
    "monotonic": "int(time.perf_counter_ns()) % 9000 + 1",
    "uuid4": "uuid.uuid4().int % 9000 + 1",
    "secrets": "secrets.randbelow(9000) + 1",  # pragma: allowlist secret
    "id": "id(object()) // 16 % 9000 + 1",
    "hash": "hash(symbol + view.time) % 9000 + 1",
    "set order": "1 + zlib.crc32(''.join({*'abcdefghijklmnop', *view.symbols}).encode()) % 9000",
    "float sum over a set": "1 + zlib.crc32(total(FLOATS).hex().encode()) % 9000",
    "seeded random": "seeded(view)",
    "memory in builtins": "count_on(builtins)",
    "memory in a library": "count_on(json)",
    "module memory": "len(MEMORY) * 10 + (MEMORY.append(1) or 10)",
    "class memory": "self.count_up()",
}
SOURCE = """
import builtins, functools, json, operator, random, secrets, time, uuid, zlib
from core.strategy import OrderRequest

MEMORY = []

def total(texts):
    # one by one: `sum` itself makes up for the order since Python 3.12
    return functools.reduce(operator.add, map(float, texts))

def seeded(view):
    if view.cycle == 1:
        random.seed(1)
    return random.randrange(9000) + 1

def count_on(module):
    module.refold_test_count = getattr(module, "refold_test_count", 0) + 1
    return module.refold_test_count

FLOATS = {str(sign * 1e16 / n) for n in range(1, 60) for sign in (1, -1)}

class Faulty:
    count = 0

    def count_up(self):
        type(self).count += 1
        return self.count

    def decide(self, view):
        symbol = view.symbols[0]
        yield OrderRequest(symbol, "buy" if view.cycle % 2 else "sell", QUANTITY, "market")
"""


@pytest.mark.parametrize("fault", QUANTITY)
def test_it_is_caught_and_the_decision_is_named(fault: str, tmp_path: Path) -> None:
    url = run_session(
        tmp_path, cycles=4, source=SOURCE.replace("QUANTITY", QUANTITY[fault]), name="Faulty"
    )

    said = refold("replay", url)

    assert (said.status, said.document["parity"]) == (1, False), said.errors
    found = said.document["divergence"]
    assert isinstance(found, dict)
    line = said.errors.strip().splitlines()[-1]
    assert re.search(rf"sequence {found['sequence']}: decision {found['type']} .*of cycle", line)
    assert "quantity" in {different["field"] for different in found["diff"]}


def test_one_that_draws_from_the_views_rng_is_not(tmp_path: Path) -> None:
    said = refold("replay", run_session(tmp_path, cycles=4, source=TRADES))

    assert (said.status, said.document["parity"]) == (0, True), said.errors
