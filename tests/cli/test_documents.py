"""Every command's --json document: one, on standard output, with the keys scripts rely on."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Ran, events, refold
from tests.cli.conftest import LOSSY, Session
from tests.cli.world import JOURNAL, prepared, run_words

VIEWS = ("open-intents", "orders", "cycles", "skips", "positions", "tca", "cost-model", "alerts")
NEEDED = {
    "orders": "client_order_id intent symbol side quantity filled_quantity average_price status "
    "cycle",
    "open-intents": "intent client_order_id symbol side quantity leaves_quantity status age_s "
    "source_id",
    "cycles": "cycle time intents submitted skipped failed fills lockout lockout_reason "
    "lockout_until rate_budget",
}


def asked(session: Session, *words: object) -> Any:
    """The document of a read command on the session's journal; logs of nothing on stderr."""
    ran = refold(*words, "--journal", JOURNAL, "--json", cwd=session.folder)
    assert (ran.status, ran.lines) == (0, []), ran
    return ran.json


def shown(folder: Path, view: str, *more: object) -> Any:
    ran = refold("show", view, "--journal", JOURNAL, "--json", *more, cwd=folder)
    assert ran.status == 0, ran
    return ran.json


def assert_keys(document: dict[str, Any], **kinds: type | tuple[type, ...]) -> None:
    """Each key is there and its value is of that type; true is no integer."""
    for key, kind in kinds.items():
        assert key in document, (key, sorted(document))
        assert isinstance(document[key], kind), (key, document[key])
        assert kind is not int or not isinstance(document[key], bool), key


def test_run_sums_the_whole_journal_up(session: Session) -> None:
    ran = session.ran
    numbers = ("seed", "cycles", "universe", "intents", "submitted", "failed", "unknown", "fills")
    assert ran.status == 0
    assert_keys(ran.json, journal=str, head=dict, config_hash=str, skipped=dict, open=int)
    assert_keys(ran.json, **dict.fromkeys(numbers, int))
    assert_keys(ran.json["head"], sequence=int, chain=str)
    assert (ran.json["cycles"], ran.json["universe"]) == (60, 120)


def test_every_symbol_of_every_cycle_is_an_intent_or_a_skip(session: Session) -> None:
    said = session.ran.json
    assert said["intents"] + sum(said["skipped"].values()) == said["universe"]
    assert said["submitted"] + said["failed"] + said["unknown"] + said["dropped"] == said["intents"]
    assert min(said["submitted"], said["failed"], said["fills"]) > 0


def test_standard_error_of_a_run_holds_its_log_and_nothing_else(session: Session) -> None:
    assert session.ran.complaints == []
    assert session.ran.out.count("\n{") == 0


def test_verify_says_what_it_checked(session: Session) -> None:
    ran = refold("verify", JOURNAL, "--json", cwd=session.folder)
    assert (ran.status, ran.lines) == (0, [])
    assert_keys(ran.json, ok=bool, events=int, head=dict, problems=list)
    assert ran.json["head"] == session.ran.json["head"]
    assert ran.json["events"] == session.ran.json["head"]["sequence"]


def test_replay_says_that_every_decision_came_out_again(session: Session) -> None:
    ran = refold("replay", JOURNAL, "--json", cwd=session.folder)
    assert (ran.status, ran.lines) == (0, [])
    numbers = dict.fromkeys(("events", "observations", "decisions", "not_rederived"), int)
    assert_keys(ran.json, parity=bool, head=dict, **numbers)
    assert (ran.json["parity"], ran.json["divergence"], ran.json["not_rederived"]) == (
        True,
        None,
        0,
    )
    assert ran.json["observations"] + ran.json["decisions"] == ran.json["events"]


@pytest.mark.parametrize("view", VIEWS)
def test_show_gives_rows_their_sequence_and_their_digest(session: Session, view: str) -> None:
    document = asked(session, "show", view)
    assert_keys(document, rows=list, sequence=int, digest=str)
    assert document["sequence"] == session.ran.json["head"]["sequence"]
    for row in document["rows"]:
        assert not set(NEEDED.get(view, "").split()) - set(row)


def test_a_rebuilt_projection_has_the_digest_that_show_gives(
    session: Session, tmp_path: Path
) -> None:
    folder = session.copied_to(tmp_path / "copy")
    assert {view: shown(folder, view)["digest"] for view in VIEWS} == digests(folder)


