"""Bad market files, settings and words: one clear line, exit status 2, and nothing left behind."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import assert_refused, assert_sound, files, refold
from tests.cli.conftest import Session
from tests.cli.world import HEADER, JOURNAL, market, prepared, row, run_words

Lines = list[str]


def no_column(lines: Lines) -> None:
    lines[0] = HEADER.replace(",volume", "")


def short_row(lines: Lines) -> None:
    lines[5] = lines[5].rpartition(",")[0]


def with_price(text: str) -> Callable[[Lines], None]:
    def mend(lines: Lines) -> None:
        parts = lines[5].split(",")
        lines[5] = ",".join([*parts[:2], text, *parts[3:]])

    return mend


def backwards(lines: Lines) -> None:
    lines[7], lines[3] = lines[3], lines[7]


def twice(lines: Lines) -> None:
    lines.insert(5, lines[4])


def local_time(lines: Lines) -> None:
    lines[1] = lines[1].replace("Z,", "+02:00,")


def in_year(year: str) -> Callable[[Lines], object]:
    """The first row is of this year."""

    def mend(lines: Lines) -> None:
        lines[1] = f"{year}-01-01{lines[1][10:]}"

    return mend


def nothing(lines: Lines) -> None:
    lines.clear()


def header_only(lines: Lines) -> None:
    del lines[1:]


BAD_FILES = {
    "a missing column": (no_column, "quotes.csv:1"),
    "a short row": (short_row, "quotes.csv:6"),
    "a price that is no number": (with_price("12,3"), "quotes.csv:6"),
    "a price of nothing": (with_price(""), "quotes.csv:6"),
    "a negative price": (with_price("-1.5"), "quotes.csv:6"),
    "a price of zero": (with_price("0"), "quotes.csv:6"),
    "a price of NaN": (with_price("NaN"), "quotes.csv:6"),
    "an infinite price": (with_price("inf"), "quotes.csv:6"),
    "a price with an exponent": (with_price("1e2"), "quotes.csv:6"),
    "a time that goes backwards": (backwards, "quotes.csv:"),
    "a row that stands twice": (twice, "quotes.csv:6"),
    "a time that is not UTC": (local_time, "quotes.csv:2"),
    "a time before there is time": (in_year("1969"), "quotes.csv:2"),
    "a time of nothing": (in_year("1970"), "quotes.csv:2"),
    "a time at the end of time": (in_year("9999"), "quotes.csv:2"),
    "an empty file": (nothing, "quotes.csv:1"),
    "a header alone": (header_only, "quotes.csv:1"),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_market_file_is_refused_by_file_and_line(world: Path, what: str) -> None:
    mend, place = BAD_FILES[what]
    market(world, mend=mend)
    before = files(world)

    assert_refused(refold(*run_words(), cwd=world), place)

    assert files(world) == before


def test_a_gz_file_that_ends_too_soon_is_refused(world: Path) -> None:
    whole = gzip.compress((world / "quotes.csv").read_bytes())
    (world / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    (world / "none.csv.gz").write_bytes(b"")
    before = files(world)
    for name in ("cut.csv.gz", "none.csv.gz"):
        words = ["run", "--market", f"csv:{name}", "--journal", JOURNAL]
        assert_refused(refold(*words, cwd=world), name)
    assert files(world) == before


@pytest.mark.parametrize(
    ("words", "mentions"),
    [
        (["--market", "csv:nothing-*.csv"], "nothing-*.csv"),
        (["--market", "csv:."], "directory"),
        (["--market", "moon"], "market"),
        (["--symbols", "AAA,ZZZZ"], "ZZZZ"),
        (["--symbols", "aaa"], "symbols"),
        (["--seed", "-1"], "seed"),
        (["--seed", "1.5"], "seed"),
        (["--cycles", "0"], "--cycles"),
        (["--cycles", "many"], "--cycles"),
        (["--pace", "nan"], "--pace"),
        (["--pace", "-1"], "--pace"),
        (["--signals", "csv:nothing.csv"], "nothing.csv"),
        (["--broker", "nobody"], "broker"),
        (["--config", "nothing.toml"], "nothing.toml"),
        (["--config", "."], "config"),
        (["--journal", "mysql://here"], "journal"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_a_word_that_cannot_stand_is_refused_in_one_line(
    world: Path, words: list[str], mentions: str
) -> None:
    before = files(world)
    assert_refused(refold(*run_words(*words), cwd=world), mentions)
    assert files(world) == before


def test_a_variable_nobody_knows_is_refused(world: Path) -> None:
    before = files(world)
    ran = refold(*run_words(), cwd=world, env={"REFOLD_SEEED": "1"})
    assert_refused(ran, "REFOLD_SEEED", "REFOLD_SEED")
    assert files(world) == before


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("seed = \n", "quotes"),
        ("seeed = 1\n", "seeed"),
        ("[risk]\norder_max_notional = -5\n", "risk.order_max_notional"),
        ("[broker]\nscript = 'nonsense'\n", "broker.script"),
        ("[broker]\nscript = '#1=explode'\n", "broker.script"),
        ("[strategy]\nsecret = 'x'\n", "secret"),
        ("mode = 'live'\n", "mode"),
    ],
)
def test_a_bad_config_file_is_refused(world: Path, text: str, mentions: str) -> None:
    (world / "quotes.toml").write_text(text)
    before = files(world)
    ran = refold(*run_words("--config", "quotes.toml"), cwd=world)
    assert_refused(ran, mentions)
    assert files(world) == before


def test_a_market_file_that_grew_is_gone_on_with(short: Session, tmp_path: Path) -> None:
    folder = short.copied_to(tmp_path / "copy")
    market(folder, mend=lambda lines: lines.append(row("2024-03-04T23:00:00Z", "AAA", 10_000)))
    ran = refold(*run_words("--cycles", 3), cwd=folder)
    assert (ran.status, ran.json["cycles"]) == (0, 8)
    assert_sound(folder, JOURNAL)


def test_a_folder_that_is_made_for_a_refused_journal_is_removed_again(world: Path) -> None:
    before = files(world)
    words = run_words(journal="sqlite:///deep/er/j.db")
    ran = refold(*words, cwd=world, env={"REFOLD_BROKER__VENUE": "/proc/nowhere/venue"})
    assert_refused(ran, "/proc/nowhere/venue")
    assert files(world) == before


def test_the_journal_a_command_reads_is_the_one_the_environment_names(short: Session) -> None:
    env = {"REFOLD_JOURNAL": JOURNAL}
    named = refold("show", "cycles", "--json", cwd=short.folder, env=env)
    missing = refold("show", "cycles", "--json", cwd=short.folder)
    assert (named.status, len(named.json["rows"])) == (0, 5)
    assert_refused(missing, "var/main.db")


def test_a_run_without_a_journal_makes_the_one_that_show_reads(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "here")
    words = ["run", "--market", "csv:quotes.csv", "--cycles", "2", "--json"]
    assert refold(*words, cwd=folder).json["journal"] == "sqlite:///var/main.db"
    assert len(refold("show", "cycles", "--json", cwd=folder).json["rows"]) == 2
