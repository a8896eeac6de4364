"""What is at stake decides other defaults, what can run yet, and what a start must say."""

from pathlib import Path

import pytest

from core.config import Config
from live.configuration import ConfigError, load
from tests.live.test_configuration import lines_of

OTHER = "expected sim with broker.kind sim, paper or live with another"


@pytest.mark.parametrize(("mode", "kind"), [("sim", "alpaca"), ("paper", "sim"), ("live", "sim")])
def test_a_simulated_broker_goes_with_mode_sim_and_with_no_other(
    mode: str, kind: str, tmp_path: Path
) -> None:
    flags: dict[str, object] = {"mode": mode, "broker": kind, "market": "sim"}

    (line,) = lines_of(tmp_path=tmp_path, flags=flags)

    assert line.startswith(f"mode = {mode} (flag --mode): {OTHER}")


def test_a_real_broker_without_a_mode_is_a_paper_account() -> None:
    found = load(None, {}, {"broker": "alpaca", "market": "sim"})

    assert (found.config.mode, found.sources["mode"]) == ("paper", "default of a real broker")
    assert found.config.broker.resend_unknown is False


def test_a_mode_has_its_own_defaults_and_says_so() -> None:
    found = load(None, {}, {"mode": "live", "symbols": "AAPL"})

    assert found.config.encrypted
    assert found.sources["encryption.enabled"] == found.sources["broker.kind"] == "default for live"


def test_a_start_in_mode_live_needs_the_word_on_the_command_line(tmp_path: Path) -> None:
    """And the word needs the mode: a person who says it must not find a simulation running."""
    with pytest.raises(ConfigError) as without:
        load(None, {"EXECUTION_MODE": "live"}, {}, live=False)
    with pytest.raises(ConfigError) as alone:
        load(None, {}, {}, live=True)

    assert without.value.lines == (
        (
            "mode = live (environment EXECUTION_MODE): expected --live on the command line too; "
            "run --live"
        ),
    )
    assert alone.value.lines == (
        ("mode = sim (default): expected live, for --live was given; leave it out, or set mode"),
    )
    assert load(None, {}, {}, live=False).config == Config()