def test_a_rebuild_that_was_killed_is_made_whole_by_the_next_one(
    session: Session, tmp_path: Path
) -> None:
    folder = session.copied_to(tmp_path / "copy")
    whole = refold("rebuild", "--journal", JOURNAL, "--json", cwd=folder)
    store = next(folder.glob("*.projections"))
    size = store.stat().st_size
    with store.open("r+b") as file:
        file.truncate(size // 2)
    torn = refold("rebuild", "--journal", JOURNAL, "--json", cwd=folder)
    if torn.status != 0:
        assert torn.status == 2
        assert len(torn.lines) == 1
        for left in folder.glob("*.projections*"):
            left.unlink()
        torn = refold("rebuild", "--journal", JOURNAL, "--json", cwd=folder)
    assert torn.json["projections"] == whole.json["projections"]


def test_show_at_a_sequence_is_what_show_said_when_the_journal_ended_there(
    tmp_path: Path,
) -> None:
    folder = prepared(tmp_path / "parts")
    first = refold(*run_words("--cycles", 12), cwd=folder, env=LOSSY)
    rows_then = shown(folder, "orders")["rows"]
    then = digests(folder)
    refold(*run_words("--cycles", 6), cwd=folder, env=LOSSY)
    sequence = first.json["head"]["sequence"]
    at = {view: shown(folder, view, "--at", sequence) for view in VIEWS}
    assert {view: document["digest"] for view, document in at.items()} == then
    assert at["orders"]["rows"] == rows_then
    assert digests(folder)["cycles"] != then["cycles"]


def digests(folder: Path) -> dict[str, str]:
    """The digest of each view, by `rebuild`."""
    rebuilt = refold("rebuild", "--journal", JOURNAL, "--json", cwd=folder)
    assert (rebuilt.status, rebuilt.lines) == (0, []), rebuilt
    for one in rebuilt.json["projections"]:
        assert_keys(one, name=str, version=int, events=int, digest=str)
    names = {one["name"]: one["digest"] for one in rebuilt.json["projections"]}
    return {
        name.replace("_", "-").replace("cycle-summary", "cycles"): digest
        for name, digest in names.items()
    }


def test_show_beyond_the_end_is_refused(session: Session) -> None:
    words = ("show", "orders", "--journal", JOURNAL, "--at", 10**6)
    ran = refold(*words, cwd=session.folder)
    assert (ran.status, len(ran.lines), ran.out) == (2, 1, "")


def story(session: Session, *words: object) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = asked(session, "explain", *words)["story"]
    for step in steps:
        assert_keys(step, sequence=(int, type(None)), what=str, says=str, event=dict)
    return steps


def filled_order(session: Session) -> dict[str, Any]:
    rows = asked(session, "show", "orders")["rows"]
    return next(row for row in rows if row["status"] == "FILLED")


def test_explain_tells_the_same_story_by_every_name_of_an_order(session: Session) -> None:
    order = filled_order(session)
    told = story(session, order["client_order_id"])
    what = [step["what"] for step in told]
    for tag in ("config-snapshot", "quotes-observed", "intent-created", "order-submit-attempted"):
        assert f"{tag}.v1" in what
    assert "fill-reported.v1" in what
    assert what[-1] == "tca"
    for name in (
        order["intent"],
        order["client_order_id"][:30],
        order["intent"][:12],
        order["venue_order_id"],
    ):
        assert story(session, name) == told, name
    assert story(session, order["symbol"], "--cycle", order["cycle"]) == told


def test_explain_refuses_the_start_of_a_name_that_many_orders_share(session: Session) -> None:
    start = filled_order(session)["client_order_id"][:11]
    ran = refold("explain", start, "--journal", JOURNAL, cwd=session.folder)
    assert (ran.status, len(ran.lines), ran.out) == (2, 1, "")


def test_explain_says_why_nothing_was_sent(session: Session) -> None:
    skip = asked(session, "show", "skips")["rows"][0]
    told = story(session, skip["symbol"], "--cycle", skip["cycle"])
    assert told[-1]["what"] == "order-submit-skipped.v1"
    assert told[-1]["event"]["reason"]["code"] in told[-1]["says"]


def test_explain_of_a_stranger_is_refused(session: Session) -> None:
    for words in (("nobody",), ("AAA", "--cycle", 10**6), ("ZZZZ", "--cycle", 1)):
        ran = refold("explain", *words, "--journal", JOURNAL, cwd=session.folder)
        assert (ran.status, len(ran.lines), ran.out) == (2, 1, "")


def test_diff_finds_two_runs_equal_and_two_seeds_different(
    session: Session, short: Session
) -> None:
    here, there = JOURNAL, f"sqlite:///{short.folder}/j.db"
    same = refold("diff", here, here, "--json", cwd=session.folder)
    other = refold("diff", here, there, "--json", cwd=session.folder)
    assert (same.status, same.json) == (0, {"equal": True, "first": None})
    assert (other.status, other.json["equal"]) == (1, False)
    assert_keys(other.json["first"], sequence=int)


def test_tail_gives_the_last_events_in_order(session: Session) -> None:
    document = asked(session, "tail", "-n", 7)
    head = session.ran.json["head"]["sequence"]
    assert [event["sequence"] for event in document["events"]] == list(range(head - 6, head + 1))
    assert document["events"][-1]["type"] == "runner-stopped.v1"


def test_export_gives_every_event_with_its_envelope(session: Session) -> None:
    exported = events(session.folder, JOURNAL)
    head = session.ran.json["head"]
    assert [event["sequence"] for event in exported] == list(range(1, head["sequence"] + 1))
    assert exported[-1]["chain"] == head["chain"]
    rest = refold(
        "export", "--journal", JOURNAL, "--after", head["sequence"] - 2, cwd=session.folder
    )
    assert [json.loads(line) for line in rest.out.splitlines()] == exported[-2:]


def test_operator_commands_say_what_they_changed(short: Session, tmp_path: Path) -> None:
    folder = short.copied_to(tmp_path / "copy")
    said = {}
    for word in ("halt", "resume", "cancel-all"):
        ran = refold(word, "--journal", JOURNAL, "--json", "--why", "a drill", cwd=folder)
        assert (ran.status, ran.lines) == (0, [])
        assert_keys(ran.json, command=str, decisions=list, head=dict)
        said[word] = [decision["type"] for decision in ran.json["decisions"]]
    assert said["halt"] == ["kill-switch-latched.v1"]
    assert said["resume"] == ["kill-switch-released.v1"]


def test_a_reader_that_leaves_early_sees_no_traceback(session: Session) -> None:
    for words in (("export",), ("tail", "-n", "1000"), ("show", "skips")):
        command = " ".join(["$PYTHON -m bin.cli", *words, "--journal", JOURNAL, "| head -c 1"])
        ran = piped(command, session.folder)
        assert ran.lines == [], ran


def test_a_log_that_nobody_reads_stops_no_run(world: Path) -> None:
    words = " ".join(map(str, run_words()))
    ran = piped(f"$PYTHON -m bin.cli {words} 2>&1 >out.json | head -n 1", world)
    assert ran.status == 0
    assert json.loads((world / "out.json").read_text())["cycles"] == 30


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", ">/dev/full"])
def test_streams_that_are_closed_or_full_harm_nothing(world: Path, closed: str) -> None:
    words = " ".join(map(str, run_words("--cycles", 2)))
    ran = piped(f"$PYTHON -m bin.cli {words} {closed}", world)
    assert ran.status == (2 if "full" in closed else 0)
    assert len(shown(world, "cycles")["rows"]) == 2
    assert refold("verify", JOURNAL, cwd=world).status == 0


def test_diff_names_the_first_setting_that_two_configs_make_different(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("seed = 1\n")
    (tmp_path / "b.toml").write_text("seed = 2\n[risk]\nallow_short = false\n")
    same = refold("diff", "a.toml", "a.toml", "--json", cwd=tmp_path)
    other = refold("diff", "a.toml", "b.toml", "--json", cwd=tmp_path)
    assert (same.status, same.json["equal"]) == (0, True)
    assert (other.status, other.json["first"]) == (
        1,
        {"key": "risk.allow_short", "left": True, "right": False},
    )


def test_words_that_are_no_text_are_refused(short: Session) -> None:
    ran = piped(
        f"$PYTHON -m bin.cli halt --journal {JOURNAL} --why $(printf '\\377')", short.folder
    )
    assert (ran.status, len(ran.lines)) == (2, 1)


def piped(command: str, folder: Path) -> Ran:
    """A shell's pipe, run to its end."""
    import sys

    from tests.cli.command import environment

    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment(PYTHON=sys.executable),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Ran(done.returncode, None, done.stderr.splitlines(), done.stdout)
