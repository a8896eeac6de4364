"""`config …` and `run --live`, as an operator and a script call them."""

import json
from pathlib import Path

import pytest

from core.config import DECLARATIONS, PARAMETERS, Config, config_hash, flatten
from tests.cli.command import ROOT, assert_refused, files, refold
from tests.cli.conftest import Session
from tests.cli.world import JOURNAL

MARKET = ("--market", "csv:quotes.csv", "--strategy", "strategy.py:Flip", "--journal", JOURNAL)
DEFAULT_HASH = config_hash(flatten(Config()))


def test_check_and_show_give_the_same_hash(world: Path) -> None:
    checked = refold("config", "check", "--json", "--seed", 7, cwd=world)
    showed = refold("config", "show", "--json", "--seed", 7, cwd=world)

    assert (checked.status, showed.status) == (0, 0)
    assert checked.json["ok"] is True
    assert checked.json["config_hash"] == showed.json["config_hash"] != DEFAULT_HASH


def test_check_lists_every_problem_at_once(world: Path) -> None:
    bad = {"REFOLD_SEED": "x", "REFOLD_NOBODY": "1", "REFOLD_RISK__ORDER_MAX_QUANTITY": "-1"}

    ran = refold("config", "check", "--json", cwd=world, env=bad)

    assert ran.status == 2
    assert len(ran.lines) == 3
    assert ran.json["ok"] is False
    assert len(ran.json["problems"]) == 3


def test_show_gives_every_setting_with_value_source_default_and_unit(world: Path) -> None:
    ran = refold("config", "show", "--json", cwd=world, env={"REFOLD_RISK__QUOTE_MAX_AGE_S": "5.0"})

    settings = {setting["key"]: setting for setting in ran.json["settings"]}
    assert list(settings) == [key for key in DECLARATIONS if key != PARAMETERS]
    assert settings["risk.quote_max_age_s"] == {
        "key": "risk.quote_max_age_s",
        "value": "5",
        "source": "environment REFOLD_RISK__QUOTE_MAX_AGE_S",
        "default": "30",
        "unit": "seconds",
    }
    assert (ran.json["running"], ran.json["differs"]) == (None, [])


def test_show_tells_what_a_journal_has_in_force_otherwise(short: Session) -> None:
    same = refold("config", "show", "--json", *MARKET, cwd=short.folder)
    other = refold(
        "config", "show", "--json", *MARKET, "--seed", 7,
        cwd=short.folder, env={"REFOLD_RISK__ALLOW_SHORT": "false"},
    )  # fmt: skip
    said = refold("config", "show", *MARKET, "--seed", 7, cwd=short.folder)

    assert same.json["differs"] == []
    assert same.json["running"]["config_hash"] == short.ran.json["config_hash"]
    assert same.json["running"]["settings_hash"] == same.json["config_hash"]
    assert other.json["differs"] == [
        {"key": "risk.allow_short", "running": True, "file": False},
        {"key": "seed", "running": 42, "file": 7},
    ]
    assert said.out.splitlines()[-1] == "differs  seed  running 42  here 7"


def test_show_goes_on_where_the_journal_cannot_be_read(world: Path) -> None:
    (world / "j.db").write_bytes(b"this is no database, and never was one" * 200)

    ran = refold("config", "show", "--json", *MARKET, cwd=world)

    assert ran.status == 0
    assert ran.json["running"] is None
    assert "what is running is not known" in ran.lines[0]
    assert len(ran.lines) == 1


def test_init_writes_a_file_that_is_good_and_says_what_the_default_says(tmp_path: Path) -> None:
    made = refold("config", "init", "my.toml", "--json", cwd=tmp_path)
    checked = refold("config", "check", "--config", "my.toml", "--json", cwd=tmp_path)

    assert (made.status, made.json["path"]) == (0, "my.toml")
    assert made.json["config_hash"] == checked.json["config_hash"] == DEFAULT_HASH


@pytest.mark.parametrize("there", ["a file", "a link to nothing", "a folder"])
def test_init_never_writes_over_what_is_there(there: str, tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "refold.toml", tmp_path / "elsewhere"
    if there == "a file":
        place.write_text("seed = 7\n")
    elif there == "a folder":
        place.mkdir()
    else:
        place.symlink_to(elsewhere)

    assert_refused(refold("config", "init", cwd=tmp_path), "config init refold.toml", "found one")

    assert not elsewhere.exists()
    assert not place.is_file() or place.read_text() == "seed = 7\n"


def test_init_says_where_it_cannot_write(tmp_path: Path) -> None:
    assert_refused(
        refold("config", "init", "no/such.toml", cwd=tmp_path), "no/such.toml", "cannot be made"
    )


def test_schema_and_reference_are_what_the_repository_holds(tmp_path: Path) -> None:
    schema = refold("config", "schema", cwd=tmp_path)
    page = refold("config", "reference", cwd=tmp_path)

    assert json.loads(schema.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert page.out == (ROOT / "live" / "CONFIGURATION.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("variables", [{"EXECUTION_MODE": "live"}, {"APP_ENV": "production"},
                                       {"REFOLD_MODE": "live", "APP_ENV": "prod"}])  # fmt: skip
@pytest.mark.parametrize("words", [(), ("--cycles", "1"), ("--dry-run",)])
def test_mode_live_without_the_word_starts_nothing(
    variables: dict[str, str], words: tuple[str, ...], tmp_path: Path
) -> None:
    """Not even the demonstration, which is what `run` without any setting is."""
    ran = refold("run", *words, cwd=tmp_path, env=variables)

    assert_refused(ran, "mode = live", "--live")
    assert files(tmp_path) == set()


def test_the_word_without_mode_live_starts_nothing(tmp_path: Path) -> None:
    assert_refused(refold("run", "--live", cwd=tmp_path), "mode = sim", "--live was given")
    assert files(tmp_path) == set()


def test_a_run_says_which_old_names_it_read(world: Path) -> None:
    env = {"EXECUTION_MODE": "sim", "AI_TRADING_SEED": "7", "AI_TRADING_MODEL_PATH": "a secret"}

    ran = refold("run", *MARKET, "--cycles", 1, "--json", cwd=world, env=env)

    assert (ran.status, ran.json["cycles"]) == (0, 1)
    assert [line.split(" ", 4)[2] for line in ran.complaints] == [
        "EXECUTION_MODE", "AI_TRADING_SEED", "AI_TRADING_MODEL_PATH",
    ]  # fmt: skip
    assert all(line.startswith("refold: warning: ") for line in ran.complaints)
    assert "secret" not in "\n".join(ran.complaints)
