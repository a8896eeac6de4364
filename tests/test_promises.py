"""The README's table of promises: every test it names is there, and is one that pytest runs."""

import re
import subprocess
import sys
from pathlib import Path

from tests.campaign import chaos, damage, errors, kill, operator_kill, pause, power, soak

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[(test_\w+)\]\((tests/[\w/]+\.py)\)")
CAMPAIGN = re.compile(r"`(\w+) --all`")
MODULES = (chaos, damage, errors, kill, operator_kill, pause, power, soak)
CAMPAIGNS = {module.__name__.rpartition(".")[2] for module in MODULES}


def rows() -> list[list[str]]:
    """The cells of the table, row by row: promise, test, campaign."""
    table = README.partition("| promise ")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def collected(files: set[str]) -> set[tuple[str, str]]:
    """(file, name) of every test that pytest finds in `files`."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *sorted(files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = re.findall(r"^(tests/\S+\.py)::(?:\w+::)*(test_\w+)", done.stdout, re.MULTILINE)
    return set(found)


def test_every_promise_names_one_test_that_would_fail_if_it_were_false() -> None:
    assert len(rows()) >= 30
    for promise, test, _ in rows():
        assert promise
        assert LINK.fullmatch(test), f"{promise}: expected [test_…](tests/….py), found {test}"


def test_every_test_it_names_is_collected() -> None:
    named = {(file, name) for name, file in LINK.findall(README)}

    missing = named - collected({file for file, _ in named})

    assert missing == set()


def test_every_campaign_it_names_has_a_full_run_and_none_is_left_out() -> None:
    named = {name for *_, cell in rows() for name in CAMPAIGN.findall(cell)}

    assert named == CAMPAIGNS
    for name in named:
        assert '"--all"' in (ROOT / "tests" / "campaign" / f"{name}.py").read_text(encoding="utf-8")
