"""The secret scan: detect-secrets over every file git would take, and over all it remembers.

usage   python -m bin._secrets [--files]       --files leaves the history (bin._history) out
rules   detect-secrets' own, and one for Alpaca's keys
reads   .secrets.baseline   which rules are in use, and the findings that were judged harmless
not in  the locks           nothing but hashes; high-entropy hex is no rule either, because ids,
                            chains and heads are sha256 and stand in tests and texts everywhere
status  0 = none, 1 = found: [COMMIT:]FILE:LINE and the rule, never the secret, 2 = cannot scan
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.scan import scan_file
from detect_secrets.plugins.base import RegexBasedDetector

from bin._history import is_shallow, remembered

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ".secrets.baseline"
UNSCANNED = {BASELINE, "requirements.txt", "requirements-dev.txt"}


class AlpacaKeyDetector(RegexBasedDetector):
    """Key ids of paper (PK), live (AK) and broker (CK) accounts, and secrets called by their name.

    AWS's key ids (AKIA…) match too, which does no harm: they are secrets as well.
    """

    secret_type = "Alpaca API key"  # pragma: allowlist secret # noqa: S105
    denylist = (
        re.compile(r"\b(?:PK|AK|CK)[A-Z0-9]{18,30}\b"),
        re.compile(
            r"(?i)(?:(?:apca|alpaca)[\w-]*secret[\w-]*|\bsecret_key)[\"']?\s*[:=,]\s*[\"']?"
            r"([a-z0-9/+]{40,44})(?![a-z0-9/+])"
        ),
    )


def files(root: Path) -> list[str]:
    """The tracked files and the untracked ones that are not ignored, from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    names = sorted({os.fsdecode(name) for name in listed.split(b"\0") if name} - UNSCANNED)
    return [name for name in names if (root / name).is_file()]


def findings(root: Path) -> Iterator[str]:
    """FILE:LINE and the rule of each finding that the baseline does not hold."""
    text = json.loads((root / BASELINE).read_text(encoding="utf-8"))
    known = {found for _, found in baseline.load(text, BASELINE)}  # this also sets the rules
    for name in files(root):
        for found in sorted(scan_file(name), key=lambda found: found.line_number):
            if found not in known:
                yield f"{name}:{found.line_number}: {found.type}"


def findings_of_history(root: Path) -> Iterator[str]:
    """COMMIT:FILE:LINE and the rule of each finding in what was ever committed."""
    text = json.loads((root / BASELINE).read_text(encoding="utf-8"))
    known = {found for _, found in baseline.load(text, BASELINE)}
    with tempfile.TemporaryDirectory(prefix="refold-scan-") as folder:
        for number, pile in enumerate(remembered(root, UNSCANNED, files(root))):
            place = Path(folder, f"{number}{Path(pile.name).suffix}")
            place.write_text("".join(f"{line}\n" for line in pile.lines), encoding="utf-8")
            for found in sorted(scan_file(str(place)), key=lambda found: found.line_number):
                found.filename = pile.name
                if found not in known:
                    yield f"{pile.place(found.line_number)}: {found.type}"


def main(arguments: list[str]) -> int:
    """Print what is found; the exit status."""
    os.chdir(ROOT)  # the baseline names this file, and its findings, from the root
    try:
        found = list(findings(ROOT))
        if arguments != ["--files"]:
            if is_shallow(ROOT):
                print("a shallow clone: only the commits it has are scanned", file=sys.stderr)
            found += [line for line in findings_of_history(ROOT) if line not in found]
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as error:
        print(f"refold: {ROOT} cannot be scanned for secrets: {error}", file=sys.stderr)
        return 2
    for line in found:
        print(line)
    if found:
        print(
            f"{len(found)} found; draw each key anew first, then clean up (SECURITY.md); one "
            "that was made up for a test is marked on its line with: pragma: allowlist secret"
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
