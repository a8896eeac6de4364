"""The sliding log's rules, on a clock of the test's own: no store, no time, no process."""

from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from live.rate import window
from live.rate.headers import Told
from live.rate.window import SECOND, Log, Rules

RULES = Rules(limit=10, reserve=3)
MINUTE = RULES.window
FLIGHT = 20 * SECOND


def took(log: Log, now: int, calls: int = 1, name: str = "a", *, reserve: bool = False) -> Log:
    """The log after `calls` permits were taken, which all were there."""
    log, count = window.take(log, now, RULES, name, calls, until=now + FLIGHT, reserve=reserve)
    assert count == calls
    return log


def left(log: Log, now: int, *, reserve: bool = False) -> int:
    """How many may leave at `now`."""
    reading = window.read(window.at(log, now, "", RULES), now, RULES)
    return reading.left if reserve else reading.ordinary


def test_the_reserve_is_for_cancels_alone() -> None:
    log = took(Log(), 0, 7)

    assert left(log, 0) == 0
    assert left(log, 0, reserve=True) == 3


def test_as_many_as_are_there_are_granted() -> None:
    log, count = window.take(Log(), 0, RULES, "a", 12, until=FLIGHT, reserve=False)

    assert count == 7
    assert window.used(log) == 7


def test_a_permit_counts_until_a_window_after_its_answer() -> None:
    log = window.settle(took(Log(), 0), 5 * SECOND, RULES, "a", None)

    assert left(log, MINUTE + 4 * SECOND) == 6
    assert left(log, MINUTE + 6 * SECOND) == 7


def test_a_permit_nobody_answered_counts_from_when_it_could_have_left_last() -> None:
    log = took(Log(), 0, 2)

    assert left(log, MINUTE + FLIGHT - 1) == 5
    assert left(log, MINUTE + FLIGHT + SECOND) == 7


def test_what_was_not_used_is_given_back() -> None:
    log = window.settle(took(Log(), 0, 5), SECOND, RULES, "a", None)
    log = window.give_back(log, "a")

    assert left(log, SECOND) == 6
    assert window.give_back(log, "a") == log


def test_what_the_broker_says_is_left_takes_ours_down_and_never_up() -> None:
    def heard(log: Log, remaining: int, reset: int) -> Log:
        said = Told(limited=False, remaining=remaining, window=reset, reset_s=30.0)
        return window.settle(log, 0, RULES, "x", said)

    log = heard(took(Log(), 0, 2), 8, 100)
    assert left(log, 0) == 8 - 2 - 3  # two are on their way: the broker may not have seen them
    assert left(heard(log, 5, 100), 0) == 0
    assert left(heard(heard(log, 5, 100), 9, 100), 0) == 0  # an answer that was overtaken
    assert left(heard(heard(log, 5, 100), 99, 160), 0) == 5  # another window: our own count
    assert left(heard(heard(log, 5, 100), 99, 40), 0) == 0  # one that is over
    assert left(heard(log, 5, 100), 31 * SECOND) == 5


def test_permits_given_back_free_no_more_than_the_broker_says_is_left() -> None:
    """Seven are held, others spent the account's calls, and the broker says one is left."""
    said = Told(limited=False, remaining=1, window=100, reset_s=30.0)
    log = window.settle(took(Log(), 0, 7), 0, RULES, "x", said)
    assert left(log, 0, reserve=True) == 0

    assert left(window.give_back(log, "a"), 0, reserve=True) == 1


def test_a_lower_limit_of_the_brokers_is_ours_from_then_on() -> None:
    log = window.settle(Log(), 0, RULES, "x", Told(limited=False, limit=5))

    assert left(log, 10 * MINUTE) == 2
    assert left(window.settle(log, 0, RULES, "x", Told(limited=False, limit=900)), 0) == 7


def test_429_holds_everything_back_as_long_as_was_asked_and_capped() -> None:
    def until(*said: Told) -> int:
        log = Log()
        for one in said:
            log = window.settle(log, 0, RULES, "x", one)
        assert left(log, 0, reserve=True) == 0
        return log.waits_until

    assert until(Told(limited=True, retry_s=7.0)) == 7 * SECOND
    assert until(Told(limited=True, retry_s=7.0, reset_s=9.0)) == 9 * SECOND
    assert until(Told(limited=True, retry_s=10.0**12)) == 120 * SECOND
    assert until(Told(limited=True, retry_s=7.0), Told(limited=True, retry_s=1.0)) == 7 * SECOND
    assert until(*[Told(limited=True)] * 3) == 4 * SECOND
    assert until(*[Told(limited=True)] * 30) == 60 * SECOND


def test_a_sealed_log_has_its_reserve_alone_and_comes_back_after_a_window() -> None:
    log = window.sealed(0, "", RULES, "lost")

    assert left(log, MINUTE - 1) == 0
    assert left(log, MINUTE - 1, reserve=True) == 3
    assert left(took(log, 0, 3, reserve=True), 1, reserve=True) == 0
    assert left(log, MINUTE + 1) == 7


def test_another_start_of_the_machine_seals() -> None:
    log = window.at(Log(era="one", serial=9, last=10**12), 5, "two", RULES)

    assert (log.era, log.serial, log.sealed_why) == ("two", 9, "the machine was started anew")
    assert left(replace(log, era=""), 6) == 0


def test_when_the_clock_steps_what_is_spent_is_spent_now_and_waits_go_on() -> None:
    log = window.spend(replace(Log(), last=MINUTE), MINUTE, 4, RULES)
    log = replace(log, waits_until=MINUTE + 7 * SECOND)
    for now in (5, MINUTE * 60):
        stepped = window.at(log, now, "", RULES, stepped=True)

        assert window.read(stepped, now + 6 * SECOND, RULES).left == 0
        later = window.at(stepped, now + 8 * SECOND, "", RULES)
        assert window.read(later, now + 8 * SECOND, RULES).left == 6
        assert left(stepped, now + MINUTE - SECOND) == 3
        assert left(stepped, now + MINUTE + SECOND) == 7


CALL = some.tuples(
    some.integers(0, 8),  # seconds since the call before
    some.integers(1, 6),  # calls asked for
    some.booleans(),  # for a cancel
    some.sampled_from(["answered", "late", "never", "given back"]),
    some.integers(0, 19),  # seconds from permit to arrival
)


@settings(deadline=None)
@given(some.lists(CALL, min_size=5, max_size=60))
def test_no_window_of_the_brokers_holds_more_than_the_limit(
    calls: list[tuple[int, int, bool, str, int]],
) -> None:
    """Whatever is asked for, however long it travels, whether or not it is answered."""
    log, now = Log(), 0
    arrivals: list[int] = []
    answers: list[tuple[int, str]] = []
    for number, (pause, asked, cancel, end, flight) in enumerate(calls):
        now += pause * SECOND
        for at, name in sorted(one for one in answers if one[0] <= now):
            log = window.settle(window.at(log, at, "", RULES), at, RULES, name, None)
        answers = [one for one in answers if one[0] > now]
        log = window.at(log, now, "", RULES)
        name = str(number)
        log, count = window.take(log, now, RULES, name, asked, until=now + FLIGHT, reserve=cancel)
        if end == "given back":
            log = window.give_back(log, name)
            continue
        arrived = now + flight * SECOND
        arrivals += [arrived] * count
        if end != "never":
            answered = arrived if end == "answered" else arrived + SECOND
            answers += [(answered, name)] * count

    for start in arrivals:
        assert sum(start <= at < start + MINUTE for at in arrivals) <= RULES.limit
