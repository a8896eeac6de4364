"""Observations of orders: answers to what we sent, and what the venue reports by itself.

`raw` is what a broker said, as text and capped, where that decided something; `request_id` is the
broker's own name of the call.
"""

from enum import StrEnum

from core.events.base import ObservationEvent
from core.values import DecimalText, OrderType, Side, TimeInForce


class SubmitFailure(StrEnum):
    """How a submit attempt failed for certain."""

    REFUSED = "refused"
    """The broker answered with a listed, definitive no."""
    NOT_SENT = "not_sent"
    """No byte of the request left this machine, or the commit was too old to act on."""
    RATE_LIMITED = "rate_limited"
    """The broker answered 429: it did not take the order, and may later."""


class OrderSubmitted(ObservationEvent, frozen=True, kw_only=True, tag="order-submitted.v1"):
    """The broker has the order: both ids, and the status string of its answer."""

    client_order_id: str
    venue_order_id: str
    attempt: int
    status: str
    request_id: str | None = None
    raw: str | None = None


class OrderSubmitFailed(ObservationEvent, frozen=True, kw_only=True, tag="order-submit-failed.v1"):
    """The broker said no, or the order was provably never sent.

    `retry_after_s`: how long it asked, with a 429, not to be called again.
    """

    client_order_id: str
    attempt: int
    error_class: SubmitFailure
    status_code: int | None = None
    error_code: str | None = None
    retry_after_s: DecimalText | None = None
    detail: str | None = None
    request_id: str | None = None
    raw: str | None = None


class OrderSubmitUnknown(
    ObservationEvent, frozen=True, kw_only=True, tag="order-submit-unknown.v1"
):
    """Nobody knows whether the broker has the order: time-out, reset, half an answer, 5xx."""

    client_order_id: str
    attempt: int
    error_class: str
    detail: str | None = None
    status_code: int | None = None
    request_id: str | None = None
    raw: str | None = None


class OrderLookedUp(ObservationEvent, frozen=True, kw_only=True, tag="order-looked-up.v1"):
    """The answer to a lookup. Found: the order as the broker has it. Absent: no such id there.

    `source`: by-id, list, activities. `complete` is false when the look failed or was cut short;
    then absence proves nothing. Of an order that took another's place: `replaces`, the broker's id
    of that order, and `predecessor`, that order's client order id, where the adapter found it out;
    `replaced_by`: of an order that is replaced, the broker's id of its successor.
    """

    client_order_id: str
    source: str
    found: bool
    complete: bool
    venue_order_id: str | None = None
    status: str | None = None
    symbol: str | None = None
    side: Side | None = None
    quantity: DecimalText | None = None
    order_type: OrderType | None = None
    limit_price: DecimalText | None = None
    time_in_force: TimeInForce | None = None
    filled_quantity: DecimalText | None = None
    average_price: DecimalText | None = None
    replaces: str | None = None
    predecessor: str | None = None
    replaced_by: str | None = None
    detail: str | None = None
    status_code: int | None = None
    request_id: str | None = None
    raw: str | None = None


class OrderReported(ObservationEvent, frozen=True, kw_only=True, tag="order-reported.v1"):
    """A status of an order, from the stream or from REST, with its cumulative fill.

    `replaced_by`: of an order that is replaced, the broker's id of its successor.
    """

    client_order_id: str
    venue_order_id: str
    status: str
    source: str
    filled_quantity: DecimalText | None = None
    average_price: DecimalText | None = None
    replaced_by: str | None = None
    why: str | None = None
    raw: str | None = None


class CancelAnswered(ObservationEvent, frozen=True, kw_only=True, tag="cancel-answered.v1"):
    """The answer to a cancel. `outcome`: accepted, refused (too late, not found) or unknown."""

    client_order_id: str
    attempt: int
    outcome: str
    status_code: int | None = None
    error_code: str | None = None
    request_id: str | None = None
    raw: str | None = None


class ReplaceAnswered(ObservationEvent, frozen=True, kw_only=True, tag="replace-answered.v1"):
    """The answer to a replace. Accepted: the successor's ids are known."""

    client_order_id: str
    attempt: int
    outcome: str
    successor_client_order_id: str | None = None
    successor_venue_order_id: str | None = None
    status_code: int | None = None
    request_id: str | None = None
    raw: str | None = None


class FillReported(ObservationEvent, frozen=True, kw_only=True, tag="fill-reported.v1"):
    """One execution: `quantity` shares at `price`; `cumulative_quantity` after it, where known.

    Heard twice it counts once: by `execution_id`, or, where REST gives none, by the cumulative
    quantity of its order. `raw` keeps a number the broker sent with more digits than ours.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    quantity: DecimalText
    price: DecimalText
    source: str
    execution_id: str | None = None
    cumulative_quantity: DecimalText | None = None
    raw: str | None = None


class FillBusted(ObservationEvent, frozen=True, kw_only=True, tag="fill-busted.v1"):
    """The venue took an execution back."""

    client_order_id: str
    execution_id: str
    source: str
    raw: str | None = None


class FillCorrected(ObservationEvent, frozen=True, kw_only=True, tag="fill-corrected.v1"):
    """The venue corrected an execution: what it now says of it.

    `execution_id` is the one it names, which may be an earlier correction's; `correction_id` the
    correction's own.
    """

    client_order_id: str
    execution_id: str
    quantity: DecimalText
    price: DecimalText
    source: str
    correction_id: str | None = None
    raw: str | None = None
