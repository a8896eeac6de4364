"""Keys that every session is given are found nowhere afterwards: a canary in every place they go.

shape   real commands with canaries as keys, by variables and by files; then every byte that they
        printed, wrote, or showed in the process list is searched, in every form a library may use
"""

import subprocess
import threading
from pathlib import Path

import pytest

from live.redaction import forms_of
from tests.cli.command import environment, words_of
from tests.cli.world import FLIP, JOURNAL, run_words, strategy

KEY_ID = "canary-of-a-key-id-0123456789"
SECRET = "canary/of+a=secret-9876543210"  # pragma: allowlist secret
KEYS = {"APCA_API_KEY_ID": KEY_ID, "APCA_API_SECRET_KEY": SECRET}
FORMS = tuple(form.encode() for text in (KEY_ID, SECRET) for form in forms_of(text))

SHOWS = {
    "that prints its environment": "import os, sys; print(sorted(os.environ.items()))",
    "that raises with it": "raise ValueError(SECRET)",
    "that prints the secret": "print(SECRET); import sys; sys.stderr.write(KEY_ID + '\\n')",
    "that warns with it": "import warnings; warnings.warn(SECRET)",
    "that logs it": "import logging; logging.getLogger('x').error('header %s', SECRET)",
    "that prints from a thread": "import threading; t = threading.Thread(target=fail); "
    "t.start(); t.join()",
    "that prints from a child": "import subprocess; subprocess.run(['env'])",
}


def leaks(data: bytes) -> list[bytes]:
    """The forms of the canaries in `data`."""
    return [form for form in FORMS if form in data]


