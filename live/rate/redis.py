"""The log in Redis, for several machines: WATCH, GET, TIME, then SET in a transaction.

place   redis://[:PASSWORD@]HOST[:PORT][/NUMBER], rediss:// with TLS; keys begin with "refold:rate:"
clock   the server's own (TIME), one for all machines. It can be set: a step back shows in the log,
        and one forward to every process that had looked before it (budget.py)
lost    A server that came back without its data, or that dropped the key to make room, has no log:
        a process that knows of one seals. So keys are never given an end
needs   the package redis (requirements.txt has it), imported when a store is made
dies    before SET is executed: nothing happened. After it: the permits count. A server whose answer
        to it is lost may have taken them: they count until they could not be used any more
"""

from contextlib import suppress
from typing import Any, TypeVar

from live.feeds.errors import BadInputError
from live.rate.store import Act, Found, StoreError

ANSWER_S = 2.0
TRIES_MAX = 50
_PREFIX = "refold:rate:"
_Made = TypeVar("_Made")


class RedisStore:
    """The keys of one Redis database."""

    def __init__(self, url: str) -> None:
        """Connects at the first use."""
        try:
            import redis  # noqa: PLC0415 - half a second
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.retry import Retry  # noqa: PLC0415
        except ImportError:
            message = "rate.store: expected the package redis, found none; install requirements.txt"
            raise BadInputError(message) from None
        self._library: Any = redis
        try:
            self._client: Any = redis.Redis.from_url(
                url,
                socket_timeout=ANSWER_S,
                socket_connect_timeout=ANSWER_S,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            message = "rate.store: expected redis://HOST:PORT/NUMBER, found another (not shown)"
            raise BadInputError(message) from None

    def change(self, name: str, act: Act[_Made]) -> _Made:
        """What came of `act`; again where another process was faster."""
        errors = self._library.exceptions
        try:
            for _ in range(TRIES_MAX):
                with self._client.pipeline() as pipe, suppress(errors.WatchError):
                    pipe.watch(_PREFIX + name)
                    data, made = act(self._found(pipe, name))
                    if data is not None:
                        pipe.multi()
                        pipe.set(_PREFIX + name, data)
                        pipe.execute()
                    return made
        except (errors.RedisError, OSError) as error:
            raise StoreError(f"redis: {type(error).__name__}") from None
        raise StoreError("redis: too busy")

    def look(self, name: str) -> Found:
        """What is under `name` now."""
        try:
            return self._found(self._client, name)
        except (self._library.exceptions.RedisError, OSError) as error:
            raise StoreError(f"redis: {type(error).__name__}") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _found(self, client: Any, name: str) -> Found:
        """The bytes first, the time behind them: so it is later than whatever was kept in them."""
        data = client.get(_PREFIX + name)
        seconds, micros = client.time()
        return Found(data, int(seconds) * 1_000_000 + int(micros), "redis")
