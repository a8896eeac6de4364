"""The whole benchmark at a tiny size: that it measures every row, never how fast anything is."""

import json
import math
import subprocess
import sys
from functools import reduce
from pathlib import Path

import pytest

from core.events import CycleOpened, IntentCreated
from core.events.base import DecisionEvent
from core.evolve import evolve
from core.state import INITIAL
from journal import open_journal
from journal.verify import verify
from tests.bench.__main__ import BENCHES, main, table
from tests.bench.corpus import QUICK, Corpus
from tests.bench.measure import Row, in_turn, rates, times
from tests.bench.process import remembering

ROOT = Path(__file__).resolve().parent.parent


def test_a_quick_run_prints_every_row_and_the_machine() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document.keys() == {"rows", "machine"}
    assert document["machine"].keys() == {"python", "sqlite", "cores"}
    skipped = {name for name in BENCHES if f"bench {name}: SKIPPED, no PostgreSQL" in done.stderr}
    assert all(name.startswith("pg.") for name in skipped)
    assert [row["name"] for row in document["rows"]] == [n for n in BENCHES if n not in skipped]
    for row in document["rows"]:
        assert row.keys() == {"name", "ours", "other", "ratio", "unit"}
        assert row["ours"] > 0
        assert row["other"] > 0
        assert math.isclose(row["ratio"], row["ours"] / row["other"], rel_tol=0.01), row


def test_only_takes_a_row_and_all_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--only", "encode", "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["name"] for row in rows] == [name for name in BENCHES if name.startswith("encode.")]


def test_a_row_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--only", "appendix"])

    assert stop.value.code == 2
    assert "found 'appendix'" in capsys.readouterr().err


def test_both_sides_are_measured_in_turn_and_the_warm_up_does_not_count() -> None:
    done: list[str] = []
    ticks = iter([0, 900, 1_000, 1_800, 2_000, 2_010, 3_000, 3_030, 4_000, 4_020, 5_000, 5_050])

    taken = in_turn(
        lambda: done.append("ours"),
        lambda: done.append("other"),
        rounds=2,
        warm_up=1,
        clock=lambda: next(ticks),
    )

    assert done == ["ours", "other"] * 3
    assert taken == (15, 40)


def test_a_ratio_is_ours_over_the_other_for_times_and_for_rates() -> None:
    taken = (2_000_000, 1_000_000)

    assert times("a", taken, each=1, unit="ms") == Row(
        name="a", ours=2, other=1, ratio=2, unit="ms"
    )
    assert rates("b", taken, each=10, unit="a second") == Row(
        name="b", ours=5_000, other=10_000, ratio=0.5, unit="a second"
    )


def test_the_table_names_what_each_row_is_measured_against() -> None:
    lines = table([Row(name="verify", ours=1.5, other=3, ratio=0.5, unit="events a CPU-second")])

    assert lines[1].startswith("verify")
    assert lines[1].endswith(BENCHES["verify"].against)


def test_the_measured_session_is_the_same_every_time(tmp_path: Path) -> None:
    corpus = Corpus(QUICK, tmp_path)

    on_disk = corpus.run_session(f"sqlite:///{corpus.new_path()}")
    in_memory = corpus.run_session("memory://")

    assert on_disk == in_memory
    assert corpus.order_events


def test_a_long_journal_is_sound_and_each_of_its_days_is_the_session_again(tmp_path: Path) -> None:
    corpus = Corpus(QUICK, tmp_path)

    report = verify(corpus.many)
    with open_journal(corpus.many, read_only=True) as journal:
        records = list(journal.read())
    state = reduce(evolve, (record.event for record in records), INITIAL)

    assert (report.ok, report.events) == (True, len(records))
    assert QUICK.many <= len(records) < 2 * QUICK.many
    orders = [r.event.client_order_id for r in records if isinstance(r.event, IntentCreated)]
    cycles = [r.event.number for r in records if isinstance(r.event, CycleOpened)]
    causes = {r.event.cause for r in records if isinstance(r.event, DecisionEvent)}
    ordinals = [r.event.ordinal for r in records if isinstance(r.event, DecisionEvent)]
    assert len(set(orders)) == len(orders) > 50
    assert cycles == list(range(1, len(cycles) + 1))
    assert ordinals == list(range(state.decisions))
    assert causes <= {record.event_id for record in records}


def test_the_peak_of_memory_is_the_measured_processs_own(tmp_path: Path) -> None:
    larger = bytearray(b"x") * 200_000_000

    measured = remembering(Corpus(QUICK, tmp_path), "memory")

    assert measured.ours < 150 < len(larger) / 1e6
