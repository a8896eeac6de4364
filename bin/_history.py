"""The secret scan of what git remembers: every blob and message that a branch or tag still reaches.

why     a key that was committed and removed again is in every clone; the files of today are clean
shape   `remembered(root, skip)` -> `Pile`s of lines, each line once a kind of file; `Pile.place(n)`
        says in which commit, file and line the pile's line n first stood
cost    with what was ever written, not with commits times files: a line is scanned once
limits  a shallow clone knows its last commits only, and `is_shallow` says so; what no branch or tag
        reaches any more (a reflog, a hosting service's pull requests) is not looked at
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

NEXT_LINE = "allowlist nextline"
MESSAGE = "message"


class Pile:
    """The lines that were ever in the files of one name, and where each stood first."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self.lines: list[str] = []
        self.places: list[tuple[str, int]] = []

    def take(self, thing: str, text: str, known: set[str]) -> None:
        """The lines of object `thing` that are not known yet."""
        before = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if line not in known:
                known.add(line)
                if NEXT_LINE in before:
                    self._add(thing, number - 1, before)
                self._add(thing, number, line)
            before = line

    def _add(self, thing: str, number: int, line: str) -> None:
        self.lines.append(line)
        self.places.append((thing, number))

    def place(self, number: int) -> str:
        """COMMIT:FILE:LINE of the pile's line `number`, counted from 1."""
        thing, line = self.places[number - 1]
        commit = thing
        if self.name != MESSAGE:
            finds = ["log", *starts(self.root), "--format=%H", f"--find-object={thing}"]
            commit = (git(self.root, *finds).decode().split() or [thing])[-1]
        return f"{commit[:12]}:{self.name}:{line}"


def remembered(root: Path, skip: set[str], today: list[str]) -> Iterator[Pile]:
    """Every line of the history, by file; `skip` are names from the root that are not scanned.

    What stands in the files of `today` is not told again: they are scanned as they are.
    """
    if not starts(root):
        return
    listed = git(root, "rev-list", "--objects", *starts(root))
    names: dict[str, str] = {}
    for row in listed.splitlines():
        thing, _, name = os.fsdecode(row).partition(" ")
        names.setdefault(thing, name)
    piles: dict[str, Pile] = {}
    known: dict[str, set[str]] = {}
    for name in today:
        lines = (root / name).read_text(encoding="utf-8", errors="replace").splitlines()
        known.setdefault(Path(name).suffix, set()).update(lines)
    for thing, kind, data in objects(root, list(names)):
        name = MESSAGE if kind in {"commit", "tag"} else names[thing]
        if kind == "tree" or name in skip:
            continue
        pile = piles.setdefault(name, Pile(root, name))
        seen = known.setdefault(Path(name).suffix, set())
        pile.take(thing, data.decode("utf-8", errors="replace"), seen)
    yield from (pile for pile in piles.values() if pile.lines)


def objects(root: Path, things: list[str]) -> Iterator[tuple[str, str, bytes]]:
    """(id, kind, content) of each object."""
    command = ["git", "cat-file", "--batch", "--buffer"]
    told = "".join(f"{thing}\n" for thing in things).encode()
    done = subprocess.run(command, cwd=root, input=told, stdout=subprocess.PIPE, check=True).stdout
    at = 0
    while at < len(done):
        end = done.index(b"\n", at)
        thing, kind, size = done[at:end].decode().split()
        at = end + 1 + int(size)
        yield thing, kind, done[end + 1 : at]
        at += 1  # the newline behind the content


def starts(root: Path) -> list[str]:
    """Where the history begins to be read: every branch and tag, and a detached HEAD."""
    command = ["git", "rev-parse", "--quiet", "--verify", "HEAD"]
    has_head = subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0
    return ["HEAD", "--all"] if has_head else []


def is_shallow(root: Path) -> bool:
    """Whether the clone was cut off, so that older commits cannot be scanned here."""
    return git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def git(root: Path, *words: str) -> bytes:
    """What git says."""
    return subprocess.run(["git", *words], cwd=root, capture_output=True, check=True).stdout
