"""The store: one transaction, one head; old or new and never half; the journal decides."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import Event
from projections import source, store
from projections.alerts import ALERTS
from projections.open_intents import OPEN_INTENTS
from projections.orders import ORDERS
from projections.projection import Projection, digest, fold_all
from projections.registry import PROJECTIONS
from projections.source import Head, Progress, Source, StoreError
from projections.store import ProjectionStore, default_path
from projections.view import View
from tests.build import (
    alert,
    alert_cleared,
    attempted,
    closed,
    fill,
    intent,
    numbered,
    runner_started,
    submitted,
)
from tests.projections.histories import HISTORIES

ROOT = Path(__file__).resolve().parent.parent.parent


def journal(events: Sequence[Event], fork: str = "") -> Source:
    """The journal of these events; another `fork` has other chain hashes."""
    length = len(events)
    return Source(
        head=Head(length, f"{fork}chain-{length}"),
        read=lambda after: numbered(events)[after:],
        chain_at=lambda sequence: f"{fork}chain-{sequence}" if sequence <= length else None,
    )


def alerts(count: int) -> list[Event]:
    return [alert(str(number)) for number in range(count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return default_path(tmp_path / "journal.sqlite")


@pytest.fixture
def kept(path: Path) -> Iterator[ProjectionStore]:
    with ProjectionStore(path) as made:
        yield made


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three events a batch, and nothing stays in memory."""
    monkeypatch.setattr(source, "BATCH", 3)
    monkeypatch.setattr(store, "HELD_MAX", 0)


def test_a_store_stands_beside_its_journal() -> None:
    assert default_path(Path("x/day.sqlite")) == Path("x/day.sqlite.projections")


def test_a_rebuilt_projection_serves_its_rows_and_the_head_they_were_folded_to(
    kept: ProjectionStore,
) -> None:
    kept.rebuild(ALERTS, journal(alerts(3)))
    served, rows = kept.rows("alerts")

    assert served.head == Head(3, "chain-3")
    assert [row["key"] for row in rows] == ["0", "1", "2"]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda one: one.name)
