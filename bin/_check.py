"""Every check that bin/check and bin/test run, one after the other, all of them even if one fails.

usage   bin/check [--fix]             --fix lets ruff mend what it can first
        bin/test [pytest arguments]   the same checks, then the tests; paths are from the root
status  0 = all good, 1 = at least one failed; which ones is the last line on standard error
"""

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


def main(arguments: list[str]) -> int:
    """Run the checks, and the tests if asked; the exit status."""
    if arguments == ["--fix"]:
        for command in FIXES:
            subprocess.run(command, cwd=ROOT, check=False)
    elif arguments and arguments[0] != "--tests":
        print(f"refold: bin/check does not know {arguments}; it takes --fix", file=sys.stderr)
        return 2
    failed = [name for name, command in CHECKS.items() if not check(name, command)]
    if arguments[:1] == ["--tests"]:
        chosen = any(word.startswith(("-n", "--numprocesses")) for word in arguments)
        workers = [] if chosen else ["-n", str(min(4, os.cpu_count() or 1))]
        tests = [PYTHON, "-m", "pytest", *workers, *arguments[1:]]
        if subprocess.run(tests, cwd=ROOT, check=False).returncode:
            failed.append("tests")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
