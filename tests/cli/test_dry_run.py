"""`run --dry-run`: what the next cycle would decide; nothing is sent, appended or made."""

from pathlib import Path
from typing import Any

from tests.cli.command import assert_refused, files, refold
from tests.cli.conftest import Session
from tests.cli.world import JOURNAL, run_words


def decided(folder: Path, *more: object) -> Any:
    ran = refold(*run_words("--dry-run", *more), cwd=folder)
    assert (ran.status, ran.lines) == (0, []), ran
    return ran.json


def test_without_a_journal_it_decides_the_first_slot_and_makes_no_file(world: Path) -> None:
    before = files(world)
    document = decided(world)
    assert (document["sequence"], document["cycle"]) == (0, 1)
    assert document["slot"] == "2024-03-04T14:00:00.000000Z"
    assert [row["symbol"] for row in document["intents"]] == ["AAA", "BBB"]
    assert document["universe"] == len(document["intents"]) + len(document["skips"]) == 2
    assert files(world) == before
    assert not list(world.glob("j.db*"))


def test_it_decides_what_the_run_then_does(world: Path) -> None:
    document = decided(world)
    refold(*run_words("--cycles", 1), cwd=world)
    rows = refold("show", "orders", "--journal", JOURNAL, "--json", cwd=world).json["rows"]
    names = ("client_order_id", "symbol", "side", "quantity", "limit_price", "order_type")
    assert [[row[n] for n in names] for row in document["intents"]] == [
        [row[n] for n in names] for row in sorted(rows, key=lambda row: row["symbol"])
    ]


def test_with_a_journal_it_decides_the_next_slot_and_appends_nothing(
    short: Session, tmp_path: Path
) -> None:
    folder = short.copied_to(tmp_path / "copy")
    before = files(folder)
    document = decided(folder)
    assert document["sequence"] == short.ran.json["head"]["sequence"]
    assert (document["cycle"], document["slot"]) == (6, "2024-03-04T14:05:00.000000Z")
    assert files(folder) == before
    verified = refold("verify", JOURNAL, "--json", cwd=folder)
    assert verified.json["head"] == short.ran.json["head"]


def test_a_halted_journal_says_so(short: Session, tmp_path: Path) -> None:
    folder = short.copied_to(tmp_path / "copy")
    refold("halt", "--journal", JOURNAL, cwd=folder)
    assert {row["reason"] for row in decided(folder)["skips"]} == {"halt.kill_switch"}


def test_for_a_person_it_is_a_table(world: Path) -> None:
    words = [word for word in run_words("--dry-run") if word != "--json"]
    ran = refold(*words, cwd=world)
    assert ran.status == 0
    assert ran.out.splitlines()[0].split()[:3] == ["symbol", "decision", "side"]
    assert "nothing was sent or written" in ran.out


def test_a_market_that_is_over_has_no_next_slot(whole: Session) -> None:
    assert_refused(refold(*run_words("--dry-run"), cwd=whole.folder), "next slot")


def test_what_a_run_refuses_a_dry_run_refuses(short: Session, world: Path, tmp_path: Path) -> None:
    assert_refused(refold(*run_words("--dry-run", "--symbols", "ZZZZ"), cwd=world), "ZZZZ")
    folder = short.copied_to(tmp_path / "copy")
    (folder / "j.db.anchor").unlink()
    assert_refused(refold(*run_words("--dry-run"), cwd=folder), "ANCHOR_MISSING")
