"""A person at a terminal sees how far a long read is; a script and a file see nothing of it."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import environment, refold, words_of
from tests.cli.conftest import Session
from tests.cli.world import JOURNAL


def at_a_terminal(*words: object, cwd: Path) -> str:
    """What a command says on standard error when that is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        words_of(*words),
        cwd=cwd,
        env=environment(TERM="xterm", COLUMNS="100"),
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:  # Linux says so when the last writer is gone
        pass
    finally:
        os.close(ours)
    assert process.wait(timeout=60) == 0
    return said.decode()


@pytest.mark.parametrize("words", [["verify", JOURNAL], ["replay", JOURNAL]])
def test_a_terminal_shows_how_far_it_is(session: Session, words: list[object]) -> None:
    head = refold("verify", JOURNAL, "--json", cwd=session.folder).json["events"]

    assert f"{head}/{head}" in at_a_terminal(*words, cwd=session.folder)


def test_verify_says_nothing_of_it_elsewhere(session: Session) -> None:
    assert refold("verify", JOURNAL, cwd=session.folder).lines == []
    assert at_a_terminal("verify", JOURNAL, "--json", cwd=session.folder) == ""
