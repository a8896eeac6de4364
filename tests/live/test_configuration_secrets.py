"""A secret is in no message, no text, no table and no snapshot, wherever it strayed.

why     a key that was shown once must be drawn anew
"""

import io
import pickle
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from rich.pretty import Pretty

from core.config import Config, config_hash, flatten, value_of
from core.secret import REDACTED
from live.configuration import ConfigError, load
from live.effective import render_effective
from live.secrets import NAMES, Secrets
from tests.live.test_configuration import (
    CANARY,
    NEEDS_ANOTHER,
    SETTABLE,
    lines_of,
    loaded,
    toml_of,
    variable_of,
)


@pytest.mark.parametrize(
    ("name", "alias"),
    [("APCA_API_KEY_ID", "ALPACA_API_KEY"), ("APCA_API_SECRET_KEY", "ALPACA_SECRET_KEY")],
)
def test_two_names_for_one_key_must_agree(name: str, alias: str, tmp_path: Path) -> None:
    (line,) = lines_of(tmp_path=tmp_path, environ={name: CANARY, alias: f"other-{CANARY}"})

    assert line.startswith(
        f"{name} (environment): expected the same value as its other name {alias}"
    )
    assert CANARY not in line
    for environ in ({name: CANARY, alias: CANARY}, {name: CANARY, alias: ""}, {alias: CANARY}):
        secrets = load(None, environ, {}).secrets
        assert CANARY in (secrets.key_id.reveal(), secrets.secret_key.reveal())
        assert secrets.names == tuple(key for key, value in environ.items() if value)


@pytest.mark.parametrize(
    "text",
    [f"[broker]\nsecret_key = '{CANARY}'", f"APCA_API_KEY_ID = '{CANARY}'", f"token = '{CANARY}'",
     f"[secrets]\na = '{CANARY}'", f"[broker]\naccessToken = '{CANARY}'",
     f"[broker]\npassword = ['{CANARY}']", f"apikey = '{CANARY}'",
     f"[strategy.parameters]\napi_key = '{CANARY}'", f"[keys.{CANARY[:6]}]\nx = '{CANARY}'",
     f"journal = 'postgresql://me:{CANARY}@host/journal'",
     f"journal = 'postgresql://host/journal?password={CANARY}'"],
)  # fmt: skip
def test_a_secret_in_the_file_is_refused_and_not_shown(text: str, tmp_path: Path) -> None:
    (line,) = lines_of(text, tmp_path=tmp_path)

    assert "(value not shown)" in line
    assert CANARY not in line


def test_a_secret_among_the_parameters_is_refused_from_everywhere(tmp_path: Path) -> None:
    """The journal keeps parameters, so there is no source from which one may be a secret."""
    environ = {"REFOLD_STRATEGY__PARAMETERS__API_TOKEN": CANARY}

    (line,) = lines_of(tmp_path=tmp_path, environ=environ)

    assert CANARY not in line


def test_no_setting_has_a_name_that_is_taken_for_a_secrets(tmp_path: Path) -> None:
    for key in SETTABLE:
        loaded(toml_of(key, value_of(Config(), key)), tmp_path=tmp_path)


def test_a_url_without_a_password_may_stand_in_the_file(tmp_path: Path) -> None:
    for url in ("postgresql://me@host/journal", "sqlite:///var/me:you@home.db"):
        assert loaded(f"journal = '{url}'", tmp_path=tmp_path).config.journal == url


@pytest.mark.parametrize("key", [*SETTABLE, *sorted(NEEDS_ANOTHER)])
def test_a_secret_that_strays_into_a_setting_is_refused_and_not_shown(key: str) -> None:
    """The journal keeps settings and the log says them, so none of them may hold a secret."""
    environ = {"APCA_API_SECRET_KEY": CANARY, "ALPACA_API_KEY": f"id-{CANARY}"}
    stray = f"{'x' * 110}{CANARY}"

    for text in (CANARY, f"id-{CANARY}", stray, f"https://u:{CANARY}@host"):
        for given_as in ({"environ": {**environ, variable_of(key): text}}, {"flags": {key: text}}):
            with pytest.raises(ConfigError) as error:
                load(None, {**environ, **given_as.get("environ", {})}, given_as.get("flags", {}))
            assert str(error.value).startswith(f"{key} ")
            assert CANARY[:6] not in str(error.value)


@pytest.mark.parametrize("key", [*SETTABLE, *sorted(NEEDS_ANOTHER), "strategy.parameters.word"])
def test_a_secret_in_the_files_settings_is_refused_and_not_shown(key: str, tmp_path: Path) -> None:
    for name, alias in NAMES:
        for variable in (name, alias):
            lines = lines_of(
                toml_of(key, f"csv:{CANARY}"), tmp_path=tmp_path, environ={variable: CANARY}
            )
            assert [line for line in lines if line.startswith(f"{key} ")]
            assert CANARY not in "\n".join(lines)


def test_a_secret_that_is_taken_for_a_name_is_not_shown(tmp_path: Path) -> None:
    environ = {"APCA_API_KEY_ID": CANARY, f"REFOLD_{CANARY}": "1"}

    lines = lines_of(f"'{CANARY}' = 1", tmp_path=tmp_path, environ=environ)

    assert len(lines) == 2
    assert CANARY not in "\n".join(lines)


def test_the_master_key_is_a_secret_with_another_name(tmp_path: Path) -> None:
    found = load(None, {"MASTER_ENCRYPTION_KEY": CANARY}, {})
    (line,) = lines_of(f"[encryption]\nkey = '{CANARY}'", tmp_path=tmp_path)

    assert found.secrets.master["MASTER_ENCRYPTION_KEY"].reveal() == CANARY
    assert CANARY not in str(flatten(found.config))
    assert "expected no secret in a file of settings (value not shown)" in line
    assert "REFOLD_ENCRYPTION__KEY" in line
    assert CANARY not in line


def test_secrets_have_no_text_no_pickle_and_no_json() -> None:
    environ = {"APCA_API_KEY_ID": CANARY, "APCA_API_SECRET_KEY": CANARY,
               "REFOLD_JOURNAL": f"postgresql://me:{CANARY}@host/journal"}  # fmt: skip
    found = load(None, environ, {})
    assert found.secrets.secret_key.reveal() == CANARY

    page = io.StringIO()
    Console(file=page).print(Pretty(found), found, found.secrets)

    rows = "\n".join(render_effective(found, "0" * 64))
    for text in (repr(found), str(found), f"{found.secrets}", page.getvalue(), rows):
        assert CANARY not in text
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(found.secrets)
    with pytest.raises(TypeError, match="Secrets"):
        msgspec.json.encode(found)


def test_a_place_with_a_password_reaches_no_snapshot() -> None:
    environ = {"REFOLD_JOURNAL": f"postgresql://me:{CANARY}@host/journal"}

    flat = flatten(load(None, environ, {}).config)

    assert CANARY not in str(flat)
    assert config_hash(flat) == config_hash(flatten(Config()))


def test_masking_hides_a_short_secret_only_where_it_is_the_whole_text() -> None:
    secrets = Secrets({"APCA_API_KEY_ID": "a", "ALPACA_SECRET_KEY": "longer-one"})

    assert secrets.mask("a") == REDACTED
    assert secrets.mask("data/longer-one.csv") == f"data/{REDACTED}.csv"
