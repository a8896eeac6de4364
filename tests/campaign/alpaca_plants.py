"""Planted faults of the adapter and the core: what the kill matrix must find, or it proves nothing.

+ shows in no run that is never killed
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from core import outcomes
from core.events import OrderLookedUp, OrderSubmitUnknown
from live.at_broker import AtBroker
from live.brokers.alpaca.orders import Orders
from live.brokers.ticket import Ticket
from tests.campaign.plants import put


def fresh_id_after_a_timeout() -> None:
    """A POST without an answer is posted again at once, under another id."""
    real = Orders.submit

    def submit(orders: Orders, ticket: Ticket, attempt: int, now: Any) -> Any:
        answer = real(orders, ticket, attempt, now)
        if not isinstance(answer, OrderSubmitUnknown):
            return answer
        real(orders, replace(ticket, client_order_id=ticket.client_order_id[:-2] + "zz"), 1, now)
        return answer

    put(Orders, "submit", submit)


def absence_at_once() -> None:
    """The first 404 is proof that there is no order, and it is sent again under a new id."""
    sent: dict[str, Ticket] = {}
    real_submit, real_look = Orders.submit, Orders.look_up

    def submit(orders: Orders, ticket: Ticket, attempt: int, now: Any) -> Any:
        sent[ticket.client_order_id] = ticket
        return real_submit(orders, ticket, attempt, now)

    def look_up(orders: Orders, client_order_id: str, now: Any) -> OrderLookedUp:
        found = real_look(orders, client_order_id, now)
        ticket = sent.pop(client_order_id, None)
        if ticket is not None and found.complete and not found.found:
            again = replace(ticket, client_order_id=client_order_id[:-2] + "zz")
            real_submit(orders, again, 1, now)
        return found

    put(Orders, "submit", submit)
    put(Orders, "look_up", look_up)


def forget_attempts() -> None:
    """+ A start asks about no attempt that has no answer."""
    put(outcomes, "on_runner_started", lambda _: None)


def no_list_at_start() -> None:
    """+ What happened while nobody listened is never asked for."""
    from live.brokers.alpaca import reconcile

    put(reconcile, "_news", lambda *_, **__: [])


def no_cancel_again() -> None:
    """+ A cancel whose answer nobody wrote down is not sent by the next `halt --cancel-open`."""
    put(AtBroker, "_again", lambda *_: None)


PLANTS: dict[str, Callable[[], None]] = {
    "fresh-id": fresh_id_after_a_timeout,
    "absence-at-once": absence_at_once,
    "forget-attempts": forget_attempts,
    "no-news": no_list_at_start,
    "no-cancel-again": no_cancel_again,
}
