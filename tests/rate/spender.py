"""A process that shares a budget: `python -m tests.rate.spender '{…}'`, JSON as its one argument.

does    asks for permits as fast as it can for `seconds`, and calls the venue where it has one:
        through the adapter itself (`url`), or, without a venue, by writing a stamp of the machine's
        clock for each permit to its standard output
words   store (a folder or a URL), name, limit, reserve, window_s, seconds, expected; url, keys;
        settle: answered, or held to the end; hold: how many permits are taken at once
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from live.rate.budget import RateBudget, Refusal
from live.rate.opening import store_at
from live.rate.store import elapsed_us
from live.rate.window import SECOND, Rules


def budget_of(words: dict[str, Any]) -> RateBudget:
    """The budget that the words describe."""
    place = str(words["store"])
    store = store_at(place if "://" in place else "file", Path(place))
    rules = Rules(
        limit=words["limit"],
        reserve=words.get("reserve", 0),
        window=int(words.get("window_s", 60) * SECOND),
    )
    return RateBudget(
        store,
        rules,
        words.get("name", "account"),
        expected=words.get("expected", False),
        flight_s=words.get("flight_s", 5.0),
    )


def spend(words: dict[str, Any]) -> None:
    """Permits, as many as there are, each answered a moment later."""
    budget = budget_of(words)
    ends = time.monotonic() + words["seconds"]
    out = sys.stdout
    while time.monotonic() < ends:
        permit = budget.take(words.get("hold", 1), ahead=words.get("hold", 1) > 1)
        if isinstance(permit, Refusal):
            out.write(json.dumps({"why": permit.why}) + "\n")
            out.flush()
            time.sleep(0.01)
            continue
        for _ in range(permit.calls):
            out.write(json.dumps({"at": elapsed_us()}) + "\n")
            out.flush()
            budget.answered(permit, 200, {})


def call(words: dict[str, Any]) -> None:
    """The adapter's own calls against a venue."""
    from live.brokers.alpaca.answer import Answer
    from live.brokers.alpaca.client import AlpacaClient
    from live.brokers.alpaca.settings import AlpacaSettings
    from live.secrets import Secrets
    from tests.alpaca.world import wall

    url = words["url"]
    keys = {"APCA_API_KEY_ID": words["key_id"], "APCA_API_SECRET_KEY": words["secret"]}
    budget = budget_of(words)
    client = AlpacaClient(
        AlpacaSettings(trading_url=url, data_url=url, read_s=4.0), Secrets(keys), wall,
        (budget, budget),
    )  # fmt: skip
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    ends = time.monotonic() + words["seconds"]
    answers: dict[str, int] = {}
    while time.monotonic() < ends:
        answer = client.get("/account")
        said = str(answer.status) if isinstance(answer, Answer) else answer.kind
        answers[said] = answers.get(said, 0) + 1
        if said == "rate_limited":
            time.sleep(0.01)
    sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    (call if "url" in given else spend)(given)
