"""Encrypted journals on the command line: keys, every command, a kill, and no cryptography."""

import json
import os
import pty
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign.facts import differences, facts_of
from tests.cli.command import ROOT, assert_refused, environment, refold, started, words_of
from tests.cli.world import SYMBOLS, prepared, run_words
from tests.journal.secret import KEY, OTHER

ON = {"REFOLD_ENCRYPTION__ENABLED": "true"}
WITH_KEY = {**ON, "MASTER_ENCRYPTION_KEY": KEY.text}
URL = "sqlite:///j.db"


def key_file(folder: Path, name: str = "key", text: str = KEY.text) -> Path:
    """A master key in a file."""
    path = folder / name
    path.write_text(text, encoding="ascii")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with twelve cycles in an encrypted journal; its key lies elsewhere."""
    folder = prepared(tmp_path_factory.mktemp("encrypted"))
    ran = refold(*run_words("--cycles", 12), cwd=folder, env=WITH_KEY)
    assert ran.status == 0, ran
    return folder


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """An environment in which `cryptography` cannot be imported."""
    package = tmp_path / "broken" / "cryptography"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('raise ImportError("libssl.so: no such file")\n')
    return {"PYTHONPATH": f"{package.parent}{os.pathsep}{ROOT}"}


def test_a_new_key_is_one_line_or_a_file_of_its_owners(tmp_path: Path) -> None:
    first, second = (refold("keys", "new", cwd=tmp_path).out for _ in range(2))
    assert first != second
    assert len(first.strip()) == 44

    ran = refold("keys", "new", "--out", "key", "--json", cwd=tmp_path)
    assert set(ran.json) == {"fingerprint", "file"}
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    kept = (tmp_path / "key").read_bytes()
    assert_refused(refold("keys", "new", "--out", "key", cwd=tmp_path), "no key is written over")
    assert (tmp_path / "key").read_bytes() == kept


def test_no_command_but_keys_new_makes_a_key_and_without_one_nothing_is_begun(
    tmp_path: Path,
) -> None:
    folder = prepared(tmp_path / "world")
    before = {path.name for path in folder.iterdir()}
    ran = refold(*run_words(), cwd=folder, env=ON)
    assert_refused(ran, "encryption.enabled = true", "no master key was given")
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "words",
    [
        ("show", "orders", "--journal", URL),
        ("tail", "--journal", URL),
        ("explain", "AAA", "--cycle", "2", "--journal", URL),
        ("rebuild", "--journal", URL),
        ("replay", URL),
        ("diff", URL, URL),
        ("export", "--plaintext", "--journal", URL),
        ("keys", "rotate", "--to", "new", "--journal", URL),
        ("halt", "--journal", URL),
        ("accept-rollback", "--journal", URL),
    ],
    ids=lambda words: words[0],
)
def test_every_command_that_reads_events_needs_the_key_and_takes_it_from_a_file(
    encrypted: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    folder = Path(shutil.copytree(encrypted, tmp_path / "copy"))
    key_file(folder, "new", KEY.secret[::-1].hex())
    without = refold(*words, cwd=folder)
    assert without.status == 2, without
    assert "no master key was given" in without.lines[-1]
    wrong = refold(*words, cwd=folder, env={"MASTER_ENCRYPTION_KEY": OTHER.text})
    assert "does not open under the master key" in wrong.lines[-1]

    ran = refold(*words, "--key-file", key_file(tmp_path), cwd=folder)
    assert ran.status == 0, ran
    plain = [f'"{text}"'.encode() for text in (*SYMBOLS, "Flip")]
    files = [path for path in folder.iterdir() if path.name.startswith("j.db")]
    files = [path for path in files if ".venue" not in path.name]
    assert not [path for path in files if any(text in path.read_bytes() for text in plain)]
    assert not (folder / "j.db.projections").exists()


def test_verify_and_a_sealed_export_work_without_the_key_and_a_plain_one_must_be_asked_for(
    encrypted: Path,
) -> None:
    verified = refold("verify", URL, "--json", cwd=encrypted)
    assert verified.json["ok"]
    assert_refused(refold("export", "--journal", URL, cwd=encrypted), "--plaintext", "--sealed")
    sealed = refold("export", "--sealed", "--journal", URL, cwd=encrypted).out.splitlines()
    assert len(sealed) == verified.json["events"]
    assert json.loads(sealed[-1])["chain"] == verified.json["head"]["chain"]
    assert not [line for line in sealed if "AAA" in line.partition('"stored"')[0]]
    plain = refold(
        *("export", "--plaintext", "--journal", URL), cwd=encrypted, env=WITH_KEY
    ).out.splitlines()
    assert len(plain) == len(sealed)
    assert "event" in json.loads(plain[-1])


def test_a_rotated_journal_runs_on_with_the_new_key_and_not_with_the_old(
    encrypted: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(encrypted, tmp_path / "copy"))
    new = key_file(tmp_path, "new", OTHER.text)
    words = ("keys", "rotate", "--to", new, "--journal", URL, "--json")
    assert refold(*words, cwd=folder, env=WITH_KEY).json["rotated"] is True
    assert refold(*words, cwd=folder, env=WITH_KEY).json["rotated"] is False
    again = run_words("--cycles", 3)
    assert_refused(refold(*again, cwd=folder, env=WITH_KEY), "does not open under the master key")
    ran = refold(*again, cwd=folder, env={**ON, "REFOLD_ENCRYPTION__KEY_FILE": str(new)})
    assert (ran.status, ran.json["cycles"]) == (0, 15)
    replayed = refold("replay", URL, "--json", "--key-file", new, cwd=folder)
    assert replayed.json["parity"] is True


def test_an_encrypted_run_killed_and_resumed_has_the_orders_of_a_plain_unkilled_one(
    tmp_path: Path,
) -> None:
    never, killed = prepared(tmp_path / "never"), prepared(tmp_path / "killed")
    assert refold(*run_words(), cwd=never).status == 0
    for commits in (31, 17):
        ran = refold(*run_words("--kill-after-commits", commits), cwd=killed, env=WITH_KEY)
        assert ran.status == -signal.SIGKILL
    assert refold(*run_words(), cwd=killed, env=WITH_KEY).status == 0

    found = facts_of(f"sqlite:///{killed}/j.db", KEY)
    assert differences(facts_of(f"sqlite:///{never}/j.db"), found, kills=2) == []
    assert refold("verify", URL, "--json", cwd=killed).json["ok"]
    assert refold("replay", URL, "--json", cwd=killed, env=WITH_KEY).json["parity"] is True


def test_an_operator_halts_a_running_encrypted_runner(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "world")
    words = run_words("--pace", 0.3)
    with started(*words, cwd=folder, env=WITH_KEY) as process:
        assert process.stderr is not None
        while "ORDER_SUBMITTED" not in process.stderr.readline():
            pass
        halted = refold("halt", "--journal", URL, "--json", cwd=folder, env=WITH_KEY)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert halted.status == 0, halted
    rows = refold("tail", "-n", 99, "--journal", URL, "--json", cwd=folder, env=WITH_KEY).json
    assert "kill-switch-latched.v1" in [event["type"] for event in rows["events"]]


def test_on_a_terminal_no_event_log_is_put_beside_an_encrypted_journal(tmp_path: Path) -> None:
    for name, env in (("plain", {}), ("encrypted", WITH_KEY)):
        folder = prepared(tmp_path / name)
        master, slave = pty.openpty()
        done = subprocess.run(
            words_of(*run_words("--cycles", 2)),
            cwd=folder,
            env=environment(**env),
            stdout=subprocess.DEVNULL,
            stderr=slave,
            timeout=60,
            check=False,
        )
        os.close(slave)
        said = os.read(master, 65536).decode()
        os.close(master)
        assert done.returncode == 0, said
        assert (folder / "j.db.log").exists() is (name == "plain")
        assert ("no event log: the journal is encrypted" in said) is (name == "encrypted")


def test_a_key_that_is_not_used_is_said(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "world")
    ran = refold(*run_words("--cycles", 1), cwd=folder, env={"MASTER_ENCRYPTION_KEY": KEY.text})
    (line,) = ran.complaints
    assert "a master key is set, and the journal of mode sim is not encrypted" in line
    assert KEY.text not in line


def test_plain_journals_live_without_cryptography_and_encrypted_ones_verify_without_it(
    encrypted: Path, tmp_path: Path, broken: dict[str, str]
) -> None:
    folder = prepared(tmp_path / "world")
    for words in (
        run_words("--cycles", 3),
        ["verify", URL, "--json"],
        ["show", "orders", "--journal", URL, "--json"],
        ["replay", URL, "--json"],
        ["keys", "new"],
    ):
        assert refold(*words, cwd=folder, env=broken).status == 0, words
    assert refold("verify", URL, "--json", cwd=encrypted, env=broken).json["ok"]
    sealed = refold("export", "--sealed", "--journal", URL, cwd=encrypted, env=broken)
    assert sealed.status == 0


def test_without_cryptography_nothing_encrypted_is_begun_read_or_gone_on_with(
    encrypted: Path, tmp_path: Path, broken: dict[str, str]
) -> None:
    environ = {**WITH_KEY, **broken}
    said = ("the library cryptography cannot be used", "libssl.so")
    folder = prepared(tmp_path / "world")
    before = {path.name for path in folder.iterdir()}
    assert_refused(refold(*run_words(), cwd=folder, env=environ), *said)
    assert {path.name for path in folder.iterdir()} == before
    head = refold("verify", URL, "--json", cwd=encrypted).json["head"]
    assert_refused(refold(*run_words(), cwd=encrypted, env=environ), *said)
    assert_refused(refold("halt", "--journal", URL, cwd=encrypted, env=environ), *said)
    assert_refused(refold("show", "orders", "--journal", URL, cwd=encrypted, env=environ), *said)
    assert refold("verify", URL, "--json", cwd=encrypted).json["head"] == head


START = """
import sys
from pathlib import Path
from core.contract import Mode
from tests.journal.secret import KEY
from tests.live.encrypted import config_of, session
outside, place, mode, asked = sys.argv[1:]
enabled = {"unset": None, "true": True, "false": False}[asked]
session(config_of(Path(outside), Path(place), Mode(mode), enabled), KEY, 1)
"""


@pytest.mark.parametrize(
    ("mode", "asked", "works"),
    [
        ("live", "unset", False),
        ("live", "true", False),
        ("live", "false", True),
        ("paper", "true", False),
        ("paper", "unset", True),
        ("sim", "true", False),
    ],
)
def test_an_unusable_cryptography_refuses_live_and_whatever_asks_for_encryption(
    tmp_path: Path, broken: dict[str, str], mode: str, asked: str, works: bool
) -> None:
    from tests.live.encrypted import world

    outside, place = world(tmp_path / "outside"), tmp_path / "place"
    place.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", START, str(outside), str(place), mode, asked],
        cwd=ROOT,
        env=environment(**broken),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if works:
        assert done.returncode == 0, done.stderr
    else:
        assert "CipherUnusableError" in done.stderr
        assert list(place.iterdir()) == []


def test_a_library_that_gives_wrong_answers_is_not_used(tmp_path: Path) -> None:
    program = """
from cryptography.hazmat.primitives.ciphers import aead
aead.AESGCM = type("AESGCM", (), {
    "__init__": lambda self, key: None,
    "encrypt": lambda self, nonce, data, bound: data + bytes(16),
    "decrypt": lambda self, nonce, data, bound: data[:-16],
})
from journal.primitives import must_be_usable
must_be_usable()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "its AES-GCM gives a wrong answer" in done.stderr
