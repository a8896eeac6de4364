"""Orders at Alpaca: submit, cancel, replace, look up, each one request and one observation.

shape   `Ticket` -> POST -> `OrderSubmitted` | `OrderSubmitFailed` | `OrderSubmitUnknown`, and so on
rules   The body is text alone: no float is ever on the wire. A submit counts as taken only by a
        whole, readable order under our own id with our own parameters. What is not certain is
        UNKNOWN; absence is told by Alpaca's own 404 and its list, never by a page or a silence
dies    between the request and its observation: the attempt has no outcome, the next start asks
source  ALPACA.md A2, A3, A4
"""

from decimal import Decimal
from urllib.parse import quote

from msgspec.structs import replace

from core.events import (
    CancelAnswered,
    Observation,
    OrderLookedUp,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    ReplaceAnswered,
    SubmitFailure,
)
from core.values import DecimalText, TimeText, decimal_text, micros
from live.brokers.alpaca.answer import Answer, NoAnswer, request_id
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.errors import Verdict, is_absence, read_error, verdict_of
from live.brokers.alpaca.lookup import by_id, by_venue_id, look_up, why_of
from live.brokers.alpaca.reading import Unreadable, read_object
from live.brokers.alpaca.records import OrderRecord, read_order
from live.brokers.base import SubmitAnswer
from live.brokers.ticket import Ticket
from live.rate.headers import told
from live.rate.window import HOLD_MAX

_FAILURES = {
    Verdict.REFUSED: SubmitFailure.REFUSED,
    Verdict.RATE_LIMITED: SubmitFailure.RATE_LIMITED,
}


class Orders:
    """The four requests, and Alpaca's ids of the orders they named."""

    def __init__(self, client: AlpacaClient) -> None:
        self._client = client
        self._venue_order_ids: dict[str, str] = {}
        self._client_order_ids: dict[str, str] = {}

    def learn(self, client_order_id: str, venue_order_id: str) -> None:
        """Alpaca's id of an order, heard from whoever: a cancel needs it."""
        self._venue_order_ids[client_order_id] = venue_order_id
        self._client_order_ids[venue_order_id] = client_order_id

    def linked(self, heard: Observation) -> Observation:
        """What was heard, with the client order id of the order whose place a successor takes."""
        if not isinstance(heard, OrderLookedUp) or heard.replaces is None:
            return heard
        return replace(heard, predecessor=self._predecessor(heard.replaces))

    def _predecessor(self, venue_order_id: str) -> str | None:
        if venue_order_id not in self._client_order_ids:
            look = by_venue_id(self._client, venue_order_id)
            if look.order is not None:
                self.learn(look.order.client_order_id, venue_order_id)
        return self._client_order_ids.get(venue_order_id)

    def write(self, ticket: Ticket) -> None:
        """Have the request of an order written that was decided and may leave once committed."""
        self._client.write("/orders", order_body(ticket))

    def submit(self, ticket: Ticket, attempt: int, now: TimeText) -> SubmitAnswer:
        """One POST, and its answer or the lack of one."""
        answer = self._client.post("/orders", order_body(ticket))
        heard = max(now, self._client.clock())
        order_id = ticket.client_order_id
        if isinstance(answer, NoAnswer) and not answer.sent:
            limited = answer.kind == "rate_limited"
            return OrderSubmitFailed(
                observed_at=heard,
                client_order_id=order_id,
                attempt=attempt,
                error_class=SubmitFailure.RATE_LIMITED if limited else SubmitFailure.NOT_SENT,
                detail=f"{answer.kind}: {answer.detail}",
            )
        if isinstance(answer, NoAnswer):
            return OrderSubmitUnknown(
                observed_at=heard,
                client_order_id=order_id,
                attempt=attempt,
                error_class=answer.kind,
                detail=answer.detail,
                status_code=answer.status,
            )
        if answer.status in (200, 201):
            return self._taken(ticket, attempt, answer, heard)
        return self._not_taken(order_id, attempt, answer, heard)

    def cancel(self, client_order_id: str, attempt: int, now: TimeText) -> CancelAnswered:
        """One DELETE; Alpaca's id is asked for first where nobody has named it yet."""
        venue_order_id = self._venue_order_ids.get(client_order_id)
        heard_before: Answer | NoAnswer | None = None
        outcome = "unknown"
        if venue_order_id is None:
            with self._client.reserved():
                look = by_id(self._client, client_order_id)
            heard_before, outcome = look.heard, "refused" if look.absent else "unknown"
            if look.order is not None:
                venue_order_id = look.order.venue_order_id
                self.learn(client_order_id, venue_order_id)
        if venue_order_id is None:
            assert heard_before is not None
            answer = heard_before
        else:
            answer = self._client.delete(f"/orders/{quote(venue_order_id, safe='')}")
            outcome = _cancel_outcome(answer)
        whole = None if isinstance(answer, NoAnswer) else answer
        return CancelAnswered(
            observed_at=max(now, self._client.clock()),
            client_order_id=client_order_id,
            attempt=attempt,
            outcome=outcome,
            status_code=answer.status,
            error_code=None if whole is None else read_error(whole.body).code,
            request_id=None if whole is None else request_id(whole),
            raw=None if whole is None else self._client.raw(whole.body) or None,
        )

    def replace(
        self,
        client_order_id: str,
        successor: str,
        quantity: DecimalText,
        limit_price: DecimalText | None,
        *,
        attempt: int,
        now: TimeText,
    ) -> ReplaceAnswered:
        """One PATCH. Accepted only says the successor exists: a fill may still overtake it."""
        look = by_id(self._client, client_order_id)
        answer, outcome = look.heard, "refused" if look.absent else "unknown"
        successor_venue_order_id = None
        if look.order is not None:
            body = {"client_order_id": successor, "qty": str(quantity)}
            if limit_price is not None:
                body["limit_price"] = str(limit_price)
            answer = self._client.patch(
                f"/orders/{quote(look.order.venue_order_id, safe='')}", body
            )
            outcome, successor_venue_order_id = _replace_outcome(answer, successor)
        whole = None if isinstance(answer, NoAnswer) else answer
        return ReplaceAnswered(
            observed_at=max(now, self._client.clock()),
            client_order_id=client_order_id,
            attempt=attempt,
            outcome=outcome,
            successor_client_order_id=successor if outcome == "accepted" else None,
            successor_venue_order_id=successor_venue_order_id,
            status_code=answer.status,
            request_id=None if whole is None else request_id(whole),
            raw=None if whole is None else self._client.raw(whole.body) or None,
        )

    def look_up(self, client_order_id: str, now: TimeText) -> OrderLookedUp:
        """What Alpaca has under our id."""
        found = look_up(self._client, client_order_id, now)
        if found.venue_order_id is not None:
            self.learn(client_order_id, found.venue_order_id)
        return found

    def _taken(
        self, ticket: Ticket, attempt: int, answer: Answer, heard: TimeText
    ) -> OrderSubmitted | OrderSubmitUnknown:
        """A 200: ours, as sent, or not known."""
        order = read_order(read_object(answer.body))
        raw = self._client.raw(answer.body)
        if isinstance(order, Unreadable):
            kind, detail = "unreadable", why_of(answer.body, order)
        elif not _is_ticket(order, ticket):
            kind, detail = "other_order", "the answer names another order than was sent"
        else:
            self.learn(order.client_order_id, order.venue_order_id)
            return OrderSubmitted(
                observed_at=heard,
                client_order_id=ticket.client_order_id,
                venue_order_id=order.venue_order_id,
                attempt=attempt,
                status=order.status,
                source_time=order.updated_at,
                request_id=request_id(answer),
                raw=raw,
            )
        return OrderSubmitUnknown(
            observed_at=heard,
            client_order_id=ticket.client_order_id,
            attempt=attempt,
            error_class=kind,
            detail=detail,
            status_code=answer.status,
            request_id=request_id(answer),
            raw=raw or None,
        )

    def _not_taken(
        self, client_order_id: str, attempt: int, answer: Answer, heard: TimeText
    ) -> OrderSubmitFailed | OrderSubmitUnknown:
        """Any other status, by the table."""
        error = read_error(answer.body)
        verdict, kind = verdict_of(answer.status, error)
        detail = self._client.raw(f"{kind}: {error.message}".encode()) if error.message else kind
        raw = self._client.raw(answer.body) or None
        if verdict in _FAILURES:
            return OrderSubmitFailed(
                observed_at=heard,
                client_order_id=client_order_id,
                attempt=attempt,
                error_class=_FAILURES[verdict],
                status_code=answer.status,
                error_code=error.code,
                retry_after_s=_retry_after_s(answer, heard),
                detail=detail,
                request_id=request_id(answer),
                raw=raw,
            )
        return OrderSubmitUnknown(
            observed_at=heard,
            client_order_id=client_order_id,
            attempt=attempt,
            error_class=kind,
            detail=detail,
            status_code=answer.status,
            request_id=request_id(answer),
            raw=raw,
        )


