"""A market of one second a slot, in which many requests and answers are lost.

Nothing an order comes to may hang on how long the runner waited for another order's answer: a
runner that was killed does not wait again, and a runner without that order never waited.
"""

import signal
from pathlib import Path

import pytest

from tests.cli.command import refold
from tests.cli.world import HEADER, JOURNAL, SYMBOLS, row, run_words, strategy

LOSSES = {
    "REFOLD_BROKER__LOST_REQUEST_RATE": "0.3",
    "REFOLD_BROKER__LOST_ANSWER_RATE": "0.3",
    "REFOLD_BROKER__REJECT_RATE": "0.1",
    "REFOLD_RISK__INTENT_VALID_S": "4",
}
CALM = {f"REFOLD_BROKER__{name}_RATE": "0" for name in ("LOST_REQUEST", "LOST_ANSWER", "REJECT")}


def market(folder: Path, symbols: tuple[str, ...]) -> Path:
    """Forty slots of one second, and the strategy that trades them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [HEADER]
    for slot in range(40):
        for index, symbol in enumerate(symbols):
            price = 10_000 * (index + 1) + 3 * ((slot * (7 + index)) % 11 - 5)
            lines.append(row(f"2024-03-04T14:00:{slot:02d}Z", symbol, price))
    (folder / "quotes.csv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    strategy(folder)
    return folder


def orders(folder: Path) -> list[list[object]]:
    """What every order came to."""
    names = ("client_order_id", "symbol", "side", "quantity", "filled_quantity", "average_price")
    rows = refold("show", "orders", "--journal", JOURNAL, "--json", cwd=folder).json["rows"]
    return [[row[name] for name in (*names, "status", "cycle")] for row in rows]


@pytest.mark.parametrize("commits", [9, 20, 31, 47])
def test_a_killed_run_ends_as_one_never_killed(tmp_path: Path, commits: int) -> None:
    whole, killed = market(tmp_path / "whole", SYMBOLS), market(tmp_path / "killed", SYMBOLS)
    assert refold(*run_words(), cwd=whole, env=LOSSES).status == 0

    ran = refold(*run_words("--kill-after-commits", commits), cwd=killed, env=LOSSES)
    assert ran.status == -signal.SIGKILL
    assert refold(*run_words(), cwd=killed, env=LOSSES).status == 0

    assert len(orders(whole)) > 20
    assert orders(killed) == orders(whole)
    assert refold("replay", JOURNAL, cwd=killed).status == 0


def test_an_order_whose_answer_is_lost_moves_no_fill_of_another_symbol(tmp_path: Path) -> None:
    env = {**CALM, "REFOLD_BROKER__SCRIPT": "AAA#1=lost_answer,AAA#2=lost_request"}
    alone = market(tmp_path / "alone", ("AAA", "BBB"))
    both = market(tmp_path / "both", ("AAA", "BBB"))

    assert refold(*run_words("--symbols", "BBB"), cwd=alone, env=env).status == 0
    assert refold(*run_words(), cwd=both, env=env).status == 0

    found = [order for order in orders(both) if order[1] == "BBB"]
    assert len(found) > 10
    assert found == orders(alone)
