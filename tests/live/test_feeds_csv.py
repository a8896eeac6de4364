"""The CSV feed: what it reads, what it refuses and how, and that it notices a changed file."""

import gc
import gzip
import hashlib
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from core.values import TimeText
from live.feeds.csv_file import HEADER, CsvFeed
from live.feeds.errors import BadInputError

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "market"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason="no market data beside the checkout")

GOOD = (
    "2026-01-05T14:30:00Z,AAPL,100,100.02,300,200,100.01,1000",
    "2026-01-05T14:30:00Z,MSFT,50,50.01,100,100,50,500",
    "2026-01-05T14:31:00Z,AAPL,100.01,100.03,300,200,100.02,900",
)


def lines(*rows: str, header: str = HEADER) -> str:
    """A file's text."""
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write files (text or bytes) into a folder; the pattern that names them all."""

    def written(*contents: str | bytes, suffix: str = ".csv") -> str:
        for number, content in enumerate(contents):
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{number}{suffix}").write_bytes(data)
        return str(tmp_path / f"*{suffix}")

    return written


def refusal(pattern: str) -> str:
    """The one line in which the feed refuses."""
    with pytest.raises(BadInputError) as refused:
        CsvFeed(pattern)
    assert "\n" not in str(refused.value)
    assert "expected" in str(refused.value)
    assert "found" in str(refused.value)
    return str(refused.value)


@needs_real_data
def test_three_real_days_are_1170_slots_of_four_symbols() -> None:
    feed = CsvFeed(str(REAL / "*.csv.gz"))
    content = b"".join(gzip.decompress(p.read_bytes()) for p in sorted(REAL.glob("*.csv.gz")))

    assert (feed.slot_count, feed.row_count) == (1170, 4680)
    assert feed.symbols == ("AIG", "BAC", "IBM", "SPY")
    assert feed.data_hash == hashlib.sha256(content).hexdigest()
    assert len(list(feed.slots(None))) == 1170
    assert [s.date for s in feed.calendar()[1]] == ["2013-10-07", "2013-10-08", "2013-10-09"]


@needs_real_data
def test_a_minute_without_a_trade_keeps_the_last_trade() -> None:
    slots = {s.time: s for s in CsvFeed(str(REAL / "*20131007*.gz")).slots(None)}
    quiet = slots[TimeText("2013-10-07T17:48:00.000000Z")].quotes["AIG"]

    assert (quiet.last, quiet.volume) == ("48.93", "0")


def test_rows_of_one_time_are_a_slot(write: Callable[..., str]) -> None:
    slots = list(CsvFeed(write(lines(*GOOD))).slots(None))

    assert [(s.time, list(s.quotes)) for s in slots] == [
        ("2026-01-05T14:30:00.000000Z", ["AAPL", "MSFT"]),
        ("2026-01-05T14:31:00.000000Z", ["AAPL"]),
    ]


def test_a_session_is_a_date_from_its_first_slot_to_its_last(write: Callable[..., str]) -> None:
    source, sessions = CsvFeed(write(lines(*GOOD))).calendar()

    assert source == "csv"
    assert [(s.date, s.open, s.close, s.early_close) for s in sessions] == [
        ("2026-01-05", "2026-01-05T14:30:00.000000Z", "2026-01-05T14:31:00.000000Z", False)
    ]


def test_several_files_are_one_stream_in_the_order_of_their_names(
    write: Callable[..., str],
) -> None:
    feed = CsvFeed(write(lines(*GOOD[:2]), lines(GOOD[2])))

    assert [len(slot.quotes) for slot in feed.slots(None)] == [2, 1]
    assert (
        feed.data_hash == hashlib.sha256((lines(*GOOD[:2]) + lines(GOOD[2])).encode()).hexdigest()
    )


def test_the_hash_is_of_the_decompressed_content(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(lines(*GOOD))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(lines(*GOOD).encode()))

    hashes = {CsvFeed(str(tmp_path / name)).data_hash for name in ("a.csv", "b.csv.gz")}

    assert hashes == {hashlib.sha256(lines(*GOOD).encode()).hexdigest()}


@pytest.mark.parametrize(
    "after", ["2026-01-05T14:29:00", "2026-01-05T14:30:00", "2026-01-05T14:31:00"]
)
def test_the_stream_goes_on_after_any_slot(write: Callable[..., str], after: str) -> None:
    feed = CsvFeed(write(lines(*GOOD[:2]), lines(GOOD[2])))
    whole = list(feed.slots(None))

    assert list(feed.slots(TimeText(f"{after}.000000Z"))) == [
        slot for slot in whole if slot.time > f"{after}.000000Z"
    ]


def test_a_last_trade_is_carried_into_the_next_file_also_when_the_first_is_not_read_again(
    write: Callable[..., str],
) -> None:
    quiet = "2026-01-05T14:31:00Z,AAPL,100,100.02,300,200,,0"
    feed = CsvFeed(write(lines(*GOOD[:2]), lines(quiet)))
    (slot,) = feed.slots(TimeText("2026-01-05T14:30:00.000000Z"))

    assert slot.quotes["AAPL"].last == "100.01"


def test_until_its_first_trade_a_symbol_has_no_quote(write: Callable[..., str]) -> None:
    feed = CsvFeed(write(lines("2026-01-05T14:30:00Z,AAPL,100,100.02,300,200,,0", GOOD[2])))

    assert [list(slot.quotes) for slot in feed.slots(None)] == [[], ["AAPL"]]
    assert feed.symbols == ("AAPL",)


@pytest.mark.parametrize(
    "row",
    [
        "2026-01-05T14:30:00Z,AAPL,100.05,100.02,300,200,100,10",
        "2026-01-05T14:30:00Z,AAPL,100,100,300,200,100,10",
        "2026-01-05T14:30:00Z,AAPL,100,100.02,0,0,100,0",
        "2026-01-05T14:30:00+00:00,AAPL,100,100.02,1,1,100,0",
        "2026-01-05T14:30:00.123456Z,AAPL,100,100.02,1,1,100,0",
        "2026-01-05T14:30:00.1Z,BRK.B,100.000,0100.020,1.0,1.5,100,0",
        '2026-01-05T14:30:00Z,"AAPL",100,100.02,1,1,100,0',
    ],
)
def test_what_can_be_read_is_no_error(write: Callable[..., str], row: str) -> None:
    """Crossed, locked and empty quotes are the gates' business."""
    (slot,) = CsvFeed(write(lines(row))).slots(None)
    (found,) = slot.quotes.values()

    assert found.time == slot.time
    assert len(slot.time) == 27