@given(events=HISTORIES, parts=st.sets(st.integers(1, 45)))
def test_a_projection_kept_live_and_one_rebuilt_have_the_same_digest(
    projection: Projection, events: list[Event], parts: set[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BATCH", 7)
        patch.setattr(store, "HELD_MAX", 3)
        with ProjectionStore(":memory:") as live, ProjectionStore(":memory:") as rebuilt:
            live.rebuild(projection, journal([]))
            ends = sorted({*(part for part in parts if part < len(events)), len(events)})
            for start, end in zip([0, *ends], ends, strict=False):
                part = numbered(events)[start:end]
                live.append([projection], part, Head(end, f"chain-{end}"))
            rebuilt.rebuild(projection, journal(events))

            served, found = live.digest(projection.name)
            assert (served.head, found) == (
                Head(len(events), f"chain-{len(events)}"),
                rebuilt.digest(projection.name)[1],
            )
    in_memory = fold_all(projection, numbered(events))
    assert found == digest(projection.rows(in_memory))


def test_a_closed_intent_leaves_the_kept_rows_too(kept: ProjectionStore) -> None:
    events: list[Event] = [intent(), attempted(), submitted(), fill(), closed()]
    kept.rebuild(OPEN_INTENTS, journal(events[:4]))
    assert len(kept.rows("open_intents")[1]) == 1

    kept.catch_up(OPEN_INTENTS, journal(events))

    assert kept.rows("open_intents")[1] == []


def test_open_intents_grow_older_with_every_commit(kept: ProjectionStore) -> None:
    events: list[Event] = [intent(), runner_started(seconds=90)]
    kept.rebuild(OPEN_INTENTS, journal(events[:1]))

    kept.append([OPEN_INTENTS], [(2, events[1])], Head(2, "chain-2"))

    assert kept.rows("open_intents")[1][0]["age_s"] == 90


def test_catching_up_folds_the_tail_alone(kept: ProjectionStore, path: Path) -> None:
    kept.rebuild(ALERTS, journal(alerts(3)))
    asked: list[int] = []
    whole = journal([*alerts(3), alert_cleared("1")])
    read = whole.read

    def read_and_note(after: int) -> object:
        asked.append(after)
        return read(after)

    with ProjectionStore(path) as another:
        another.catch_up(ALERTS, replace(whole, read=read_and_note))  # type: ignore[arg-type]

    assert asked == [3]
    assert kept.rows("alerts")[1][1]["cleared_at"] is not None


def rolled_back() -> Source:
    return journal(alerts(2))


def forked() -> Source:
    return journal(alerts(4), fork="another ")


@pytest.mark.parametrize("other", [rolled_back, forked])
def test_what_was_folded_from_another_journal_is_rebuilt(
    other: Callable[[], Source], kept: ProjectionStore
) -> None:
    kept.rebuild(ALERTS, journal([alert("of a past that is gone"), *alerts(2)]))

    kept.catch_up(ALERTS, other())

    served, rows = kept.rows("alerts")
    assert served.head == other().head
    assert [row["key"] for row in rows] == [str(n) for n in range(served.head.sequence)]


def test_a_new_version_is_rebuilt_and_the_old_one_serves_until_then(
    kept: ProjectionStore, path: Path, small_batches: None
) -> None:
    kept.rebuild(ALERTS, journal(alerts(8)))
    newer = replace(ALERTS, version=2, row=lambda _, key: {"n": int(key)})
    seen: list[tuple[int, int]] = []

    def look(_: Progress) -> None:
        with ProjectionStore(path) as reader:
            served, rows = reader.rows("alerts")
            seen.append((served.version, len(rows)))

    served = kept.catch_up(newer, journal(alerts(8)), look)

    assert seen == [(1, 8)] * 3
    assert (served.version, kept.rows("alerts")[1][0]) == (2, {"n": 1})


def test_a_reader_keeps_its_moment_while_the_store_moves_on(
    kept: ProjectionStore, path: Path
) -> None:
    kept.rebuild(ALERTS, journal(alerts(3)))
    with ProjectionStore(path) as reader, reader.lines("alerts") as (served, lines):
        first = next(lines)
        kept.rebuild(ALERTS, journal(alerts(5)))
        rest = list(lines)

    assert served.head.sequence == len([first, *rest]) == 3


def test_a_store_that_is_ahead_of_an_older_head_stays_there(kept: ProjectionStore) -> None:
    """A live runner went on after `bin/rebuild` had read the journal's head."""
    kept.rebuild(ALERTS, journal(alerts(5)))

    kept.catch_up(ALERTS, replace(journal(alerts(5)), head=Head(3, "chain-3")))

    assert kept.rows("alerts")[0].head.sequence == 5


def test_a_fold_over_a_long_journal_holds_few_records_at_a_time(
    kept: ProjectionStore, small_batches: None
) -> None:
    held: list[int] = []

    def evolve(view: View, sequence: int, event: Event) -> View:
        held.append(view.held())
        return ALERTS.evolve(view, sequence, event)

    kept.rebuild(replace(ALERTS, evolve=evolve), journal(alerts(60)))

    assert max(held) <= 2 * 3


def test_progress_is_told_up_to_the_head(kept: ProjectionStore, small_batches: None) -> None:
    told: list[Progress] = []
    kept.rebuild(ALERTS, journal(alerts(7)), told.append)

    assert told == [Progress("alerts", 3, 7), Progress("alerts", 6, 7), Progress("alerts", 7, 7)]


def test_nothing_of_an_older_generation_stays_in_the_file(kept: ProjectionStore) -> None:
    for _ in range(3):
        kept.rebuild(ALERTS, journal(alerts(3)))

    for table in ("record", "line"):
        query = f"select count(distinct generation) from {table}"
        assert kept._database.execute(query).fetchone() == (1,)


def test_appending_what_was_folded_before_changes_nothing(kept: ProjectionStore) -> None:
    kept.rebuild(ALERTS, journal(alerts(3)))
    before = kept.digest("alerts")

    kept.append([ALERTS], numbered(alerts(3))[1:], Head(3, "chain-3"))

    assert kept.digest("alerts") == before


def test_events_are_never_skipped(kept: ProjectionStore) -> None:
    kept.rebuild(ALERTS, journal(alerts(1)))
    with pytest.raises(StoreError, match=r"expected the events 2 to 3, found \[3\]"):
        kept.append([ALERTS], numbered(alerts(3))[2:], Head(3, "chain-3"))
    with pytest.raises(StoreError, match="nothing of version 2 is kept"):
        kept.append([ORDERS], numbered(alerts(2))[1:], Head(2, "chain-2"))
    holed = replace(journal(alerts(3)), read=lambda _: [(1, alert()), (3, alert())])
    with pytest.raises(StoreError, match="expected sequence 2, found 3"):
        kept.rebuild(ALERTS, holed)
    short = replace(journal(alerts(3)), read=lambda _: numbered(alerts(2)))
    with pytest.raises(StoreError, match="expected events up to 3, found 2"):
        kept.rebuild(ALERTS, short)

    assert kept.rows("alerts")[0].head == Head(1, "chain-1")


def test_a_commit_that_fails_for_one_projection_is_undone_for_all(kept: ProjectionStore) -> None:
    kept.rebuild(ALERTS, journal(alerts(1)))
    with pytest.raises(StoreError, match="orders"):
        kept.append([ALERTS, ORDERS], numbered(alerts(2))[1:], Head(2, "chain-2"))
    assert kept.rows("alerts")[0].head.sequence == 1

    kept.append([ALERTS], numbered(alerts(2))[1:], Head(2, "chain-2"))

    assert len(kept.rows("alerts")[1]) == 2


def test_of_two_rebuilds_at_once_the_earlier_gives_way(kept: ProjectionStore, path: Path) -> None:
    def overtake(_: Progress) -> None:
        with ProjectionStore(path) as other:
            other.rebuild(ALERTS, journal(alerts(3)))

    with pytest.raises(StoreError, match="another rebuild began"):
        kept.rebuild(ALERTS, journal(alerts(3)), overtake)

    assert len(kept.rows("alerts")[1]) == 3


def test_a_runner_that_was_overtaken_folds_on_from_what_is_served(
    kept: ProjectionStore, path: Path
) -> None:
    """`bin/rebuild` made a new generation under a live runner, whose view is of the old one."""
    kept.rebuild(ALERTS, journal(alerts(2)))
    with ProjectionStore(path) as other:
        other.rebuild(ALERTS, journal(alerts(3)))

    kept.append([ALERTS], numbered(alerts(4))[3:], Head(4, "chain-4"))

    assert [row["key"] for row in kept.rows("alerts")[1]] == ["0", "1", "2", "3"]


def test_a_projection_that_is_not_kept_says_how_to_make_it(kept: ProjectionStore) -> None:
    with pytest.raises(StoreError, match=r"nothing is kept in .*; run bin/rebuild"):
        kept.digest("alerts")


def test_a_file_that_is_another_database_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "journal.sqlite"
    with contextlib.closing(sqlite3.connect(other)) as database:
        database.execute("create table stored_events (x)")
    before = other.read_bytes()

    with pytest.raises(StoreError, match="another database"):
        ProjectionStore(other)

    assert other.read_bytes() == before


def test_a_file_that_is_no_database_is_named_with_the_mend(tmp_path: Path) -> None:
    other = tmp_path / "notes.projections"
    other.write_text("not a database " * 100)

    with pytest.raises(StoreError, match=r"notes\.projections: .*remove it"):
        ProjectionStore(other)


def test_a_store_of_another_format_is_emptied_and_made_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProjectionStore(path) as old:
        old.rebuild(ALERTS, journal(alerts(2)))
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)

    with ProjectionStore(path) as new:
        assert new.kept("alerts") is None
        new.catch_up(ALERTS, journal(alerts(2)))
        assert len(new.rows("alerts")[1]) == 2


@pytest.mark.parametrize(
    ("step", "heads"), [("rebuild", {(3, 3), (7, 7)}), ("catch-up", {(3, 3), (5, 5)})]
)
def test_a_death_between_any_two_steps_leaves_the_old_or_the_new(
    step: str, heads: set[tuple[int, int]], tmp_path: Path
) -> None:
    """Three events are served; four more follow, in batches of two, and SIGKILL ends it."""
    command = [sys.executable, "-m", "tests.projections.die_at_every_step", step, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)

    after_death, mended = seen[:-2:2], seen[1::2]
    assert len(after_death) > 10
    assert {tuple(served) for served in after_death} == heads
    assert {tuple(served) for served in mended} == {("mended", 7, 7)}