class Watch:
    """The words of every process below this one, gathered while a command runs."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self.over.wait(0.02):
            listed = subprocess.run(
                ["ps", "-ww", "-eo", "args"], capture_output=True, check=False
            ).stdout
            self.seen |= {line for line in listed.splitlines() if b"bin.cli" in line}

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def told(*words: object, cwd: Path, **more: str) -> tuple[int, bytes]:
    """The status of a command that was given the keys, and every byte it printed."""
    done = subprocess.run(
        words_of(*words),
        cwd=cwd,
        env=environment(**KEYS, **more),
        capture_output=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def assert_nowhere(folder: Path, *outputs: bytes) -> None:
    """No file below `folder`, whoever wrote it, and no output holds a canary."""
    for output in outputs:
        assert not leaks(output), output
    for path in folder.rglob("*"):
        if path.is_file():
            assert not leaks(path.read_bytes()), path


@pytest.fixture
def secret_files(tmp_path: Path) -> dict[str, str]:
    """The keys in files of their own, for their owner only."""
    found = {}
    for name, text in KEYS.items():
        path = tmp_path / "keys" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n")
        path.chmod(0o600)
        found[f"{name}_FILE"] = str(path)
    return found


def test_no_command_of_a_session_shows_a_key_or_leaves_one_behind(world: Path) -> None:
    commands: list[list[object]] = [
        run_words("--cycles", 5),
        run_words("--cycles", 3),
        run_words("--dry-run"),
        ["doctor", "--journal", JOURNAL],
        ["doctor", "--journal", JOURNAL, "--json"],
        ["status", "--journal", JOURNAL],
        ["halt", "--why", "a drill", "--journal", JOURNAL],
        ["pause", "--why", "a drill", "--journal", JOURNAL],
        ["resume", "--journal", JOURNAL],
        ["cancel-all", "--journal", JOURNAL, "--json"],
        ["verify", JOURNAL],
        ["replay", JOURNAL],
        ["show", "orders", "--journal", JOURNAL],
        ["explain", "AAA", "--cycle", 2, "--journal", JOURNAL],
        ["tail", "--journal", JOURNAL],
        ["export", "--journal", JOURNAL],
        ["rebuild", "--journal", JOURNAL],
        ["config", "check"],
        ["config", "show"],
        ["config", "show", "--json"],
    ]
    outputs = []
    with Watch() as watch:
        for words in commands:
            status, output = told(*words, cwd=world)
            assert status == 0, (words, output)
            outputs.append(output)

    assert b"APCA_API_SECRET_KEY" in outputs[-2]
    assert any(b"run" in words for words in watch.seen)
    assert_nowhere(world, *outputs, *watch.seen)


def test_the_demonstration_and_its_children_show_none(tmp_path: Path) -> None:
    with Watch() as watch:
        status, output = told("run", cwd=tmp_path)

    assert status == 0, output
    assert any(b"second_look" in words for words in watch.seen)
    assert_nowhere(tmp_path, output, *watch.seen)


@pytest.mark.parametrize(
    "words",
    [
        run_words("--seed", SECRET),
        run_words("--symbols", f"AAA,{SECRET}"),
        run_words("--market", f"csv:{SECRET}.csv"),
        run_words("--unknown", SECRET),
        run_words("--api-key", "anything"),
        run_words("--secret=anything"),
        run_words(journal=f"postgresql://me:{SECRET}@127.0.0.1:1/x"),
        ["halt", "--why", f"the key is {SECRET}", "--journal", JOURNAL],
        ["explain", KEY_ID, "--journal", JOURNAL],
        ["verify", f"sqlite:///{SECRET}.db"],
        [SECRET],
    ],
)
def test_a_word_of_a_command_that_is_a_secret_is_refused_unseen(
    world: Path, words: list[object]
) -> None:
    status, output = told(*words, cwd=world)

    assert status == 2
    assert output.count(b"\n") == 1
    assert b"expected no secret" in output
    assert_nowhere(world, output)


@pytest.mark.parametrize(
    "word",
    [
        "PK" + "7QX2M4ZB9TLW3KDA8V",
        "key=" + "hT3vQ9zLk2" * 4,
        "--apca-secret-key",
        "--key-file=" + "hT3+Q9/Lk2" * 4 + "abc=",
    ],
)
def test_a_word_that_looks_like_a_key_is_refused_though_nobody_holds_it(
    world: Path, word: str
) -> None:
    done = subprocess.run(
        words_of("config", "show", word),
        cwd=world,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "word 3 of the command: expected no secret" in done.stderr
    assert word.removeprefix("--") not in done.stderr


@pytest.mark.parametrize(
    "more",
    [
        {"REFOLD_SEED": SECRET},
        {"REFOLD_NAME": KEY_ID},
        {"REFOLD_STRATEGY__PARAMETERS__TARGET": SECRET},
        {"REFOLD_JOURNAL": f"postgresql://me:{SECRET}@127.0.0.1:1/x?connect_timeout=1"},
        {"REFOLD_BROKER__SCRIPT": SECRET},
        {"ALPACA_SECRET_KEY": f"other-{SECRET}"},
        {f"REFOLD_{KEY_ID}": "x"},
        {"PYTHONDEVMODE": "1", "REFOLD_BROKER__VENUE": f"{SECRET}/nowhere/x"},
    ],
)
def test_a_run_that_cannot_start_shows_none(world: Path, more: dict[str, str]) -> None:
    words = ["run", "--market", "csv:quotes.csv", "--strategy", "strategy.py:Flip"]

    status, output = told(*words, "--cycles", 1, cwd=world, **more)

    assert status == 2, output
    assert b"refold: " in output
    assert_nowhere(world, output)


@pytest.mark.parametrize("way", SHOWS)
def test_a_strategy_shows_none_though_it_reads_the_file(
    world: Path, secret_files: dict[str, str], way: str
) -> None:
    """Its decisions may tell what it likes; what tells a key stops the run before the commit."""
    place = secret_files["APCA_API_SECRET_KEY_FILE"]
    places = f"{place!r}, {secret_files['APCA_API_KEY_ID_FILE']!r}"
    reads = f"SECRET, KEY_ID = (open(p).read().strip() for p in ({places}))\n\n\n"
    fails = "def fail():\n    raise ValueError(SECRET)\n\n\n"
    head, body = FLIP.split('"""\n\nfrom', 1)
    text = f'{head}"""\n\n{reads}{fails}from{body}'.replace(
        "        open_symbols =", f"        {SHOWS[way]}\n        open_symbols ="
    )
    strategy(world, text)

    status, output = told(*run_words("--cycles", 2), cwd=world)

    assert status == 0, output
    assert_nowhere(world, output)