def test_numbers_are_kept_in_their_one_form(write: Callable[..., str]) -> None:
    (slot,) = CsvFeed(
        write(lines("2026-01-05T14:30:00.5Z,AAPL,0100.00,100.020,300.0,200,100.10,1000"))
    ).slots(None)
    found = slot.quotes["AAPL"]

    assert (found.bid, found.ask, found.bid_size, found.last) == ("100", "100.02", "300", "100.1")
    assert slot.time == "2026-01-05T14:30:00.500000Z"


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_and_windows_line_ends_are_read(
    write: Callable[..., str], end: str, mark: bytes
) -> None:
    feed = CsvFeed(write(mark + lines(*GOOD).replace("\n", end).encode()))

    assert feed.row_count == 3


def test_a_last_line_without_an_end_is_read(write: Callable[..., str]) -> None:
    assert CsvFeed(write(lines(*GOOD).rstrip())).row_count == 3


TIME, SYMBOL, BID, ASK, BID_SIZE, _, LAST, VOLUME = range(8)


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        (BID, "", "bid"), (BID, "abc", "bid"), (BID, "-1", "bid"), (BID, "0", "bid"),
        (BID, "0.000", "bid"), (BID, "NaN", "bid"), (BID, "inf", "bid"), (BID, "1e2", "bid"),
        (BID, "1_000", "bid"), (BID, " 100", "bid"), (BID, "1,5", "columns"),
        (BID, "\u0661", "bid"),
        (BID, "100.", "bid"), (BID, ".5", "bid"), (BID, "+100", "bid"), (BID, "9" * 19, "bid"),
        (ASK, "-0", "ask"), (ASK, "None", "ask"), (LAST, "0", "last"), (LAST, "", "last"),
        (LAST, "nan", "last"), (BID_SIZE, "-1", "bid_size"), (BID_SIZE, "1.2.3", "bid_size"),
        (BID_SIZE, "", "bid_size"), (VOLUME, "-5", "volume"), (VOLUME, "many", "volume"),
        (SYMBOL, "", "symbol"), (SYMBOL, "aapl", "symbol"), (SYMBOL, "A B", "symbol"),
        (SYMBOL, "A" * 17, "symbol"), (SYMBOL, "ÄÄ", "symbol"),
        (TIME, "2026-01-05T14:32:00", "time"), (TIME, "2026-01-05T14:32:00+01:00", "time"),
        (TIME, "2026-01-05T14:32:00-00:00", "time"), (TIME, "2026-01-05 14:32:00Z", "time"),
        (TIME, "2026-02-30T14:32:00Z", "time"), (TIME, "2026-01-05T25:00:00Z", "time"),
        (TIME, "2026-01-05T14:32:60Z", "time"), (TIME, "2026-01-05T14:32:00.1234567Z", "time"),
        (TIME, "", "time"), (TIME, "1767623400", "time"), (TIME, "2026-01-05T14:30:00Z", "time"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_refused_with_its_file_and_line(
    write: Callable[..., str], column: int, value: str, what: str
) -> None:
    bad = ["2026-01-05T14:32:00Z", "AAPL", "100", "100.02", "300", "200", "100.01", "1000"]
    bad[column] = value
    pattern = write(lines(*GOOD, ",".join(bad)))

    message = refusal(pattern)

    assert message.startswith(f"{Path(pattern).parent / '0.csv'}:5: ")
    assert what in message


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", 1, "an empty file"),
        ("\n", 1, "header"),
        (lines(), 1, "a header only"),
        (lines(*GOOD, header=HEADER.replace("bid_size,ask_size", "ask_size,bid_size")), 1, HEADER),
        (lines(*GOOD, header=HEADER.upper()), 1, HEADER),
        (lines(*GOOD, header=HEADER + ",extra"), 1, HEADER),
        (lines(*GOOD, header=HEADER.replace(",", ";")), 1, HEADER),
        ("\n".join(GOOD), 1, HEADER),
        (lines(GOOD[0] + ",1"), 2, "8 columns"),
        (lines(GOOD[0].rpartition(",")[0]), 2, "8 columns"),
        (lines(GOOD[0], ""), 3, "8 columns"),
        (lines(*GOOD, GOOD[1]), 5, "or later"),
        (lines(GOOD[0], GOOD[0]), 3, "one row a symbol and time"),
        (lines(GOOD[0], GOOD[1], GOOD[0]), 4, "one row a symbol and time"),
        (lines(GOOD[0], '2026-01-05T14:31:00Z,"AAPL,1'), 3, "comma-separated"),
        (lines(GOOD[0]).encode() + b"2026-01-05T14:31:00Z,\xff,1,1,1,1,1,1\n", 3, "UTF-8"),
        (lines(GOOD[0]).encode() + b"2026-01-05T14:31:00Z,A\x00,1,1,1,1,1,1\n", 3, "NUL"),
        (lines(GOOD[0]).encode("utf-16"), 1, "NUL"),
        (lines(GOOD[0]) + "x" * 5_000_000, 3, "at most 1000 bytes"),
    ],
)
def test_a_file_that_is_no_market_file_is_refused_where_it_begins_to_be_none(
    write: Callable[..., str], content: str | bytes, line: int, words: str
) -> None:
    message = refusal(write(content))

    assert f"0.csv:{line}: " in message
    assert words in message


