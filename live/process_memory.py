"""What the kernel would show or keep of this process's memory: core files, its first environment.

harden  RLIMIT_CORE 0, and on Linux PR_SET_DUMPABLE 0: the limit alone does not bind a core_pattern
        that is a pipe (core(5)); undumpable, there is no core, no ptrace by the same user, and
        /proc/PID/environ, mem and maps are root's. Children inherit the limit, not the other
wipe    /proc/PID/environ shows the memory the environment was passed in, which unsetenv leaves as
        it is; the values are overwritten there. Of a process that was given them before (the shell,
        a supervisor) nothing can be wiped from here: use a file
errors  none: both are best effort, and a system without them runs on
"""

import contextlib
import ctypes
import resource
import sys
from pathlib import Path

PR_SET_DUMPABLE = 4
_ENV_START, _ENV_END = 47, 48
"""Fields 50 and 51 of /proc/PID/stat, counted behind the name in parentheses, from 0."""


def harden() -> None:
    """No core file of this process from here on; on Linux nobody but root reads its memory."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def wipe_environment(names: tuple[str, ...]) -> None:
    """Overwrite the values of `names` in the memory this process got its environment in.

    To be called after they were taken out of `os.environ`: nothing points at them any more.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
        numbers = fields.rpartition(")")[2].split()
        start, end = int(numbers[_ENV_START]), int(numbers[_ENV_END])
        if not 0 < start < end:
            return
        at = start
        for entry in Path("/proc/self/environ").read_bytes().split(b"\0"):
            name, equals, value = entry.partition(b"=")
            if equals and name.decode("ascii", "replace") in names and at + len(entry) < end:
                ctypes.memset(at + len(name) + 1, ord("x"), len(value))
            at += len(entry) + 1
