"""What a drill did, on disk before it acts on it: which card which order got, where it died.

shape   one JSON line each: {"dealt": id, "number": n, "cycle": n}, {"killed": step, "order": id,
        "at": s}, {"begun": s}, {"settled": cycle, "at": s}; `at` is the machine's monotonic time
dies    a line is one write of an appending file: the next start reads it or there was none
"""

import json
import os
import time
from pathlib import Path
from typing import Any


class Diary:
    """The file of one campaign's seed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **line: Any) -> None:
        """One line more."""
        data = json.dumps({**line, "at": time.monotonic()}).encode() + b"\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)

    def lines(self) -> list[dict[str, Any]]:
        """Every line so far."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
