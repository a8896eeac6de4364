"""The simulated broker: the venue's file in a broker's words.

shape   what the venue did -> observations; simulated time everywhere, so a run is a function of its
        inputs. An unknown outcome is settled at once by one look, and an absent order is sent again
source  statuses, status codes and error codes are Alpaca's (ALPACA.md A1, A2, A4)
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from core.cycle import order_tag
from core.events import (
    AccountReported,
    CancelAnswered,
    Observation,
    OrderLookedUp,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    Quote,
    RateBudgetReported,
    Session,
    SubmitFailure,
)
from core.sim.account import buying_power, equity
from core.sim.chance import between, venue_bits
from core.sim.types import (
    Refusal,
    VenueOrder,
    VenueParameters,
    VenueRequest,
)
from core.values import OrderType, Side, TimeInForce, TimeText, decimal_text, micros, time_text
from live.brokers.base import Known, SubmitAnswer
from live.brokers.ticket import Ticket
from live.brokers.venue_file import Post, VenueFile
from live.brokers.venue_reconcile import fill_of, last_of, reconcile, report_of, status_of

_MINUTE = 60_000_000
_DUPLICATE = "422 40010001 client_order_id must be unique"
_RATE_LIMITED = Refusal(status_code=429, error_code="42910000", detail="rate limit exceeded")


class SimulatedBroker:
    """The simulated venue behind the `Broker` protocol; `path` None keeps it in memory."""

    name = "sim"
    settle_s = Decimal(0)
    looks = 1
    resend = True

    def __init__(self, path: Path | None, parameters: VenueParameters, journal_id: str) -> None:
        self._parameters = parameters
        self.venue = VenueFile(path, parameters, journal_id)
        self._tag = order_tag(journal_id)
        self._settled: set[str] = set()

    def open_slot(
        self, slot: TimeText, quotes: Mapping[str, Quote], session: Session | None
    ) -> None:
        """The market is at `slot`; resting orders fill, twice is once."""
        self.venue.open_slot(slot, quotes, session)

    def submit(self, ticket: Ticket, attempt: int, now: TimeText) -> SubmitAnswer:
        """One POST of the order."""
        order_id = ticket.client_order_id
        answer = self.venue.submit(
            VenueRequest(
                client_order_id=order_id,
                symbol=ticket.symbol,
                side=ticket.side,
                quantity=ticket.quantity,
                order_type=ticket.order_type,
                limit_price=ticket.limit_price,
                time_in_force=ticket.time_in_force,
            ),
            now,
        )
        bits = venue_bits(self._parameters.seed, order_id, "answer", 0)
        heard = max(now, _later(self.venue.state.slot or now, between(bits, 20_000, 80_000)))
        if isinstance(answer, VenueOrder):
            return OrderSubmitted(
                observed_at=heard,
                client_order_id=order_id,
                venue_order_id=answer.venue_order_id,
                attempt=attempt,
                status="pending_new",
            )
        if answer in (Post.LOST, Post.DUPLICATE):
            lost = answer is Post.LOST
            return OrderSubmitUnknown(
                observed_at=heard,
                client_order_id=order_id,
                attempt=attempt,
                error_class="timeout" if lost else "duplicate_id",
                detail=None if lost else _DUPLICATE,
            )
        refusal = _RATE_LIMITED if isinstance(answer, Post) else answer
        return _failed(order_id, attempt, refusal, heard)

    def cancel(self, client_order_id: str, attempt: int, now: TimeText) -> CancelAnswered:
        """One cancel request: accepted while the order is open, its report follows."""
        done = self.venue.cancel(client_order_id, now)
        refused = {
            None: {"status_code": 404, "error_code": "40410000"},
            False: {"status_code": 422, "error_code": "42210000"},
            True: {},
        }
        return CancelAnswered(
            observed_at=now,
            client_order_id=client_order_id,
            attempt=attempt,
            outcome="accepted" if done else "refused",
            **refused[done],  # type: ignore[arg-type]
        )

    def look_up(self, client_order_id: str, now: TimeText) -> OrderLookedUp:
        """The order as anyone sees it at `now`, or its certain absence."""
        self.venue.pass_time(now)
        order = self.venue.order(client_order_id)
        if order is None:
            return OrderLookedUp(
                observed_at=now,
                client_order_id=client_order_id,
                source="by-id",
                found=False,
                complete=True,
            )
        event = last_of(self.venue.events(client_order_id, now))
        return OrderLookedUp(
            observed_at=now,
            client_order_id=client_order_id,
            source="by-id",
            found=True,
            complete=True,
            venue_order_id=order.venue_order_id,
            status=status_of(event),
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
        """When a message is due, or a close at which day orders expire, later than `after`."""
        return self.venue.next_due(after)

    def messages(self, after: TimeText, until: TimeText) -> list[Observation]:
        """The stream between two times; a fill's message brings its execution, then its status."""
        found: list[Observation] = []
        for due, order, event in self.venue.messages(after, until):
            if event.execution is not None:
                found.append(fill_of(order, event, "stream", due))
            found.append(report_of(order, event, "stream", due))
        return found

    def reconcile(self, known: Known, now: TimeText) -> list[Observation]:
        """What the venue shows at `now` and the journal does not have."""
        self.venue.pass_time(now)
        return reconcile(self.venue, self._tag, known, now, self._settled)

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


def _failed(order_id: str, attempt: int, answer: Refusal, heard: TimeText) -> OrderSubmitFailed:
    """The definitive no, or the 429."""
    limited = answer is _RATE_LIMITED
    return OrderSubmitFailed(
        observed_at=heard,
        client_order_id=order_id,
        attempt=attempt,
        error_class=SubmitFailure.RATE_LIMITED if limited else SubmitFailure.REFUSED,
        status_code=answer.status_code,
        error_code=answer.error_code,
        detail=answer.detail,
    )


def _later(now: TimeText, latency: int) -> TimeText:
    return time_text(micros(now) + latency)
