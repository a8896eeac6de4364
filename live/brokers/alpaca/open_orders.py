"""The operator's view of an account: what is open there, and whether new orders are taken at all.

shape   `seen(client, known, now)` -> news of our orders, what is open and not ours, what failed
        `suspended(client, suspend=…)` -> whether Alpaca says the account is so now, and its word
why     an operator's command may stand beside a runner that lives: it tells news of our orders,
        which are counted once whoever tells them, and nothing that a runner keeps to itself (what
        is up, what was compared, what does not agree)
dies    before the PATCH: nothing changed. After it: the account is suspended, or is not; the
        account's own flag tells, to whoever reads it next
source  ALPACA.md A4; LIBRARIES.md 0.13
"""

from http import HTTPStatus
from typing import NamedTuple

from core.events import Observation
from core.order import status_of
from core.values import TimeText
from live.brokers.alpaca.answer import Answer, NoAnswer
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.errors import read_error
from live.brokers.alpaca.reading import Unreadable, read_object
from live.brokers.alpaca.reconcile import news_of_orders
from live.brokers.alpaca.records import read_account
from live.brokers.base import Known

CONFIGURATIONS = "/account/configurations"


class Seen(NamedTuple):
    """What one look brought; `others`: open orders of nobody here; `failed`: what did not come."""

    observations: list[Observation]
    others: list[str]
    failed: str | None


class Flag(NamedTuple):
    """`suspend_trade` as Alpaca says it is, None where it does not say; and why not."""

    is_suspended: bool | None
    why: str


def seen(client: AlpacaClient, known: Known, now: TimeText, strangers: set[str]) -> Seen:
    """The orders the journal holds open, and all that are open at Alpaca.

    `strangers` remembers, for this process, the orders that take the place of none of ours.
    """
    news, orders, failed = news_of_orders(client, known, now, strangers)
    ours = {getattr(observation, "client_order_id", "") for observation in news}
    others = [
        f"{order.side} {order.quantity} {order.symbol} {order.client_order_id}"
        for order in sorted(orders, key=lambda order: order.client_order_id)
        if not known.knows_order(order.client_order_id)
        and order.client_order_id not in ours
        and not status_of(order.status)[1]
    ]
    return Seen(news, others, failed)


def suspended(client: AlpacaClient, *, suspend: bool) -> Flag:
    """Ask for it, then read what is so: the answer to the PATCH may be lost, the flag stays."""
    asked = client.patch(CONFIGURATIONS, {"suspend_trade": suspend})
    read = client.get(CONFIGURATIONS)
    if not isinstance(read, NoAnswer) and read.status == HTTPStatus.OK:
        found = read_object(read.body)
        flag = found.get("suspend_trade") if isinstance(found, dict) else None
        if isinstance(flag, bool):
            return Flag(flag, "" if flag is suspend else _why(client, asked))
    return Flag(None, _why(client, asked if isinstance(asked, NoAnswer) else read))


def blocked(client: AlpacaClient) -> str:
    """Why the account may not trade, in the words a runner uses; "" where it may."""
    answer = client.get("/account")
    if isinstance(answer, NoAnswer) or answer.status != HTTPStatus.OK:
        return f"account: {_why(client, answer)}"
    account = read_account(read_object(answer.body))
    return f"account: {account.why}" if isinstance(account, Unreadable) else account.blocked or ""


def _why(client: AlpacaClient, answer: Answer | NoAnswer) -> str:
    """Why it is not as asked."""
    if isinstance(answer, NoAnswer):
        return f"{answer.kind}: {answer.detail}"
    message = read_error(answer.body).message
    return f"HTTP {answer.status} {client.raw(message.encode())}".strip()
