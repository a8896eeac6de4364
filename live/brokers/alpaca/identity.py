"""Whose account the keys are: asked at a start, and by a command before it does anything.

errors  `BadInputError` where Alpaca does not say it, with what a person can mend
"""

from http import HTTPStatus

from live.brokers.alpaca.answer import NoAnswer
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.reading import read_object, text
from live.feeds.errors import BadInputError


def account_id(client: AlpacaClient) -> str:
    """The account's own id, by one read of it."""
    answer, mend = client.get("/account"), "check keys and addresses"
    if isinstance(answer, NoAnswer):
        why = answer.detail or answer.kind
        if answer.kind == "rate_limited":
            mend = "wait, or see to the limiter (rate.store, rate.folder)"
    else:
        found = read_object(answer.body)
        named = text(found.get("id")) if isinstance(found, dict) else None
        if answer.status == HTTPStatus.OK and named is not None:
            return named
        why = f"HTTP {answer.status}"
    message = f"broker alpaca: expected the account's id, found {why}; {mend}"
    raise BadInputError(message)
