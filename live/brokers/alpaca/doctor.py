"""What a check-up finds at Alpaca: its clock, the account, ten sessions, the stream, the budget.

shape   `broker_rows(config, secrets, bound)` -> rows, each from what Alpaca itself says now
rules   GETs and one stream that listens; nothing is sent, changed or journaled
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from core.contract import Config
from core.events import Session, StreamWentDown, StreamWentUp
from live.brokers.alpaca.answer import NoAnswer
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.open_orders import blocked
from live.brokers.alpaca.reading import Unreadable, read_list
from live.brokers.alpaca.stream import NOT_YET, TRADE_UPDATES
from live.brokers.real import operators_broker
from live.clock import Waiting, WallClock
from live.doctor import FAIL, OK, WARN, Row
from live.feeds.alpaca import AlpacaFeed, read_session
from live.feeds.errors import BadInputError
from live.inputs import account_hash
from live.secrets import Secrets

CLOCK_S = Decimal(2)
SESSIONS = 10
DAYS = 21
"""Days in which ten sessions fit, whatever holidays there are."""
STREAM_S = 10.0
_ASK = "see broker.trading_url, the keys and the network"


def broker_rows(config: Config, secrets: Secrets, bound: str | None) -> Iterator[Row]:
    """All rows; `bound` is the hash of the account the journal is bound to, None without one.

    Raises `BadInputError` where there are no keys.
    """
    clock = WallClock()
    broker = operators_broker(config, secrets, clock, bound)
    try:
        yield _clock(broker, clock, str(config.market.feed))
        yield from _account(broker, config, bound)
        yield _calendar(broker)
        yield _limiter(broker, config)
        yield _stream(broker, clock)
    finally:
        broker.close()


def _clock(broker: AlpacaBroker, clock: WallClock, name: str) -> Row:
    expected = f"within {CLOCK_S} s of the broker's"
    feed = AlpacaFeed(broker.client, ("SPY",), Waiting(clock), feed=name)
    before = clock.monotonic()
    reading = feed.clock()
    took = clock.monotonic() - before
    if isinstance(reading, Unreadable):
        return Row("clock", FAIL, f"the broker's: {reading.why}", expected, _ASK)
    apart = reading.ahead_s + took / 2  # it was read about half the way ago
    word = "behind" if apart > 0 else "ahead of"
    text = (
        f"{abs(apart):.3f} s {word} the broker's; market {'open' if reading.is_open else 'closed'}"
    )
    if abs(apart) <= CLOCK_S:
        return Row("clock", OK, text, expected)
    result = WARN if abs(apart) <= 5 * CLOCK_S else FAIL
    return Row("clock", result, text, expected, "set this machine's clock: run NTP")


def _account(broker: AlpacaBroker, config: Config, bound: str | None) -> Iterator[Row]:
    expected = "ACTIVE, no flag that forbids trading"
    try:
        identity = broker.identity()
    except BadInputError as error:
        yield Row("account", FAIL, str(error), expected, _ASK)
        return
    why = blocked(broker.client)
    mend = ""
    if why:
        known = why == "trade_suspended_by_user"
        mend = "resume --broker-resume" if known else "see the broker's own page"
    yield Row("account", FAIL if why else OK, why or "ACTIVE", expected, mend)
    if bound is not None:
        ours = account_hash(config, identity) == bound
        found = "the journal's" if ours else "another one than the journal's"
        mend = "" if ours else "give the keys of the journal's account, or another journal"
        yield Row("account of the journal", OK if ours else FAIL, found, "the journal's", mend)


def _calendar(broker: AlpacaBroker) -> Row:
    expected = f"the next {SESSIONS} sessions"
    today = date.fromisoformat(broker.client.clock()[:10])
    until = today + timedelta(days=DAYS)
    query = {"start": today.isoformat(), "end": until.isoformat()}
    answer = broker.client.get("/calendar", query)
    if isinstance(answer, NoAnswer) or answer.status != 200:
        why = answer.kind if isinstance(answer, NoAnswer) else f"HTTP {answer.status}"
        return Row("calendar", FAIL, why, expected, _ASK)
    rows = read_list(answer.body)
    found: list[Session] = []
    for row in rows if isinstance(rows, list) else ():
        session = read_session(row)
        if isinstance(session, Session):
            found.append(session)
    if isinstance(rows, Unreadable) or len(found) < len(rows):
        return Row("calendar", FAIL, "days that cannot be read", expected, _ASK)
    now = broker.client.clock()
    coming = sorted((one for one in found if one.close > now), key=lambda one: one.date)[:SESSIONS]
    text = " ".join(f"{one.date}{' (early close)' * one.early_close}" for one in coming)
    if len(coming) < SESSIONS:
        return Row("calendar", FAIL, f"{len(coming)}: {text}", expected, _ASK)
    return Row("calendar", OK, text, expected)


def _limiter(broker: AlpacaBroker, config: Config) -> Row:
    left = broker.client.budget.left()
    limit, remaining, kept = left.limit, left.left, config.rate.reserve
    text = f"{remaining} of {limit} calls left this minute, {kept} kept for cancels"
    expected = f"rate.per_minute, {config.rate.per_minute}, not above the broker's own limit"
    if left.why:
        held = f"{text}; {left.why}, {left.wait_s:.0f} s to go"
        return Row("limiter", WARN, held, expected, "wait")
    if limit < config.rate.per_minute:
        return Row("limiter", WARN, text, expected, f"set rate.per_minute to {limit}")
    if remaining <= kept:
        return Row("limiter", WARN, text, expected, "wait: somebody spends this account's calls")
    return Row("limiter", OK, text, expected)


def _stream(broker: AlpacaBroker, clock: WallClock) -> Row:
    """Connect, authenticate, listen: the acknowledgement names trade updates, or it is not up."""
    expected = f"connected, authenticated and listening within {STREAM_S:g} s"
    mend = "see broker.trading_stream_url and the keys"
    began, taken = clock.monotonic(), clock.now()
    why = "nothing was heard"
    broker.start()
    while (left := Decimal(str(STREAM_S)) - (clock.monotonic() - began)) > 0:
        broker.wait(float(min(left, Decimal("0.25"))))
        until = clock.now()
        for heard in broker.messages(taken, until):
            if isinstance(heard, StreamWentUp) and heard.stream == TRADE_UPDATES:
                took = clock.monotonic() - began
                return Row("stream", OK, f"listening after {took:.2f} s", expected)
            if isinstance(heard, StreamWentDown) and heard.stream == TRADE_UPDATES:
                why = heard.why
                if why != NOT_YET:
                    return Row("stream", FAIL, why, expected, mend)
        taken = until
    return Row("stream", FAIL, why, expected, mend)
