"""Where the master key comes from, and every way in which a source is no source."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from journal.errors import KeyTextError
from live.keys import KeySourceError, master_key
from tests.journal.secret import KEY, OTHER

NAMES = ("REFOLD_ENCRYPTION__KEY", "MASTER_ENCRYPTION_KEY")


def written(path: Path, text: str, mode: int = 0o600) -> str:
    """A key file."""
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def test_nothing_set_is_no_key() -> None:
    assert master_key({}) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_variable_and_its_alias_hold_the_key(name: str) -> None:
    assert master_key({name: KEY.text}) == KEY
    assert master_key({name: KEY.secret.hex()}) == KEY


def test_a_file_and_a_credential_hold_the_key(tmp_path: Path) -> None:
    assert master_key({}, key_file=written(tmp_path / "key", f"{KEY.text}\n")) == KEY
    written(tmp_path / "refold", KEY.text, 0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert master_key(environ, credential="refold") == KEY


def test_sources_that_agree_are_one_and_sources_that_differ_are_refused(tmp_path: Path) -> None:
    key, other = written(tmp_path / "key", KEY.text), written(tmp_path / "other", OTHER.text)
    (tmp_path / "folder").mkdir()
    written(tmp_path / "folder" / "refold", OTHER.text)
    environ = {NAMES[0]: KEY.secret.hex(), NAMES[1]: KEY.text}
    folder = {"CREDENTIALS_DIRECTORY": str(tmp_path / "folder")}
    assert master_key(environ, key_file=key) == KEY
    calls: list[Callable[[], object]] = [
        lambda: master_key({**environ, NAMES[1]: OTHER.text}),
        lambda: master_key(environ, key_file=other),
        lambda: master_key({**environ, **folder}, key_file=key, credential="refold"),
    ]
    for call in calls:
        with pytest.raises(KeySourceError, match="found two that differ") as caught:
            call()
        assert KEY.text not in str(caught.value)
        assert OTHER.text not in str(caught.value)


@pytest.mark.parametrize("text", [KEY.text, KEY.secret.hex()])
def test_a_key_given_in_place_of_its_files_path_is_not_shown(text: str) -> None:
    with pytest.raises(KeySourceError, match="looks like a key") as caught:
        master_key({}, key_file=text)

    assert text not in str(caught.value)


@pytest.mark.parametrize("text", ["", "not a key", KEY.text[:20]])
def test_a_source_that_is_set_and_gives_no_key_is_not_passed_over(
    tmp_path: Path, text: str
) -> None:
    good = written(tmp_path / "key", KEY.text)
    with pytest.raises(KeyTextError):
        master_key({NAMES[0]: text}, key_file=good)
    with pytest.raises(KeyTextError):
        master_key({NAMES[0]: KEY.text}, key_file=written(tmp_path / "bad", text))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeySourceError, match=f"found mode {mode:o}; chmod 600"):
        master_key({}, key_file=written(tmp_path / "key", KEY.text, mode))


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    written(tmp_path / "long", KEY.text + "\n" * 9000)
    for name in ("none", ".", "pipe", "long", "a\0b"):
        with pytest.raises(KeySourceError):
            master_key({}, key_file=f"{tmp_path}/{name}")


@pytest.mark.parametrize("name", ["none", "../key", "..", "."])
def test_a_credential_is_a_name_in_the_services_folder(tmp_path: Path, name: str) -> None:
    written(tmp_path / "key", KEY.text)
    (tmp_path / "folder").mkdir()
    with pytest.raises(KeySourceError, match="credential"):
        master_key({"CREDENTIALS_DIRECTORY": str(tmp_path / "folder")}, credential=name)
    with pytest.raises(KeySourceError, match="no such folder"):
        master_key({}, credential="key")
