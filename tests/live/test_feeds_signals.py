"""The signals feed: handed out once each, up to a slot; read as strictly as quotes."""

import hashlib
from pathlib import Path

import pytest

from core.values import TimeText
from live.feeds.errors import BadInputError
from live.feeds.signals import HEADER, SignalFeed

GOOD = (
    "2026-01-05T14:30:00Z,AAPL,0.50,ridge,2026-01",
    "2026-01-05T14:30:00Z,AAPL,-1,tree,7",
    "2026-01-05T14:30:00Z,MSFT,0,ridge,2026-01",
    "2026-01-05T14:31:30Z,AAPL,0.6,ridge,2026-01",
)


def lines(*rows: str, header: str = HEADER) -> str:
    """A file's text."""
    return "\n".join([header, *rows]) + "\n"


def at(clock: str) -> TimeText:
    """A time of the day."""
    return TimeText(f"2026-01-05T{clock}.000000Z")


@pytest.fixture
def feed(tmp_path: Path) -> SignalFeed:
    """The good rows in two files."""
    (tmp_path / "0.csv").write_text(lines(*GOOD[:3]))
    (tmp_path / "1.csv").write_text(lines(GOOD[3]))
    return SignalFeed(str(tmp_path / "*.csv"))


def test_signals_come_once_each_and_none_before_its_time(feed: SignalFeed) -> None:
    cursor = feed.cursor(None)

    assert cursor.until(at("14:29:00")) == []
    assert [(s.symbol, s.value) for s in cursor.until(at("14:30:00"))] == [
        ("AAPL", "0.5"),
        ("AAPL", "-1"),
        ("MSFT", "0"),
    ]
    assert cursor.until(at("14:31:00")) == []
    assert [s.value for s in cursor.until(at("14:32:00"))] == ["0.6"]
    assert cursor.until(at("23:00:00")) == []


def test_signals_that_came_before_are_not_handed_out_again(feed: SignalFeed) -> None:
    assert [s.value for s in feed.cursor(at("14:30:00")).until(at("23:00:00"))] == ["0.6"]


def test_a_signal_carries_its_model_and_the_hash_of_its_own_file(feed: SignalFeed) -> None:
    signal = feed.cursor(at("14:30:00")).until(at("23:00:00"))[0]
    observed = signal.observed(at("14:32:00"))

    assert (observed.model, observed.model_version) == ("ridge", "2026-01")
    assert observed.model_hash == hashlib.sha256(lines(GOOD[3]).encode()).hexdigest()
    assert (observed.observed_at, observed.source_time) == (at("14:32:00"), at("14:31:30"))


def test_the_data_hash_is_of_all_files(feed: SignalFeed) -> None:
    content = lines(*GOOD[:3]) + lines(GOOD[3])

    assert feed.data_hash == hashlib.sha256(content.encode()).hexdigest()
    assert feed.symbols == ("AAPL", "MSFT")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("2026-01-05T14:32:00Z,AAPL,nan,ridge,1", "value"),
        ("2026-01-05T14:32:00Z,AAPL,,ridge,1", "value"),
        ("2026-01-05T14:32:00Z,AAPL,1e5,ridge,1", "value"),
        ("2026-01-05T14:32:00Z,AAPL,1,,1", "model"),
        ("2026-01-05T14:32:00Z,AAPL,1,ridge,", "model_version"),
        ("2026-01-05T14:32:00Z,AAPL,1,ri\tdge,1", "model"),
        ("2026-01-05T14:32:00Z,AAPL,1,ridge", "5 columns"),
        ("2026-01-05T14:32:00Z,aapl,1,ridge,1", "symbol"),
        ("2026-01-05T14:29:00Z,AAPL,1,ridge,1", "time"),
        ("2026-01-05T14:31:30Z,AAPL,2,ridge,2", "one row a time, symbol and model"),
        ("2026-01-05T14:32:00,AAPL,1,ridge,1", "time"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_file_and_line(
    tmp_path: Path, row: str, what: str
) -> None:
    (tmp_path / "s.csv").write_text(lines(*GOOD, row))

    with pytest.raises(BadInputError) as refused:
        SignalFeed(str(tmp_path / "s.csv"))

    assert str(refused.value).startswith(f"{tmp_path / 's.csv'}:6: ")
    assert what in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_second_file_must_be_later_than_the_first(tmp_path: Path) -> None:
    (tmp_path / "0.csv").write_text(lines(GOOD[3]))
    (tmp_path / "1.csv").write_text(lines(GOOD[0]))

    with pytest.raises(BadInputError, match=r"1\.csv:2: time: expected later than"):
        SignalFeed(str(tmp_path / "*.csv"))


def test_a_file_that_changed_after_it_was_checked_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(lines(*GOOD))
    feed = SignalFeed(str(tmp_path / "s.csv"))
    (tmp_path / "s.csv").write_text(lines(*GOOD[:3]))

    with pytest.raises(BadInputError, match="expected the content it had"):
        feed.cursor(None)
