"""From settings and keys to an account's budgets, before anybody has asked whose keys they are.

shape   `open_budgets(config, key_id, there=…)` -> `Budgets`: `trading`, `data`, `bind`, `close`
names   an account's log is named by its hash, the one its journal is bound to. Where no journal
        says it, it is not known before the first call. So a store also keeps which account a key is
        of (by the key id's hash, never the key), and calls of a key nobody knows are counted under
        the key, until `bind` adds them to the account's
there   whether a journal is there already. Where one is, so was a limiter's state, and one that is
        missing was lost: nothing ordinary leaves for a window. Where none is, nothing of ours was
        spent, and the broker's own count corrects the first answer if others spent it
where   `[rate] store`, `folder`, or their variables where only a journal is given, which holds no
        places; else `$XDG_STATE_HOME/refold` or `~/.local/state/refold`: the same
        for every process of the user, whatever its folder or journal
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from core.canonical import sha256_hex
from core.contract import Config
from core.values import micros
from journal.state_folder import state_folder
from live.clock import Clock
from live.feeds.errors import BadInputError
from live.rate.budget import RateBudget
from live.rate.file import FileStore
from live.rate.store import (
    Found,
    MemoryStore,
    NoStore,
    Store,
    StoreError,
    elapsed_us,
    summed,
    unsummed,
)
from live.rate.window import Rules

_AHEAD_US = 1 << 55
"""What makes a drill's seconds positive, which may begin before this machine did."""
START_WAIT_S = 75.0
"""How long a start waits for a permit: a sealed window and a little."""


class Budgets:
    """The budgets of one account: of its orders and reads, and of its market data."""

    def __init__(
        self,
        store: Store,
        place: str,
        key_id: str,
        config: Config,
        *,
        there: bool,
        account: str | None = None,
        elapsed: Callable[[], int] = elapsed_us,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """`place` is the broker's address: a paper account and a live one are two.

        `account`: the hash of the account, where it is known.
        """
        self.store = store
        self._place = place
        self._alias = f"key:{_hash(place, key_id)}"
        known = self._account() if account is None else self._name(account)
        name = known or self._alias.replace("key:", "new:")
        rate, expected = config.rate, there or known is not None
        flight_s = float(config.broker.connect_timeout_s) + float(config.broker.read_timeout_s) + 5
        self.trading = RateBudget(
            store,
            Rules(limit=rate.per_minute, reserve=rate.reserve),
            name,
            expected=expected,
            flight_s=flight_s,
            elapsed=elapsed,
            wall_s=wall_s,
        )
        self.data = RateBudget(
            store,
            Rules(limit=rate.data_per_minute, reserve=0),
            f"{name}:data",
            expected=expected,
            flight_s=flight_s,
            elapsed=elapsed,
            wall_s=wall_s,
        )

    @property
    def pair(self) -> tuple[RateBudget, RateBudget]:
        """As a client takes them."""
        return self.trading, self.data

    def bind(self, account: str) -> None:
        """The account of the keys, its hash: count under it, and remember it for the next start.

        Where the store cannot be asked, nothing is granted, and the keys' own log goes on.
        """
        name = self._name(account)
        with suppress(StoreError):
            self.trading.bind(name)
            self.data.bind(f"{name}:data")
            if self._account() != name:
                self.store.change(self._alias, lambda _: (summed(name.encode()), None))

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def _name(self, account: str) -> str:
        return f"account:{_hash(self._place, account)}"

    def _account(self) -> str | None:
        """The account that these keys were of, where the store knows."""
        try:
            found: Found = self.store.look(self._alias)
        except StoreError:
            return None
        name = None if found.data is None or found.lost else unsummed(found.data)
        return None if name is None else name.decode("utf-8", "replace")


def open_budgets(
    config: Config, key_id: str, *, there: bool, account: str | None = None
) -> Budgets:
    """The budgets as configured; `BadInputError` for a store that is no store.

    `account`: the hash of the account where a journal says it; then its budget is there already.
    """
    folder = config.rate.folder or os.environ.get("REFOLD_RATE__FOLDER", "")
    place = config.rate.store
    if place == "file":
        place = os.environ.get("REFOLD_RATE__STORE", place)
    home = Path(folder) if folder else state_folder()
    if home is None:
        message = "rate.folder: expected a folder, for there is no home folder here; set it"
        raise BadInputError(message)
    store = store_at(place, home)
    url = config.broker.trading_url
    return Budgets(store, url, key_id, config, there=there, account=account)


def storeless_budgets(config: Config, key_id: str, account: str | None, why: str) -> Budgets:
    """The budgets of a halt whose store cannot even be named: its calls go by its own count."""
    url = config.broker.trading_url
    return Budgets(NoStore(why), url, key_id, config, there=True, account=account)


def drilled_budgets(config: Config, clock: Clock) -> Budgets:
    """Budgets of this process alone, by a clock that leaps: a drill's hours pass in seconds."""

    def elapsed() -> int:
        return _AHEAD_US + int(clock.monotonic() * 1_000_000)

    def wall_s() -> float:
        return micros(clock.now()) / 1_000_000

    store = MemoryStore(elapsed)
    return Budgets(store, "drill", "", config, there=False, elapsed=elapsed, wall_s=wall_s)


def store_at(place: str, folder: Path) -> Store:
    """The store that `[rate] store` names; of a file, the one in `folder`."""
    scheme = place.partition(":")[0]
    if scheme == "file":
        return FileStore(folder)
    if scheme in ("redis", "rediss"):
        from live.rate.redis import RedisStore  # noqa: PLC0415 - only who asks for it pays for it

        return RedisStore(place)
    from live.rate.postgres import PostgresStore  # noqa: PLC0415 - the same

    return PostgresStore(place)


def _hash(*parts: str) -> str:
    return sha256_hex("\n".join(("refold/rate/v1", *parts)).encode())[:32]
