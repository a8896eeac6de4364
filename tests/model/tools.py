"""The model checker spin for the tests: the machine's own, or Debian's package, installed once.

needs   spin, and gcc for what it writes; with apt-get where the tests run as root. Otherwise
        `NoSpinError`, which the tests tell loudly
"""

import fcntl
import os
import shutil
import subprocess
import sys

from tests.postgres_binaries import APT, INSTALL_LOCK, INSTALL_S, finished

PROGRAMS = ("spin", "gcc")


class NoSpinError(Exception):
    """There is no spin to be had here; the message says why."""


def lacking() -> list[str]:
    """The programs that are not on this machine."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def install() -> None:
    """See that they are there."""
    if not lacking():
        return
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        message = f"no {' and no '.join(lacking())} on this machine: install Debian's package spin"
        raise NoSpinError(message)
    with INSTALL_LOCK.open("a+") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        missing = lacking()
        if not missing:
            return
        print("tests: installing spin from the distribution's packages", file=sys.stderr)
        said = _installed(apt, [*missing, *(["libc6-dev"] if "gcc" in missing else [])])
        if lacking():
            message = f"no {' and no '.join(lacking())} here, and apt-get could not help: {said}"
            raise NoSpinError(message)


def _installed(apt: str, packages: list[str]) -> str:
    """The end of what apt-get said."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    said = ""
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        try:
            _, said = finished([apt, "-qq", *APT, *words], INSTALL_S, env=environment)
        except subprocess.TimeoutExpired:
            return f"apt-get {words[0]} took more than {INSTALL_S:g} s"
    return " ".join(said.split())[-200:]
