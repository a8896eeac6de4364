"""The [encryption] settings: what only a file may say, and what is no setting at all."""

from pathlib import Path

import pytest

from core.config import flatten
from live.configuration import load
from live.effective import render_effective
from tests.live.test_configuration import lines_of


@pytest.mark.parametrize("said_in", ["file", "environment", "nowhere"])
def test_only_the_file_leaves_a_live_journal_plain(tmp_path: Path, said_in: str) -> None:
    text = 'mode = "live"\n'
    text += "[encryption]\nenabled = false\n" if said_in == "file" else ""
    environ = {"REFOLD_ENCRYPTION__ENABLED": "false"} if said_in == "environment" else {}

    (tmp_path / "refold.toml").write_text(text, encoding="utf-8")

    if said_in == "environment":
        (line,) = lines_of(text, tmp_path=tmp_path, environ=environ)
        assert line.startswith("encryption.enabled (environment")
        assert "expected it in the file, where mode is live" in line
    else:
        config = load(str(tmp_path / "refold.toml"), environ, {}).config
        assert config.encrypted is (said_in == "nowhere")


def test_the_keys_places_are_settings_and_the_key_itself_is_none(tmp_path: Path) -> None:
    text = """
        [encryption]
        enabled = true
        key_file = "keys/master"
        credential = "refold-key"
    """
    path = tmp_path / "refold.toml"
    path.write_text(text, encoding="utf-8")
    secret = "c2VjcmV0" * 5 + "abc="  # pragma: allowlist secret
    loaded = load(str(path), {"REFOLD_ENCRYPTION__KEY": secret}, {})

    assert loaded.config.encrypted
    assert loaded.config.encryption.key_file == "keys/master"
    shown = "\n".join(render_effective(loaded, "0" * 64))
    assert "REFOLD_ENCRYPTION__KEY" in shown
    assert secret not in shown
    assert not {"encryption.key_file", "encryption.credential"} & set(flatten(loaded.config))
