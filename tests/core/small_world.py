"""A small world for laws: two symbols, a strategy that asks at random, a venue that says anything.

shape   `steps()` draws a list of steps; `play(steps)` is the history they make: (state, recorded,
        decisions). A step names an order by its place among those created so far, so every drawn
        list has a meaning, whatever the strategy did
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import msgspec
from hypothesis import strategies as st

from core.decide import advance
from core.events import Decision, Event, IntentCreated, Observation
from core.state import INITIAL, Intent, State
from core.strategy import OrderRequest, View
from tests import build, build_succession
from tests.core import world

SYMBOLS = ("IBM", "MSFT")
SETTINGS: world.Settings = {
    "symbols": SYMBOLS,
    "broker.settle_s": "5",
    "broker.looks": 2,
    "broker.look_interval_s": "3",
    "risk.order_max_age_s": "20",
    "risk.intent_valid_s": "15",
    "risk.gross_exposure_max": "4000",
}
EVERY_GATE: world.Settings = {
    "risk.blackout_after_open_minutes": "0.02",
    "risk.blackout_before_close_minutes": "5",
    "risk.restricted": ("ORCL",),
    "risk.spread_max_bps": "25",
    "risk.order_min_notional": "10",
    "risk.not_shortable": ("IBM",),
    "risk.symbol_exposure_max": "2500",
    "risk.net_exposure_max": "3500",
    "risk.groups": "IBM=technology,MSFT=technology",
    "risk.group_exposure_max": "3900",
    "risk.buying_power_reserve": "1000",
    "risk.daily_loss_max": "40",
    "risk.drawdown_max": "30",
    "risk.participation_max_bps": "1500",
    "risk.displayed_size_min": "100",
    "risk.slot_volume_min": "1000",
    "risk.open_orders_max": 2,
    "risk.open_orders_symbol_max": 1,
    "risk.loss_cooldown_s": "4",
    "risk.reentry_cooldown_s": "3",
    "risk.orders_per_minute_max": 10,
    "risk.messages_per_minute_max": 20,
    "risk.executions_max": 2,
}
"""Every gate on that a strategy without signals and edges can pass, at limits that it meets."""
Made = Callable[[State, Sequence[IntentCreated], float], Observation | None]


class Random:
    """Asks for this and that, by the view's own generator."""

    def decide(self, view: View) -> Iterable[OrderRequest]:
        for symbol in view.symbols:
            draw = view.rng.random()
            if draw < 0.35:
                yield OrderRequest(symbol, "buy", 100)
            elif draw < 0.7:
                held = abs(view.positions.get(symbol, Decimal(0)))
                yield OrderRequest(symbol, "sell", held or 50)


class Played(msgspec.Struct):
    """A history: the state at its end, everything recorded, and the decisions of each step."""

    state: State
    recorded: list[Event]
    decided: list[list[Decision]]

    @property
    def created(self) -> list[IntentCreated]:
        """The intents, in order."""
        return [event for event in self.recorded if isinstance(event, IntentCreated)]


def play(steps: Iterable[Made], settings: world.Settings | None = None) -> Played:
    """Advance by every step, one second apart."""
    played = Played(INITIAL, [], [])
    for observation in opening(settings or {}):
        _hear(played, observation)
    for second, make in enumerate(steps, start=1):
        heard = make(played.state, played.created, second)
        if heard is not None:
            _hear(played, heard)
    return played


def opening(settings: world.Settings) -> list[Observation]:
    """What stands before the first cycle."""
    return [
        world.journal_created(),
        world.configured({**SETTINGS, **settings}),
        world.strategy_loaded(),
        world.calendar(),
        build.runner_started(),
        build.account(),
        build.rate_budget(),
        build.quotes(IBM=("9.98", "10"), MSFT=("9.99", "10.01")),
    ]


def _hear(played: Played, observation: Observation) -> None:
    played.state, decided = advance(played.state, observation, Random)
    played.recorded += [observation, *decided]
    played.decided.append(decided)


# -- steps


def _cycle(state: State, _: Sequence[IntentCreated], second: float) -> Observation:
    return build.cycle_opened(1 if state.cycle is None else state.cycle.number + 1, seconds=second)


def _quotes(cents: int) -> Made:
    bid, ask = Decimal(cents) / 100, Decimal(cents + 2) / 100
    return lambda _, __, second: build.quotes(
        seconds=second, IBM=(str(bid), str(ask)), MSFT=(str(bid), str(ask))
    )


def _timer(state: State, _: Sequence[IntentCreated], second: float) -> Observation | None:
    """The next timer, whenever it is due."""
    first = min(((due, key) for key, due in state.timers.items()), default=None)
    return None if first is None else world.elapsed(first[1], seconds=second)


def _of(place: int, say: Callable[[IntentCreated, float], Observation]) -> Made:
    """What `say` says of the order at `place`, or of one that is not ours where there is none."""

    def made(_: State, created: Sequence[IntentCreated], second: float) -> Observation:
        order = created[place % len(created)] if created else build.intent("foreign")
        return say(order, second)

    return made


def _fill(quantity: int, price: str, execution: str | None, cumulative: int | None) -> object:
    return lambda order, second: build.fill(
        quantity,
        price,
        order=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        execution=execution,
        cumulative=cumulative,
        seconds=second,
    )


WORDS = ["new", "held", "partially_filled", "pending_cancel", "filled", "canceled", "dreaming"]
_shares = st.integers(1, 120)
_prices = st.sampled_from(["9.97", "10", "10.013"])
_executions = st.sampled_from(["1", "2", "3"])
_attempts = st.integers(1, 3)
_words = st.sampled_from(WORDS)

