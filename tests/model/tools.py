"""The model checker spin for the tests: the machine's own, or Debian's package, installed once.

needs   spin, and gcc for what it writes (apt.py); otherwise `LackingError`
"""

import shutil
from collections.abc import Sequence

from tests import apt

PROGRAMS = {"spin": ("spin",), "gcc": ("gcc", "libc6-dev")}


def install() -> None:
    """See that they are there."""
    if _lacking():
        apt.install("spin and gcc", _lacking, "install Debian's packages spin and gcc")


def _lacking() -> Sequence[str]:
    """The packages of the programs that are not on this machine."""
    return [name for program in PROGRAMS if not shutil.which(program) for name in PROGRAMS[program]]
