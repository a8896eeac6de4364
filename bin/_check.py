"""Every check that bin/check and bin/test run, one after the other, all of them even if one fails.

usage   bin/check [--fix]             --fix lets ruff mend what it can first
        bin/test [pytest arguments]   the same checks, then the tests; paths are from the root
status  0 = all good, 1 = at least one failed; which ones is the last line on standard error
again   where CI=true, up to three failed tests are run once more, alone: what fails twice fails,
        what passes then is named UNSTABLE, a fault of the test or of what it tests all the same
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
CHECKS = {
    "ruff check": [PYTHON, "-m", "ruff", "check", "--quiet", "."],
    "ruff format": [PYTHON, "-m", "ruff", "format", "--check", "--quiet", "."],
    "mypy": [PYTHON, "-m", "mypy", "--no-error-summary"],
    "layers": [str(Path(PYTHON).with_name("lint-imports")), "--no-cache", "--no-logo"],
    "secrets": [PYTHON, "-m", "bin._secrets"],
}
AGAIN_MAX = 3
FIXES = (
    [PYTHON, "-m", "ruff", "check", "--quiet", "--fix-only", "."],
    [PYTHON, "-m", "ruff", "format", "--quiet", "."],
)


def check(name: str, command: list[str]) -> bool:
    """Whether one check is content: a line if it is, all it said if it is not."""
    began = time.monotonic()
    result = subprocess.run(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    good = result.returncode == 0
    print(f"{'ok' if good else 'FAILED':7}{name:12}{time.monotonic() - began:6.1f} s", flush=True)
    if not good:
        print(result.stdout.rstrip(), flush=True)
    return good


def test(arguments: list[str]) -> bool:
    """Whether the tests passed."""
    chosen = any(word.startswith(("-n", "--numprocesses")) for word in arguments)
    processes = min(4, (os.cpu_count() or 1) + 1)  # one more: many wait for a disk or a process
    workers = [] if chosen else ["-n", str(processes)]
    command = [PYTHON, "-m", "pytest", *arguments]
    fresh = ["--cache-clear", "--durations=15"] if os.environ.get("CI") == "true" else []
    status = subprocess.run([*command, *workers, *fresh], cwd=ROOT, check=False).returncode
    failed = last_failed() if fresh and status == 1 else []
    if not 0 < len(failed) <= AGAIN_MAX:
        return status == 0
    alone = [*command, "-n", "0", *failed]
    for name in failed:
        print(f"once more, alone: {name}", flush=True)
    if subprocess.run(alone, cwd=ROOT, check=False).returncode:
        return False
    for name in failed:
        print(f"refold: bin/test: UNSTABLE: {name} failed, and passed alone", file=sys.stderr)
    return True


def last_failed() -> list[str]:
    """The tests that pytest wrote down as failed."""
    path = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return sorted(json.loads(path.read_text())) if path.is_file() else []


def main(arguments: list[str]) -> int:
    """Run the checks, and the tests if asked; the exit status."""
    if arguments == ["--fix"]:
        for command in FIXES:
            subprocess.run(command, cwd=ROOT, check=False)
    elif arguments and arguments[0] != "--tests":
        print(f"refold: bin/check does not know {arguments}; it takes --fix", file=sys.stderr)
        return 2
    failed = [name for name, command in CHECKS.items() if not check(name, command)]
    if arguments[:1] == ["--tests"] and not test(arguments[1:]):
        failed.append("tests")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
