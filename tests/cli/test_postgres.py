"""The whole command line on a journal in a PostgreSQL server; its side files on this machine."""

import time
from pathlib import Path

from bin.cli.exits import Exit
from tests.cli.command import ended, refold, started
from tests.cli.conftest import Session
from tests.cli.world import JOURNAL, prepared, run_words


def test_a_session_in_a_server_is_the_one_in_a_file_and_every_command_works(
    short: Session, postgres: str, tmp_path: Path
) -> None:
    folder = prepared(tmp_path / "world")
    before = sorted(path.name for path in folder.iterdir())
    ran = refold(*run_words("--cycles", 5, journal=postgres), cwd=folder)
    assert ran.status == Exit.GOOD, ran.lines
    assert ran.json["head"] == short.ran.json["head"]

    verified = refold("verify", postgres, "--json", cwd=folder)
    assert (verified.status, verified.json["head"]) == (Exit.GOOD, ran.json["head"])
    shown = refold("show", "orders", "--journal", postgres, "--json", cwd=folder)
    assert shown.status == Exit.GOOD
    replayed = refold("replay", postgres, "--json", cwd=folder)
    assert (replayed.status, replayed.json["head"]) == (Exit.GOOD, ran.json["head"])
    rebuilt = refold("rebuild", "--journal", postgres, "--json", cwd=folder)
    assert rebuilt.status == Exit.GOOD, rebuilt.lines
    exported = refold("export", "--journal", postgres, cwd=folder)
    assert len(exported.out.splitlines()) == ran.json["head"]["sequence"]
    assert refold("halt", "--journal", postgres, "--why", "a drill", cwd=folder).status == Exit.GOOD
    standing = refold("status", "--journal", postgres, "--json", cwd=folder)
    assert standing.status == Exit.HALTED, standing.lines
    assert standing.json["runner"]["alive"] is False
    halted = refold(*run_words("--cycles", 1, journal=postgres), cwd=folder)
    assert halted.status == Exit.GOOD, halted.lines
    assert halted.json["cycles"] == 6

    side = Path(postgres.partition("&local=")[2])
    assert {"journal.anchor", "journal.venue", "journal.projections"} <= {
        path.name for path in side.iterdir()
    }
    assert sorted(path.name for path in folder.iterdir()) == before, "nothing beside the market"


def test_a_runner_that_is_taken_over_in_a_server_is_fenced(postgres: str, tmp_path: Path) -> None:
    folder = prepared(tmp_path / "world")
    with started(*run_words("--pace", "0.5", journal=postgres), cwd=folder) as first:
        until = time.monotonic() + 30
        while refold("verify", postgres, "--json", cwd=folder).json is None:
            assert time.monotonic() < until
        seen = refold("status", "--journal", postgres, "--json", cwd=folder)
        assert (seen.json["runner"]["alive"], seen.json["runner"]["pid"]) == (True, first.pid)
        locked = refold(*run_words("--cycles", 2, journal=postgres), cwd=folder)
        second = refold(*run_words("--cycles", 2, "--take-over", journal=postgres), cwd=folder)
        fenced = ended(first)
    assert locked.status == Exit.LOCKED, locked.lines
    assert second.status == Exit.GOOD, second.lines
    assert fenced.status == Exit.FENCED, fenced.lines
    assert refold("verify", postgres, cwd=folder).status == Exit.GOOD


def test_a_refused_start_in_a_server_leaves_nothing_behind(postgres: str, tmp_path: Path) -> None:
    folder = prepared(tmp_path / "world")
    refused = refold(
        *run_words(journal=postgres), env={"REFOLD_BROKER__SCRIPT": "nonsense"}, cwd=folder
    )
    assert refused.status == Exit.CANNOT_RUN
    assert not Path(postgres.partition("&local=")[2]).exists()
    assert refold("verify", postgres, cwd=folder).status == Exit.CANNOT_RUN


def test_a_password_in_the_url_is_printed_nowhere(postgres: str, tmp_path: Path) -> None:
    folder = prepared(tmp_path / "world")
    secret = "canary" + "-0002"  # pragma: allowlist secret
    url = postgres.replace("refold@", f"refold:{secret}@")
    run = [word for word in run_words("--cycles", 1) if word not in {"--journal", JOURNAL}]
    for place, command, status in (
        (url, run, Exit.GOOD),
        (url, [*run, "--dry-run"], Exit.GOOD),
        (url.replace("?schema=", "?schema=-"), run, Exit.CANNOT_RUN),
        (url, ["verify"], Exit.GOOD),
        (url, ["replay", "--json"], Exit.GOOD),
        (url, ["show", "orders"], Exit.GOOD),
        (url, ["halt", "--why", "a drill"], Exit.GOOD),
        (url.replace("/refold?", "/nothing?"), ["verify"], Exit.CANNOT_RUN),
    ):
        ran = refold(*command, cwd=folder, env={"REFOLD_JOURNAL": place})
        assert ran.status == status, ran
        assert secret not in ran.out + "".join(ran.lines), command


def test_a_password_on_the_command_line_is_refused_unseen(postgres: str, tmp_path: Path) -> None:
    secret = "canary" + "-0003"  # pragma: allowlist secret
    url = postgres.replace("refold@", f"refold:{secret}@")

    for command in (["verify", url], ["show", "orders", "--journal", url]):
        ran = refold(*command, cwd=tmp_path)
        assert ran.status == Exit.CANNOT_RUN
        assert "give the URL as REFOLD_JOURNAL" in ran.lines[0]
        assert secret not in ran.out + "".join(ran.lines)
