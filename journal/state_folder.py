"""Where a user's programs keep what is neither settings nor cache."""

import os
from pathlib import Path


def state_folder() -> Path | None:
    """`$XDG_STATE_HOME/refold`, else `~/.local/state/refold`; none where there is no home.

    source  XDG Base Directory Specification: a path that is not absolute does not count
    """
    named = os.environ.get("XDG_STATE_HOME", "")
    if named and Path(named).is_absolute():
        return Path(named) / "refold"
    try:
        return Path.home() / ".local" / "state" / "refold"
    except RuntimeError:
        return None