def _retry_after_s(answer: Answer, heard: TimeText) -> DecimalText | None:
    """How long a 429 asks not to be called, capped; None where it does not say or it is none."""
    said = told(answer.status, answer.headers, micros(heard) / 1_000_000)
    asked = max((wait for wait in (said.retry_s, said.reset_s) if wait is not None), default=None)
    if asked is None or not said.limited:
        return None
    return decimal_text(Decimal(min(int(asked * 1_000_000), HOLD_MAX)) / 1_000_000)


def order_body(ticket: Ticket) -> dict[str, str]:
    """What is posted: text alone."""
    body = {
        "client_order_id": ticket.client_order_id,
        "symbol": ticket.symbol,
        "side": ticket.side.value,
        "type": ticket.order_type.value,
        "qty": str(ticket.quantity),
        "time_in_force": ticket.time_in_force.value,
    }
    if ticket.limit_price is not None:
        body["limit_price"] = str(ticket.limit_price)
    return body


def _is_ticket(order: OrderRecord, ticket: Ticket) -> bool:
    """Whether the answer is about what was sent."""
    return (
        order.client_order_id,
        order.symbol,
        order.side,
        order.quantity,
        order.order_type,
        order.limit_price,
        order.time_in_force,
    ) == (
        ticket.client_order_id,
        ticket.symbol,
        ticket.side,
        ticket.quantity,
        ticket.order_type,
        ticket.limit_price,
        ticket.time_in_force,
    )


def _cancel_outcome(answer: Answer | NoAnswer) -> str:
    """204: on its way. 422: not cancelable. 404 from Alpaca: not there. Else nobody knows."""
    if isinstance(answer, NoAnswer):
        return "unknown"
    if answer.status in (200, 204):
        return "accepted"
    refused = answer.status == 422 or is_absence(answer.status, read_error(answer.body))
    return "refused" if refused else "unknown"


def _replace_outcome(answer: Answer | NoAnswer, successor: str) -> tuple[str, str | None]:
    """Accepted by an order under the successor's id; an error may have happened all the same."""
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return "unknown", None
    order = read_order(read_object(answer.body))
    if isinstance(order, Unreadable) or order.client_order_id != successor:
        return "unknown", None
    return "accepted", order.venue_order_id