def test_time_must_go_strictly_forward_from_file_to_file(write: Callable[..., str]) -> None:
    message = refusal(write(lines(GOOD[2]), lines(GOOD[2])))

    assert "1.csv:2: time: expected later than" in message


@pytest.mark.parametrize("keep", [5, 40, -9, -4])
def test_a_gz_file_cut_short_is_refused(write: Callable[..., str], keep: int) -> None:
    message = refusal(write(gzip.compress(lines(*GOOD).encode())[:keep], suffix=".csv.gz"))

    assert "0.csv.gz:" in message
    assert ".gz" in message


@pytest.mark.parametrize("spoiled", ["none", "followed", "changed"])
def test_a_gz_file_that_is_none_or_is_spoiled_is_refused(
    write: Callable[..., str], spoiled: str
) -> None:
    whole = gzip.compress(lines(*GOOD).encode())
    spoil = {
        "none": b"no gzip at all",
        "followed": whole + b"tail",
        "changed": whole[:30] + b"\xff\xff\xff" + whole[33:],
    }

    refusal(write(spoil[spoiled], suffix=".csv.gz"))


def test_a_pattern_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    assert "found none" in refusal(str(tmp_path / "*.csv"))


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_file_can_have_matches_nothing(name: str) -> None:
    assert "found none" in refusal(name)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")

    assert "found a pipe" in refusal(str(tmp_path / "*.csv"))


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert "found a directory" in refusal(str(tmp_path))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(lines(*GOOD))

    assert "expected a name that ends in" in refusal(str(tmp_path / "*"))