def test_a_decision_that_tells_a_key_is_not_committed(
    world: Path, secret_files: dict[str, str]
) -> None:
    place = secret_files["APCA_API_SECRET_KEY_FILE"]
    strategy(world, FLIP.replace('reason="in"', f"reason=open({place!r}).read().strip()"))

    status, output = told(*run_words("--cycles", 2), cwd=world)

    assert_nowhere(world, output)
    assert status == 2
    assert b"expected no secret in a decision" in output


def test_a_strategy_with_the_key_in_its_source_is_refused(world: Path) -> None:
    done = subprocess.run(
        words_of(*run_words("--cycles", 1)),
        cwd=prepared_with_source(world),
        env=environment(**KEYS),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 2
    assert b"strategy-loaded.v1: expected no secret in it" in done.stderr
    (world / "strategy.py").unlink()
    assert_nowhere(world, done.stdout + done.stderr)


def prepared_with_source(world: Path) -> Path:
    """The world, with a key written into its strategy."""
    strategy(world, f"{FLIP}\n\nKEY = {SECRET!r}\n")
    return world


def test_keys_from_files_are_taken_and_shown_nowhere(
    world: Path, secret_files: dict[str, str]
) -> None:
    done = subprocess.run(
        words_of("config", "show"),
        cwd=world,
        env=environment(**secret_files),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done
    assert b"APCA_API_SECRET_KEY" in done.stdout
    assert_nowhere(world, done.stdout + done.stderr)


def test_systemds_credentials_are_taken(world: Path, secret_files: dict[str, str]) -> None:
    folder = str(Path(secret_files["APCA_API_KEY_ID_FILE"]).parent)
    done = subprocess.run(
        words_of("config", "show"),
        cwd=world,
        env=environment(CREDENTIALS_DIRECTORY=folder),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done
    assert b"APCA_API_KEY_ID" in done.stdout
    assert_nowhere(world, done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("open to all", "for its owner only"),
        ("in a checkout", "outside of any git checkout"),
        ("not there", "no such file"),
        ("empty", "one line"),
        ("two lines", "one line"),
        ("both ways", "or a file, found both"),
    ],
)
def test_a_file_of_a_key_that_cannot_be_trusted_is_refused(
    world: Path, secret_files: dict[str, str], harm: str, says: str
) -> None:
    name = "APCA_API_SECRET_KEY_FILE"
    path = Path(secret_files[name])
    more = {}
    if harm == "open to all":
        path.chmod(0o644)
    elif harm == "in a checkout":
        (path.parent / ".git").mkdir()
    elif harm == "not there":
        path.unlink()
    elif harm == "both ways":
        more = {"APCA_API_SECRET_KEY": SECRET}
    else:
        path.write_text("" if harm == "empty" else f"{SECRET}\n{SECRET}\n")
    done = subprocess.run(
        words_of("config", "check"),
        cwd=world,
        env=environment(**{name: str(path)}, **more),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert says in done.stderr
    assert_nowhere(world, done.stdout.encode() + done.stderr.encode())


def test_the_canaries_would_be_found(tmp_path: Path) -> None:
    """The search itself can fail: a file with one is told."""
    (tmp_path / "log").write_bytes(b"x" * 100 + FORMS[-1])

    with pytest.raises(AssertionError):
        assert_nowhere(tmp_path)
