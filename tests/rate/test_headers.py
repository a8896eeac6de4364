"""What an answer says of rates, in every form that was seen and some that nobody should send."""

from typing import Any

import pytest

from live.rate.headers import Told, told

NOW_S = 1_795_000_000.0
DATE = "Wed, 18 Nov 2026 11:06:40 GMT"  # NOW_S


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "7.5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "Wed, 18 Nov 2026 11:06:47 GMT"}, 7.0),
        ({"retry-after": "Wed, 18 Nov 2026 11:06:33 GMT"}, None),
        ({"retry-after": "Wed, 99 Nov 2026 11:06:33 GMT"}, None),
        # their clock is an hour ahead of ours, and the date is theirs
        ({"retry-after": "Wed, 18 Nov 2026 12:06:47 GMT",
          "date": "Wed, 18 Nov 2026 12:06:40 GMT"}, 7.0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_or_nothing(
    headers: dict[str, str], wanted: float | None
) -> None:
    assert told(429, headers, NOW_S) == Told(limited=True, retry_s=wanted)


@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "wanted"),
    [
        ("200", "17", "1795000030", {"limit": 200, "remaining": 17, "reset_s": 30.0}),
        ("0", "0", "1795000030", {"limit": None, "remaining": 0, "reset_s": 30.0}),
        ("many", "-1", "1794999999", {"limit": None, "remaining": None, "reset_s": None}),
        ("١٢", "1e3", "", {"limit": None, "remaining": None, "reset_s": None}),
    ],
)
def test_the_rate_headers_are_small_whole_numbers_or_nothing(
    limit: str, remaining: str, reset: str, wanted: dict[str, Any]
) -> None:
    headers = {
        "x-ratelimit-limit": limit, "x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset,
    }  # fmt: skip

    found = told(200, headers, NOW_S)

    assert not found.limited
    assert {name: getattr(found, name) for name in wanted} == wanted


def test_the_reset_is_measured_by_the_brokers_own_clock() -> None:
    headers = {"x-ratelimit-reset": "1795000030", "date": DATE}

    assert told(200, headers, NOW_S + 3_600).reset_s == 30.0