SAYINGS = st.one_of(
    st.builds(
        lambda w, n: (
            lambda o, s: build.submitted(o.client_order_id, status=w, attempt=n, seconds=s)
        ),
        _words,
        _attempts,
    ),
    st.builds(
        lambda k, n: lambda o, s: build.submit_failed(o.client_order_id, k, attempt=n, seconds=s),
        st.sampled_from(["refused", "not_sent", "rate_limited"]),
        _attempts,
    ),
    st.just(lambda o, s: build.submit_unknown(o.client_order_id, seconds=s)),
    st.builds(
        lambda c: lambda o, s: build.absent(o.client_order_id, complete=c, seconds=s), st.booleans()
    ),
    st.builds(
        lambda w, q, p: lambda o, s: build.found(o, status=w, filled=q, average=p, seconds=s),
        _words,
        _shares,
        _prices,
    ),
    st.builds(
        lambda w, q, p: (
            lambda o, s: build.reported(o.client_order_id, w, filled=q, average=p, seconds=s)
        ),
        _words,
        st.none() | _shares,
        st.none() | _prices,
    ),
    st.builds(_fill, _shares, _prices, _executions, st.none()),
    st.builds(_fill, _shares, _prices, st.none() | _executions, _shares),
    st.builds(
        lambda e: lambda o, s: build.busted(o.client_order_id, execution=e, seconds=s), _executions
    ),
    st.builds(
        lambda q, p, e: (
            lambda o, s: build.corrected(q, p, order=o.client_order_id, execution=e, seconds=s)
        ),
        _shares,
        _prices,
        _executions,
    ),
    st.builds(
        lambda w: lambda o, s: build.cancel_answered(o.client_order_id, w, seconds=s),
        st.sampled_from(["accepted", "refused", "unknown"]),
    ),
)


def _said(make: Callable[[float], Observation]) -> Made:
    return lambda _, __, second: make(second)


def _of_known(place: int, say: Callable[[Intent, float], Observation]) -> Made:
    """What `say` says of an order of the state, a successor too."""

    def made(state: State, _: Sequence[IntentCreated], second: float) -> Observation | None:
        known = sorted({*state.intents, *(order for order, _ in state.closed.items())})
        intent = state.intent(known[place % len(known)]) if known else None
        return None if intent is None else say(intent, second)

    return made


def _heir(intent: Intent, number: int) -> str:
    """The `number`th order that may take the place of this one or of the first in its chain."""
    return f"{intent.client_order_id.partition('~')[0]}~{number}"


_numbers = st.integers(1, 3)
SUCCESSIONS = st.one_of(
    st.builds(
        lambda n, q, w, f: (
            lambda i, s: build_succession.succeeded(
                _heir(i, n), i.client_order_id, symbol=i.symbol, side=i.side, quantity=q,
                status=w, filled=f, average="10", seconds=s,
            )
        ),
        _numbers,
        _shares,
        st.sampled_from(["pending_new", "new", "filled", "rejected", "replaced"]),
        st.none() | _shares,
    ),
    st.builds(
        lambda n: (
            lambda i, s: build_succession.replaced(i.client_order_id, n and _heir(i, n), seconds=s)
        ),
        st.none() | _numbers,
    ),
    st.builds(
        lambda w: lambda i, s: build.reported(i.client_order_id, w, seconds=s),
        st.sampled_from(["pending_replace", "new", "canceled"]),
    ),
    st.builds(
        lambda q, e: (
            lambda i, s: build.fill(
                q, "10", order=i.client_order_id, symbol=i.symbol, side=i.side, execution=e,
                seconds=s,
            )
        ),
        _shares,
        _executions,
    ),
)  # fmt: skip
REPORTS = st.one_of(
    st.builds(_of, st.integers(0, 5), SAYINGS),
    st.builds(_of, st.integers(0, 5), SAYINGS),
    st.builds(_of_known, st.integers(0, 9), SUCCESSIONS),
)
OTHERS = st.one_of(
    st.just(_cycle),
    st.just(_cycle),
    st.just(_timer),
    st.just(_timer),
    st.builds(_quotes, st.integers(950, 1050)),
    st.builds(lambda n: _said(lambda s: build.rate_budget(n, seconds=s)), st.integers(0, 200)),
    st.builds(lambda n: _said(lambda s: build.runner_started(n, seconds=s)), st.integers(1, 5)),
    st.builds(
        lambda c: _said(lambda s: world.commanded(c, seconds=s)),
        st.sampled_from(["halt", "resume", "cancel-all"]),
    ),
    st.builds(
        lambda what, symbol, over: _said(lambda _: world.mismatched(what, symbol, resolved=over)),
        st.sampled_from(["position", "foreign-order"]),
        st.sampled_from(SYMBOLS),
        st.booleans(),
    ),
    st.builds(
        lambda limit: _said(
            lambda s: world.configured({**SETTINGS, "risk.order_max_quantity": limit}, seconds=s)
        ),
        st.sampled_from(["50", "100"]),
    ),
)
_STEP: st.SearchStrategy[Made] = st.booleans().flatmap(lambda said: REPORTS if said else OTHERS)
STEPS = st.lists(_STEP, min_size=8, max_size=40).map(lambda steps: [_cycle, *steps])
POLICIES: st.SearchStrategy[world.Settings] = st.sampled_from(
    [
        {},
        {"broker.resend_unknown": False},
        {"broker.settle_s": "0", "broker.looks": 1},
        EVERY_GATE,
    ]
)