def test_a_file_whose_name_looks_like_a_pattern_is_read(tmp_path: Path) -> None:
    (tmp_path / "day[1].csv").write_text(lines(*GOOD))

    assert CsvFeed(str(tmp_path / "day[1].csv")).row_count == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read any file")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(lines(*GOOD))
    (tmp_path / "a.csv").chmod(0)

    assert "Permission denied" in refusal(str(tmp_path / "a.csv"))


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to(tmp_path / "gone")

    assert "No such file" in refusal(str(tmp_path / "*.csv"))


@pytest.mark.parametrize("same_stat", [False, True])
def test_a_file_that_changed_after_it_was_checked_is_refused(
    tmp_path: Path, same_stat: bool
) -> None:
    """Also with its size and time of change put back: the content is hashed again."""
    path = tmp_path / "a.csv"
    path.write_text(lines(*GOOD))
    feed = CsvFeed(str(path))
    status = path.stat()
    path.write_text(lines(*GOOD).replace("900", "901"))
    if same_stat:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    with pytest.raises(BadInputError, match="expected the content it had when it was checked"):
        list(feed.slots(None))


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(lines(*GOOD))
    slots = CsvFeed(str(path)).slots(None)
    next(slots)
    with path.open("a") as more:
        more.write(GOOD[2].replace("14:31", "14:32") + "\n")

    with pytest.raises(BadInputError, match="expected the content it had when it was checked"):
        list(slots)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(minutes: int) -> int:
        rows = [
            f"2026-01-{5 + m // 1440:02d}T{m % 1440 // 60:02d}:{m % 60:02d}:00Z,AAPL,"
            f"{100 + m % 7},{101 + m % 7},{m % 97},200,100,{m % 89}"
            for m in range(minutes)
        ]
        (tmp_path / "a.csv").write_text(lines(*rows))
        del rows
        gc.collect()
        tracemalloc.start()
        for _ in CsvFeed(str(tmp_path / "a.csv")).slots(None):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(20_000)  # what is remembered of times is bounded (core/values.py), and filled here
    short = peak(5_000)
    assert peak(35_000) < 2 * short, "seven times the rows"
