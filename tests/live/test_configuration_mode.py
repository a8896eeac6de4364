"""What is at stake decides other defaults, what can run yet, and what a start must say."""

from pathlib import Path

import pytest

from core.config import Config
from live.configuration import ConfigError, load
from tests.live.test_configuration import lines_of

NO_ALPACA = "broker.kind = alpaca (flag --broker): expected sim; alpaca comes with a later release"
NO_PAPER = (
    "mode = paper (flag --mode): expected sim with broker.kind sim; "
    "paper needs broker.kind alpaca, which comes with a later release"
)


@pytest.mark.parametrize(
    ("mode", "kind", "line"),
    [
        ("sim", "alpaca", NO_ALPACA),
        ("paper", "sim", NO_PAPER),
        ("paper", "alpaca", NO_ALPACA),
    ],
)
def test_what_comes_later_is_refused_in_one_line(
    mode: str, kind: str, line: str, tmp_path: Path
) -> None:
    flags: dict[str, object] = {"mode": mode, "broker": kind, "market": "sim"}

    assert lines_of(tmp_path=tmp_path, flags=flags) == (line,)


def test_a_default_of_the_mode_says_so(tmp_path: Path) -> None:
    lines = lines_of(tmp_path=tmp_path, flags={"mode": "live", "market": "sim"})

    assert lines == (
        "broker.kind = alpaca (default for live): expected sim; alpaca comes with a later release",
        "encryption.enabled = true (default for live): expected false; "
        "encryption comes with a later release",
    )


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
