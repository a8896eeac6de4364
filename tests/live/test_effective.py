"""The effective configuration: every setting once, with its source, and no secret in any form."""

from pathlib import Path

import pytest

from core.config import DECLARATIONS, Config, config_hash, flatten
from core.secret import REDACTED
from live.configuration import load
from live.effective import differences, render_effective, rows_of, running_settings
from live.wording import SET
from tests.core.test_config import two_values
from tests.live.test_configuration import CANARY, SETTABLE, loaded, text_of, toml_of, variable_of


def test_the_effective_configuration_is_printed_with_sources(tmp_path: Path) -> None:
    found = loaded(
        "[strategy.parameters]\nfast = 3",
        tmp_path=tmp_path,
        environ={"APCA_API_KEY_ID": CANARY, "REFOLD_SYMBOLS": "MSFT,AAPL"},
        flags={"seed": "7"},
    )

    rows = rows_of(found)
    texts = [(row.key, row.text, row.source) for row in rows]

    assert ("seed", "7", "flag --seed") in texts
    assert ("symbols", "AAPL,MSFT", "environment REFOLD_SYMBOLS") in texts
    assert ("strategy.parameters.fast", "3", f"file {tmp_path / 'refold.toml'}") in texts
    assert ("APCA_API_KEY_ID", "set, not shown", "environment APCA_API_KEY_ID") in texts
    assert ("risk.allow_short", "true", "default") in texts
    lines = render_effective(found, "ab" * 32)
    assert lines[0] == f"config {'ab' * 32}"
    assert lines[1].split() == ["mode", "sim", "default"]
    assert len(lines) == 1 + len(rows) == 1 + len(DECLARATIONS) - 1 + 1 + 1


@pytest.mark.parametrize("key", SETTABLE)
def test_a_setting_that_a_journal_has_otherwise_is_named_with_both_values(
    key: str, tmp_path: Path
) -> None:
    """A place is in no journal, so it cannot differ; what lies there is in the hashes beside."""
    one, two = two_values(DECLARATIONS[key])
    one, two = {"rate.reserve": (0, 3), "rate.per_minute": (21, 22)}.get(key, (one, two))
    running = flatten(loaded(toml_of(key, one), tmp_path=tmp_path).config)
    now = loaded(toml_of(key, two), tmp_path=tmp_path)

    found = differences(running_settings(running, now, None), now)

    if DECLARATIONS[key].about.place:
        assert [difference.key for difference in found] == []
    else:
        (difference,) = found
        assert (difference.key, text_of(difference.running)) == (key, _list(one))
        assert text_of(difference.file) == _list(two)


def _list(value: object) -> str:
    """As `text_of`, of a list as scripts get it."""
    return str(list(value)) if isinstance(value, tuple) else text_of(value)


def test_an_empty_list_of_symbols_is_what_the_market_offers() -> None:
    now = load(None, {}, {})
    snapshot = {**flatten(Config()), "symbols": ("AAPL", "MSFT"), "market.data_sha256": "0" * 64}

    same = running_settings(snapshot, now, ("AAPL", "MSFT"))
    other = running_settings(snapshot, now, ("AAPL", "IBM"))

    assert differences(same, now) == []
    assert config_hash(same) == config_hash(flatten(now.config))
    assert [difference.key for difference in differences(other, now)] == ["symbols"]
    assert differences(running_settings(snapshot, now, None), now) == []


def test_a_snapshot_of_an_older_release_lacks_what_is_new() -> None:
    now = load(None, {}, {})
    snapshot = flatten(Config())
    del snapshot["broker.read_timeout_s"]

    (difference,) = differences(running_settings(snapshot, now, None), now)

    assert difference == ("broker.read_timeout_s", None, "10")


def test_a_parameter_that_is_gone_differs() -> None:
    now = load(None, {}, {"strategy.parameters.slow": "9"})
    snapshot = {**flatten(Config()), "strategy.parameters.fast": 3}

    found = differences(running_settings(snapshot, now, None), now)

    assert found == [("strategy.parameters.fast", 3, None), ("strategy.parameters.slow", None, 9)]


def test_of_a_hidden_place_only_that_it_is_set_is_said() -> None:
    found = load(None, {variable_of("encryption.key_file"): f"/keys/{CANARY}"}, {})

    (row,) = [row for row in rows_of(found) if row.key == "encryption.key_file"]

    assert (row.text, row.value, row.default) == (SET, SET, "")
    assert CANARY not in "\n".join(render_effective(found, "0" * 64))
    (unset,) = [row for row in rows_of(load(None, {}, {})) if row.key == "encryption.key_file"]
    assert unset.value == ""


def test_no_row_and_no_difference_holds_a_secret_that_a_journal_got() -> None:
    """A release that did not refuse it, or a key that is newer than the setting."""
    now = load(None, {"APCA_API_SECRET_KEY": CANARY}, {})
    snapshot = {**flatten(Config()), "broker.script": f"#1={CANARY}"}

    found = differences(running_settings(snapshot, now, None), now)

    assert found == [("broker.script", f"#1={REDACTED}", "")]


def test_no_row_holds_a_password() -> None:
    now = load(None, {"REFOLD_JOURNAL": f"postgresql://me:{CANARY}@host/journal"}, {})

    assert CANARY not in str(rows_of(now))
