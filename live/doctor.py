"""What a check-up finds on this machine: disk, a real fsync, journal, anchor, who may read what.

shape   `Row(check, result, found, expected, mend)`; `result` is ok, warn, fail or skipped
rules   Reads only; for the fsync a file of 4096 bytes is made beside the journal, and is gone
        again before the check ends. No row has a secret in it, not even half of one
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from core.contract import Config, Mode
from journal import JournalUrl, open_journal, parse_url, verify
from journal.anchor import anchor_path, beside
from journal.errors import JournalError, JournalMissingError, KeyMissingError
from live.secrets import NAMES, Secrets

OK, WARN, FAIL, SKIPPED = "ok", "warn", "fail", "skipped"
ROOM_LEAST, ROOM_LOW = 64 << 20, 1 << 30
SYNCS = 5
SYNC_SLOW_MS, SYNC_LIE_MS = 50.0, 0.02
IN_MEMORY = ("tmpfs", "ramfs", "devtmpfs")
_MOUNTS = Path("/proc/mounts")
_PREFIXES = {Mode.PAPER: "PK", Mode.LIVE: "AK"}


class Row(NamedTuple):
    """One thing looked at; `mend` is "" where it is good."""

    check: str
    result: str
    found: str
    expected: str
    mend: str = ""


def machine_rows(
    config: Config, secrets: Secrets, progress: Callable[[int, int], None]
) -> Iterator[Row]:
    """Every row that needs no broker; `progress(sequence, last)` counts what is verified."""
    url = parse_url(config.journal)
    place = url.local
    folder = None if place is None else _existing(place)
    if folder is None:
        for name in ("disk", "fsync"):
            yield Row(name, SKIPPED, "a journal in memory", "a journal in a file")
    else:
        yield _disk(folder)
        yield _fsync(folder)
    yield from _journal(url, config, progress)
    yield from _modes(url, config)
    yield _keys(config, secrets)


def _existing(place: Path) -> Path:
    """The nearest folder that is there."""
    return next(folder for folder in place.absolute().parents if folder.exists())


def _disk(folder: Path) -> Row:
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    total = max(found.f_blocks * found.f_frsize, 1)
    text = f"{free >> 20} MiB free of {total >> 20} at {folder}"
    result = FAIL if free < ROOM_LEAST else WARN if free < ROOM_LOW else OK
    mend = "" if result is OK else "make room: a full disk stops the runner"
    return Row("disk", result, text, f"at least {ROOM_LOW >> 20} MiB free", mend)


def _fsync(folder: Path) -> Row:
    """Five real ones, the median; a file system that keeps nothing is named."""
    kind = _file_system(folder)
    expected = f"a disk that keeps what was synced, within {SYNC_SLOW_MS:g} ms"
    path = folder / f".refold-doctor-{os.getpid()}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return Row(
            "fsync", FAIL, f"{folder}: {error.strerror}", expected, "let its owner write there"
        )
    try:
        path.unlink()
        took = []
        for _ in range(SYNCS):
            os.pwrite(descriptor, os.urandom(4096), 0)
            began = time.perf_counter()
            os.fsync(descriptor)
            took.append((time.perf_counter() - began) * 1000)
    except OSError as error:
        return Row("fsync", FAIL, f"{folder}: {error.strerror}", expected, "see to the disk")
    finally:
        os.close(descriptor)
    ms = median(took)
    text = f"{ms:.3f} ms, the median of {SYNCS}, on {kind or 'a file system nobody names'}"
    if kind in IN_MEMORY:
        return Row("fsync", WARN, text, expected, "put the journal on a disk: this is memory")
    if ms < SYNC_LIE_MS:
        return Row("fsync", WARN, text, expected, "no disk is so fast: see its write cache")
    if ms > SYNC_SLOW_MS:
        return Row("fsync", WARN, text, expected, "each order waits for one: take a faster disk")
    return Row("fsync", OK, text, expected)


def _file_system(folder: Path) -> str:
    """The kind of the mount a folder is on, by the longest mount point; "" where nobody says."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    real, found = str(folder.resolve()), ("", "")
    for line in lines:
        _, point, kind, *_ = [*line.split(), "", "", ""]
        point = point.replace("\\040", " ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(found[0]):
            found = (point, kind)
    return found[1]


def _journal(
    url: JournalUrl,
    config: Config,
    progress: Callable[[int, int], None],
) -> Iterator[Row]:
    """The journal's bytes and chain, and the head kept outside it."""
    whole, beside_it = "every event as it was written", "an anchor on the journal's chain"
    try:
        with open_journal(
            config.journal, read_only=True, accept_anchor_missing=True, sealed=True
        ) as journal:
            anchor = journal.anchor_error
        report = verify(config.journal, progress)
    except JournalMissingError:
        yield Row("journal", SKIPPED, f"none yet at {url.where}", whole)
        yield Row("anchor", SKIPPED, "no journal yet", beside_it)
        return
    except KeyMissingError as error:
        yield Row("journal", FAIL, str(error), whole, "give the master key")
        return
    except JournalError as error:
        yield Row("journal", FAIL, str(error), whole, "run verify")
        return
    head = f"{report.events} events, head {report.head.sequence} {report.head.chain[:12]}"
    if report.ok:
        yield Row("journal", OK, head, whole)
    else:
        first = report.problems[0]
        where = "" if first.sequence is None else f"sequence {first.sequence}: "
        mend = "run verify; nothing is appended to a journal that failed"
        yield Row("journal", FAIL, f"{where}{first.problem}", whole, mend)
    if anchor is None:
        yield Row("anchor", OK, f"agrees up to {report.head.sequence}", beside_it)
    else:
        yield Row("anchor", FAIL, str(anchor), beside_it, "run verify, and see what it says")


def _modes(url: JournalUrl, config: Config) -> Iterator[Row]:
    """Who may read a key, and who may write what the journal's truth hangs on."""
    expected = "writable by its owner alone"
    if url.path is not None and url.path.exists():
        loose = [
            f"{place.name} {stat.S_IMODE(place.stat().st_mode):03o}"
            for place in (url.path, anchor_path(url.path), beside(url.path, ".lock"))
            if place.exists() and place.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        ]
        found = ", ".join(loose) or f"{url.path.name} and what lies beside it: nobody else"
        yield Row("journal files", WARN if loose else OK, found, expected, _go_w(loose))
    key_file = config.encryption.key_file
    if key_file and Path(key_file).exists():
        mode = stat.S_IMODE(Path(key_file).stat().st_mode)
        loose = [key_file] if mode & 0o077 else []
        mend = f"chmod 600 {key_file}" if loose else ""
        found = f"mode {mode:03o}"
        yield Row("master key", FAIL if loose else OK, found, "readable by its owner alone", mend)


def _go_w(loose: list[str]) -> str:
    return "chmod go-w them" if loose else ""


def _keys(config: Config, secrets: Secrets) -> Row:
    """Whether there are keys, and of the account that is meant: a paper key is not a live one."""
    expected = f"both keys, of a {config.mode} account, from a file or the environment"
    if config.mode is Mode.SIM:
        return Row("keys", SKIPPED, "mode sim needs none", "none")
    if not secrets.key_id or not secrets.secret_key:
        missing = [
            name
            for (name, _), secret in zip(NAMES, (secrets.key_id, secrets.secret_key), strict=True)
            if not secret
        ]
        return Row("keys", FAIL, f"no {' and no '.join(missing)}", expected, "set what is missing")
    kind = next(
        (mode for mode, prefix in _PREFIXES.items() if secrets.key_id.reveal().startswith(prefix)),
        None,
    )
    if kind is not None and kind is not config.mode:
        mend = f"give the {config.mode} account's keys, or set mode"
        return Row("keys", FAIL, f"a key of a {kind} account", expected, mend)
    return Row("keys", OK, f"both, from {', '.join(secrets.names)} (not shown)", expected)
