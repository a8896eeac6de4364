"""The sample and the reference page are the contract: every setting stands in both, as it is."""

import re
import tomllib
from pathlib import Path

import pytest

from core.config import DECLARATIONS, PARAMETERS, Config, config_hash, defaults_of, flatten
from live.configuration import load
from live.contract_page import page
from live.contract_sample import sample
from live.old_names import OF_VARIABLE
from live.secrets import NAMES
from tests.live.test_configuration import loaded

ROOT = Path(__file__).resolve().parent.parent.parent
SETTING = re.compile(r"^# (?:for example: )?([a-z_]+) = (.*)$", re.MULTILINE)


def test_the_stored_page_is_the_contracts() -> None:
    assert (ROOT / "live" / "CONFIGURATION.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("key", sorted(DECLARATIONS))
def test_a_setting_stands_in_the_page_and_in_the_sample(key: str) -> None:
    (row,) = [line for line in page().splitlines() if re.match(rf"\| `{re.escape(key)}`[ |]", line)]

    about = DECLARATIONS[key].about
    assert about.summary in row
    assert ("(place)" in row) is about.place
    assert all(f"{mode}: " in row for mode, _ in about.by_mode)
    assert f"# {about.summary}\n" in sample()


def test_every_other_name_and_every_secrets_name_stands_in_the_page() -> None:
    names = [*OF_VARIABLE, *(name for pair in NAMES for name in pair)]

    assert not [name for name in names if f"`{name}`" not in page()]


def test_the_sample_as_it_is_says_nothing(tmp_path: Path) -> None:
    found = loaded(sample(), tmp_path=tmp_path)

    assert found.config == Config()
    assert {found.sources[key] for key in DECLARATIONS if key != PARAMETERS} == {"default"}


def test_the_sample_with_every_setting_taken_up_says_the_default(tmp_path: Path) -> None:
    text = SETTING.sub(r"\1 = \2", sample())
    taken_up = len(SETTING.findall(sample()))

    found = loaded(text.replace("parameters = {", "# parameters = {"), tmp_path=tmp_path)

    assert taken_up == len(DECLARATIONS)
    assert config_hash(flatten(found.config)) == config_hash(flatten(Config()))
    assert "default" not in found.sources.values()
    assert set(tomllib.loads(text)["strategy"]["parameters"]) == {"fast", "slow"}


def test_a_sample_in_which_only_the_mode_is_changed_has_the_modes_defaults(tmp_path: Path) -> None:
    text = sample().replace('# mode = "sim"', 'mode = "live"')
    (tmp_path / "my.toml").write_text(text)

    found = load(str(tmp_path / "my.toml"), {}, {})

    assert found.config.encrypted
    assert found.sources["encryption.enabled"] == "default for live"
    assert defaults_of("live")["encryption.enabled"] is True
