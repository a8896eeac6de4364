"""The simulated broker: the venue's file in a broker's words.

shape   what the venue did -> observations; simulated time everywhere, so a run is a function of its
        inputs. An unknown outcome is settled at once by one look, and an absent order is sent again
source  statuses, status codes and error codes are Alpaca's (ALPACA.md A1, A2, A4)
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from core.contract import Config
from core.events import (
    AccountReported,
    CancelAnswered,
    FillReported,
    Observation,
    OrderLookedUp,
    OrderReported,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    Quote,
    RateBudgetReported,
    ReconcileMismatched,
    Session,
    SubmitFailure,
)
from core.sim.account import buying_power, equity
from core.sim.chance import between, venue_bits
from core.sim.types import (
    FaultRates,
    OrderEvent,
    Refusal,
    VenueOrder,
    VenueParameters,
    VenueRequest,
    read_script,
)
from core.values import OrderType, Side, TimeInForce, TimeText, decimal_text, micros, time_text
from live.brokers.base import Known, Order, SubmitAnswer
from live.brokers.venue_file import Duplicate, Lost, RateLimited, VenueFile
from live.feeds.errors import BadInputError

_MINUTE = 60_000_000
_TIMEOUT = 5_000_000
_LOOK = 30_000


_RANKS = ("foreign-order-with-our-tag", "foreign-order", "order", "position")
"""What can be mismatched in a symbol, the gravest first; one is told."""


class SimulatedBroker:
    """The simulated venue behind the `Broker` protocol; `path` None keeps it in memory."""

    name = "sim"
    settle_s = Decimal(0)
    looks = 1
    resend = True

    def __init__(self, config: Config, *, journal_id: str, path: Path | None) -> None:
        self._parameters = parameters_of(config)
        self.venue = VenueFile(path, self._parameters, journal_id)
        self._tag = f"rf-{journal_id[:8]}-"

    def open_slot(
        self, slot: TimeText, quotes: Mapping[str, Quote], session: Session | None
    ) -> None:
        """The market is at `slot`; resting orders fill, twice is once."""
        self.venue.open_slot(slot, quotes, session)

    def submit(self, order: Order, attempt: int, now: TimeText) -> SubmitAnswer:
        """One POST of the order."""
        client_order_id = order.client_order_id
        answer = self.venue.submit(
            VenueRequest(
                client_order_id=client_order_id,
                symbol=order.symbol,
                side=order.side,
                quantity=decimal_text(order.quantity),
                order_type=order.order_type,
                limit_price=None if order.limit_price is None else decimal_text(order.limit_price),
                time_in_force=order.time_in_force,
            ),
            now,
        )
        bits = venue_bits(self._parameters.seed, client_order_id, "answer", 0)
        heard = _later(now, between(bits, 20_000, 80_000))
        if isinstance(answer, Lost):
            return OrderSubmitUnknown(
                observed_at=_later(now, _TIMEOUT),
                client_order_id=client_order_id,
                attempt=attempt,
                error_class="timeout",
            )
        if isinstance(answer, Duplicate):
            return OrderSubmitUnknown(
                observed_at=heard,
                client_order_id=client_order_id,
                attempt=attempt,
                error_class="duplicate_id",
                detail="422 40010001 client_order_id must be unique",
            )
        if isinstance(answer, RateLimited):
            answer = Refusal(status_code=429, error_code="42910000", detail="rate limit exceeded")
        if isinstance(answer, Refusal):
            limited = answer.status_code == 429
            return OrderSubmitFailed(
                observed_at=heard,
                client_order_id=client_order_id,
                attempt=attempt,
                error_class=SubmitFailure.RATE_LIMITED if limited else SubmitFailure.REFUSED,
                status_code=answer.status_code,
                error_code=answer.error_code,
                detail=answer.detail,
            )
        return OrderSubmitted(
            observed_at=heard,
            client_order_id=client_order_id,
            venue_order_id=answer.venue_order_id,
            attempt=attempt,
            status="pending_new",
        )

    def cancel(self, client_order_id: str, attempt: int, now: TimeText) -> CancelAnswered:
        """One cancel request: accepted while the order is open, its report follows."""
        done = self.venue.cancel(client_order_id, now)
        refused = {
            None: {"status_code": 404, "error_code": "40410000"},
            False: {"status_code": 422, "error_code": "42210000"},
            True: {},
        }
        return CancelAnswered(
            observed_at=_later(now, _LOOK),
            client_order_id=client_order_id,
            attempt=attempt,
            outcome="accepted" if done else "refused",
            **refused[done],  # type: ignore[arg-type]
        )

    def look_up(self, client_order_id: str, now: TimeText) -> OrderLookedUp:
        """The order as anyone sees it at `now`, or its certain absence."""
        self.venue.pass_time(now)
        order = self.venue.order(client_order_id)
        at = _later(now, _LOOK)
        if order is None:
            return OrderLookedUp(
                observed_at=at,
                client_order_id=client_order_id,
                source="by-id",
                found=False,
                complete=True,
            )
        event = _last(self.venue.events(client_order_id, now))
        return OrderLookedUp(
            observed_at=at,
            client_order_id=client_order_id,
            source="by-id",
            found=True,
            complete=True,
            venue_order_id=order.venue_order_id,
            status=_status(event),
            symbol=order.symbol,
            side=Side(order.side),
            quantity=decimal_text(order.quantity),
            order_type=OrderType(order.order_type),
            limit_price=order.limit_price,
            time_in_force=TimeInForce(order.time_in_force),
            filled_quantity=decimal_text(event.filled_quantity if event else 0),
            average_price=event.average_price if event else None,
        )

    def next_due(self, after: TimeText) -> TimeText | None:
        """When the next message is due; a day order's expiry counts, so it can be hours ahead."""
        return self.venue.next_due(after)

    def messages(self, after: TimeText, until: TimeText) -> list[Observation]:
        """The stream between two times; a fill's message brings its execution, then its status."""
        found: list[Observation] = []
        for due, order, event in self.venue.messages(after, until):
            if event.execution is not None:
                found.append(_fill(order, event, "stream", due))
            found.append(_report(order, event, "stream", due))
        return found

    def reconcile(self, known: Known, now: TimeText) -> list[Observation]:
        """What the venue shows at `now` and the journal does not have.

        First fills and statuses of our orders, by id; then, by symbol, what is newly mismatched or
        agrees again. A position is compared once there is no news of its symbol left to count.
        """
        self.venue.pass_time(now)
        found: list[Observation] = []
        mismatches: dict[str, ReconcileMismatched] = {}
        ids = set(self.venue.changed_since(known.needs_reconcile_since(), now))
        for client_order_id in sorted(ids.union(known.open_client_order_ids())):
            order = self.venue.order(client_order_id)
            if order is not None and known.knows_order(client_order_id):
                found += self._news(known, order, now)
            elif order is not None:
                _tell(mismatches, self._foreign(order, now))
            else:
                vanished += _vanished(known, client_order_id)
        news = {o.symbol for o in self._orders_of(found)}
        for mismatch in self._position_mismatches(known, news, now):
            _tell(mismatches, mismatch)
        for symbol, mismatch in sorted(mismatches.items()):
            if known.mismatched.get(symbol) != mismatch.what:
                found.append(mismatch)
        for symbol, what in sorted(known.mismatched.items()):
            if symbol not in mismatches and symbol not in news:
                found.append(_agrees(symbol, what, now))
        return found

    def account(self, now: TimeText) -> AccountReported:
        """Cash, equity and positions at `now`; buying power as the venue would apply it."""
        self.venue.pass_time(now)
        cash, positions = self.venue.holdings(now)
        state = self.venue.state
        return AccountReported(
            observed_at=now,
            cash=decimal_text(cash),
            equity=decimal_text(equity(state, cash, positions)),
            buying_power=decimal_text(max(Decimal(0), buying_power(state, self._parameters))),
            positions={symbol: decimal_text(positions[symbol]) for symbol in sorted(positions)},
        )

    def rate_budget(self, now: TimeText) -> RateBudgetReported:
        """The new orders left in the minute of `now`."""
        minute = micros(now) // _MINUTE
        limit = self._parameters.requests_per_minute
        return RateBudgetReported(
            observed_at=now,
            limit=limit,
            remaining=max(0, limit - self.venue.new_orders(minute)),
            resets_at=time_text((minute + 1) * _MINUTE),
        )

    def close(self) -> None:
        """Close the venue's file."""
        self.venue.close()

    def _news(self, known: Known, order: VenueOrder, now: TimeText) -> list[Observation]:
        """The executions and the status of our order that the journal has not heard of."""
        found: list[Observation] = []
        events = self.venue.events(order.client_order_id, now)
        for event in events:
            execution = event.execution
            if execution is not None and not known.has_execution(
                order.client_order_id, execution.execution_id
            ):
                found.append(_fill(order, event, "rest", now))
        if events and events[-1].status != known.reported_status(order.client_order_id):
            found.append(_report(order, events[-1], "rest", now))
        return found

    def _orders_of(self, found: list[Observation]) -> list[VenueOrder]:
        ids = {o.client_order_id for o in found if isinstance(o, FillReported | OrderReported)}
        orders = [self.venue.order(client_order_id) for client_order_id in sorted(ids)]
        return [order for order in orders if order is not None]

    def _status(event: OrderEvent | None) -> str:
    return event.status if event else "pending_new"


def _last(events: list[OrderEvent]) -> OrderEvent | None:
    return events[-1] if events else None


def _later(now: TimeText, latency: int) -> TimeText:
    return time_text(micros(now) + latency)
