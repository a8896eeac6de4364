"""The way round where SQLite cannot be reached by ctypes: strace counts the calls, and kills.

shape   `steps_of(trace)` -> the steps of a traced child; `attach(pid, …)` puts strace on a child
kills   at the entry of a call, so before it; after it is before the next one. No halves
speed   some ten times slower than the shim
"""

import re
import shutil
import subprocess
import time
from pathlib import Path

from tests.campaign.shim import Step

CALLS = ("pwrite64", "ftruncate", "unlink", "mkdir", "fsync", "fdatasync")
"""The calls counted; each has a count of its own, as strace has it."""

_LINE = re.compile(rf"^\d* *({'|'.join(CALLS)})\(")


def usable() -> bool:
    """Whether there is a strace to attach with."""
    return shutil.which("strace") is not None


def attach(pid: int, trace: Path, at: tuple[str, int] | None) -> subprocess.Popen[bytes]:
    """The strace of the child `pid`; it kills it at the nth call of a name, `at` = (name, n)."""
    command = ["strace", "-f", "-y", "-o", str(trace), "-e", f"trace={','.join(CALLS)}"]
    if at is not None:
        command += ["-e", f"inject={at[0]}:signal=SIGKILL:when={at[1]}"]
    process = subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.DEVNULL)
    until = time.monotonic() + 10
    while "\nTracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text(encoding="ascii"):
        if process.poll() is not None or time.monotonic() > until:
            message = "strace: expected to attach to a child, found that it may not (ptrace_scope?)"
            raise RuntimeError(message)
        time.sleep(0.002)
    return process


def steps_of(trace: Path) -> list[Step]:
    """The steps a traced child took, in order, by the names of their calls."""
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    found = (_LINE.match(line) for line in lines)
    return [Step(match[1], can_half=False) for match in found if match is not None]


def nth(steps: list[Step], number: int) -> tuple[str, int]:
    """(name, n) of a run's `number`th step: it is the nth call of that name."""
    name = steps[number - 1].label
    return name, sum(step.label == name for step in steps[:number])
