"""PostgreSQL's URLs: what they say, what is shown of them, and where the side files are."""

from pathlib import Path

import pytest

from journal import parse_url
from journal.errors import JournalUrlError

SECRET = "canary" + "-0001"  # pragma: allowlist secret


@pytest.mark.parametrize(
    ("text", "shown", "schema", "keywords"),
    [
        (
            f"postgresql://me:{SECRET}@host:5433/db?schema=a1&sslmode=require",
            "postgresql://me@host:5433/db?schema=a1&sslmode=require",
            "a1",
            {
                "host": "host",
                "port": "5433",
                "user": "me",
                "password": SECRET,
                "dbname": "db",
                "sslmode": "require",
            },
        ),
        (
            f"postgres:///db?host=/run/pg&password={SECRET}",
            "postgres:///db?host=/run/pg",
            "refold",
            {"host": "/run/pg", "dbname": "db", "password": SECRET},
        ),
        (
            "postgresql://m%40e@[::1]/a%20b",
            "postgresql://m%40e@[::1]/a%20b",
            "refold",
            {"host": "::1", "user": "m@e", "dbname": "a b"},
        ),
    ],
)
def test_a_url_is_read_whole_and_shown_without_its_password(
    text: str, shown: str, schema: str, keywords: dict[str, str]
) -> None:
    place = parse_url(text)
    assert (place.engine, place.text, place.where, place.name) == (
        "postgresql",
        shown,
        shown,
        schema,
    )
    assert dict(place.keywords) == keywords
    assert SECRET not in repr(place) + str(place)
    assert parse_url(place) is place


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("", "one database"),
        ("db/other", "one database"),
        ("db?schema=A", "schema: expected a name"),
        ("db?schema=pg_x", "schema: expected a name"),
        ("db?writer=a-b", "writer: expected a name"),
        ("db?local=here", "local: expected an absolute folder"),
        ("db?sslmod=require", "found 'sslmod'"),
        (f"db?password={SECRET}", "password once"),
        ("db?schema", "expected a URL"),
        ("%ff", "expected a URL"),
    ],
)
def test_a_url_that_names_no_journal_is_told_without_its_password(rest: str, why: str) -> None:
    with pytest.raises(JournalUrlError, match=why) as caught:
        parse_url(f"postgresql://me:{SECRET}@host/{rest}")
    assert SECRET not in str(caught.value) + repr(caught.value.__cause__)


def test_side_files_are_named_after_the_place_and_stay_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    place = parse_url("postgresql://me@host:5433/db?schema=main")
    assert place.local == tmp_path / "refold" / "host-5433-db-main" / "journal"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    place = parse_url("postgresql://me@host/db")
    assert place.local == tmp_path / ".local/state/refold/host-5432-db-refold/journal"
    place = parse_url(f"postgresql://me@host/db?local={tmp_path}")
    assert place.local == tmp_path / "journal"
