"""What can go wrong at the venue, when it does, and how often it did.

kinds   of a request (what becomes of one call and its answer), of an order (what it lives through),
        of the stream (what becomes of one message, or of the connection)
when    by rate: a draw named by (seed, kind, client order id or path, how often seen), so an
        order's luck depends on no other; or armed: the next `times` occasions that match
counts  a fault is counted where it happens, never where it is drawn. `missing` is what a campaign
        declared and never saw: not empty means red
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from core.rng import rng_from_parts


class Fault(StrEnum):
    """Everything that can be declared, armed and counted."""

    TIMEOUT_BEFORE = "timeout_before"
    """The call is read and forgotten; no answer comes."""
    TIMEOUT_AFTER = "timeout_after"
    """The call is done; no answer comes."""
    RESET_BEFORE = "reset_before"
    """The connection is reset, nothing done."""
    RESET_AFTER = "reset_after"
    """The call is done; the connection is reset at some byte of the answer, the first included."""
    HALF_ANSWER = "half_answer"
    """The call is done; the answer ends in its middle, the connection closed in order."""
    RATE_LIMITED = "rate_limited"
    """429, nothing done."""
    ERROR_BEFORE = "error_before"
    """500, 502, 503 or 504, nothing done."""
    ERROR_AFTER = "error_after"
    """500, 502, 503 or 504 although the call is done."""
    HTML = "html"
    """The call is done; the answer is 200 and a page of HTML."""
    EMPTY = "empty"
    """The call is done; the answer is 200 and no body."""
    GARBAGE = "garbage"
    """The call is done; the answer is 200 and JSON that breaks off."""
    SLOW = "slow"
    """The call is done and answered, late and in pieces."""
    DIE_AFTER = "die_after"
    """The call is done; the venue's process kills itself before it answers. Armed only."""

    LATE_VISIBLE = "late_visible"
    """The order is accepted, and for a while found neither by id nor in a list."""
    LATE_REJECT = "late_reject"
    """The order is accepted, then rejected."""
    UNKNOWN_STATUS = "unknown_status"
    """The order is for a while in a status nobody has heard of."""
    PARTIAL_FILL = "partial_fill"
    """The first fill takes half."""
    FILL_AFTER_CANCEL = "fill_after_cancel"
    """The order fills after its cancel was accepted."""
    CANCEL_REJECTED = "cancel_rejected"
    """The accepted cancel is rejected afterwards."""
    REPLACE_REJECTED = "replace_rejected"
    """The accepted replace comes to nothing: its successor is rejected, the order stays."""
    STUCK_CANCEL = "stuck_cancel"
    """The order stays in pending_cancel. Armed only: it would hold its shares for ever."""
    BUST = "bust"
    """The order's last fill is busted."""
    CORRECT = "correct"
    """The order's last fill is corrected: a cent worse."""

    STREAM_DROP = "stream_drop"
    """A message is never sent."""
    STREAM_DUPLICATE = "stream_duplicate"
    """A message is sent twice."""
    STREAM_REORDER = "stream_reorder"
    """A message is overtaken by the next."""
    STREAM_DELAY = "stream_delay"
    """A message is sent late."""
    STREAM_NULL = "stream_null"
    """`"data": null` is sent before a message."""
    STREAM_UNKNOWN_EVENT = "stream_unknown_event"
    """A message of an event nobody has heard of is sent before a message."""
    STREAM_HALF_OPEN = "stream_half_open"
    """The connection stays and is deaf and dumb from this message on."""
    STREAM_DISCONNECT = "stream_disconnect"
    """The connection is reset in place of a message."""

    CONNECT_429 = "connect_429"
    """The stream's handshake is answered 429. Armed only, as the next two."""
    CONNECT_SILENT = "connect_silent"
    """The stream never answers an authentication."""
    CONNECT_LISTEN_EMPTY = "connect_listen_empty"
    """The stream acknowledges a listen with an empty list, and sends nothing."""


AFTER = frozenset(
    {
        Fault.TIMEOUT_AFTER, Fault.RESET_AFTER, Fault.HALF_ANSWER, Fault.ERROR_AFTER, Fault.HTML,
        Fault.EMPTY, Fault.GARBAGE, Fault.SLOW, Fault.DIE_AFTER,
    }
)  # fmt: skip
BEFORE = frozenset(
    {Fault.TIMEOUT_BEFORE, Fault.RESET_BEFORE, Fault.RATE_LIMITED, Fault.ERROR_BEFORE}
)
REQUEST = tuple(kind for kind in Fault if kind in AFTER | BEFORE)
STREAM = tuple(kind for kind in Fault if kind.startswith("stream_"))
CONNECT = tuple(kind for kind in Fault if kind.startswith("connect_"))
ORDER = tuple(kind for kind in Fault if kind not in REQUEST + STREAM + CONNECT)
ARMED_ONLY = frozenset({Fault.DIE_AFTER, Fault.STUCK_CANCEL, *CONNECT})

_BITS = 32


class Armed(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A fault that waits for its occasions: those that match all that is given here.

    `order_number`: the venue's nth client order id, from 1. `path`: how the call's path begins; of
    a request fault without `method` and `path`, the POST of an order. `event`: of the stream.
    `at_byte`: where the answer is cut; `seconds`: how long, of 429 the Retry-After in place of the
    rate headers; `status`: which 5xx, or which words
    """

    fault: Fault
    times: int = 1
    method: str | None = None
    path: str | None = None
    client_order_id: str | None = None
    order_number: int | None = None
    symbol: str | None = None
    event: str | None = None
    at_byte: int | None = None
    seconds: float | None = None
    status: str | None = None


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Something that may go wrong: a call, an order's acceptance, a stream's message."""

    method: str | None = None
    path: str = ""
    client_order_id: str | None = None
    order_number: int | None = None
    symbol: str | None = None
    event: str | None = None


class Struck(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that is about to happen, and chance for its details."""

    fault: Fault
    armed: Armed
    chance: int

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1 of this fault's own."""
        return self.chance % max(1, limit)

    def seconds(self, low_ms: int, high_ms: int) -> float:
        """How long: as armed, or by chance between the two."""
        if self.armed.seconds is not None:
            return self.armed.seconds
        return (low_ms + self.below(high_ms - low_ms + 1)) / 1000


class Faults:
    """The venue's faults: rates, what is armed, and the counts of what happened."""

    def __init__(self, seed: int, rates: Mapping[Fault, Decimal]) -> None:
        check_rates(rates)
        self.seed = seed
        self.rates = dict(rates)
        self.armed: list[Armed] = []
        self.armed_changed = False
        self.counts: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._numbers: dict[str, int] = {}

    def number_of(self, client_order_id: str) -> int:
        """Which client order id of those the venue has seen this is, from 1."""
        return self._numbers.setdefault(client_order_id, len(self._numbers) + 1)

    def arm(self, armed: Armed) -> None:
        """One more that waits."""
        if armed.fault in REQUEST and armed.method is None and armed.path is None:
            armed = msgspec.structs.replace(armed, method="POST", path="/v2/orders")
        self.armed.append(armed)
        self.armed_changed = True

    def count(self, fault: Fault) -> None:
        """It happened."""
        self.counts[fault] = self.counts.get(fault, 0) + 1

    def declared(self) -> list[Fault]:
        """The kinds that have a rate."""
        return [kind for kind in Fault if self.rates.get(kind)]

    def never_happened(self) -> list[str]:
        """The declared kinds that never happened; a campaign with any is red."""
        return [kind.value for kind in missing(self.declared(), self.counts)]

    def saw(self, method: str, path: str, client_order_id: str | None) -> None:
        """A call of an earlier process: the next of its kind is not the first."""
        key = f"{method} {path} {client_order_id or ''}"
        self._seen[key] = self._seen.get(key, 0) + 1

    def of_request(self, occasion: Occasion) -> Struck | None:
        """What becomes of this call; at most one thing."""
        return self._one(REQUEST, occasion, f"{occasion.method} {occasion.path}")

    def of_message(self, occasion: Occasion) -> Struck | None:
        """What becomes of this message; at most one thing."""
        return self._one(STREAM, occasion, f"stream {occasion.event}")

    def of_connection(self, fault: Fault) -> bool:
        """Whether this stream's connection suffers it now: then it is counted."""
        if self._armed((fault,), Occasion()) is None:
            return False
        self.count(fault)
        return True

    def of_order(self, occasion: Occasion) -> list[Struck]:
        """All that this order will live through."""
        name = occasion.client_order_id or ""
        found = []
        for kind in ORDER:
            armed = self._armed((kind,), occasion)
            bits = rng_from_parts(self.seed, "fault", kind, name).getrandbits
            if armed is not None:
                found.append(Struck(fault=kind, armed=armed, chance=bits(64)))
            elif bits(_BITS) < int(self.rates.get(kind, Decimal(0)) * (1 << _BITS)):
                found.append(Struck(fault=kind, armed=Armed(fault=kind), chance=bits(64)))
        return found

    def _one(self, kinds: Iterable[Fault], occasion: Occasion, what: str) -> Struck | None:
        """The armed one, or the one that a single draw falls on."""
        key = f"{what} {occasion.client_order_id or ''}"
        self._seen[key] = self._seen.get(key, 0) + 1
        bits = rng_from_parts(self.seed, "fault", key, self._seen[key]).getrandbits
        draw, chance = bits(_BITS), bits(64)
        armed = self._armed(kinds, occasion)
        if armed is not None:
            return Struck(fault=armed.fault, armed=armed, chance=chance)
        reached = 0
        for kind in kinds:
            reached += int(self.rates.get(kind, Decimal(0)) * (1 << _BITS))
            if draw < reached:
                return Struck(fault=kind, armed=Armed(fault=kind), chance=chance)
        return None

    def _armed(self, kinds: Iterable[Fault], occasion: Occasion) -> Armed | None:
        """The first armed fault of these kinds that matches, one of its times used up."""
        for waiting in self.armed:
            if waiting.fault in kinds and _matches(waiting, occasion):
                waiting.times -= 1
                self.armed_changed = True
                if waiting.times <= 0:
                    self.armed.remove(waiting)
                return waiting
        return None


def _matches(armed: Armed, occasion: Occasion) -> bool:
    return (
        armed.method in (None, occasion.method)
        and (armed.path is None or occasion.path.startswith(armed.path))
        and armed.client_order_id in (None, occasion.client_order_id)
        and armed.order_number in (None, occasion.order_number)
        and armed.symbol in (None, occasion.symbol)
        and armed.event in (None, occasion.event)
    )


def missing(declared: Iterable[Fault], counts: Mapping[str, int]) -> list[Fault]:
    """The declared faults that never happened; a campaign with any is red."""
    return [fault for fault in declared if not counts.get(fault)]


def check_rates(rates: Mapping[Fault, Decimal]) -> None:
    """Refuse rates that are no probabilities: of a request and of a message one thing happens.

    errors  `ValueError`
    """
    for kinds in (REQUEST, STREAM):
        total = sum((rates.get(kind, Decimal(0)) for kind in kinds), Decimal(0))
        if total > 1:
            message = (
                f"rates of {kinds[0]} to {kinds[-1]}: expected a sum of at most 1, found {total}; "
                "lower them"
            )
            raise ValueError(message)
    for kind, rate in rates.items():
        if not 0 <= rate <= 1:
            raise ValueError(f"rate of {kind}: expected 0 to 1, found {rate}; mend it")
        if rate and kind in ARMED_ONLY:
            raise ValueError(f"rate of {kind}: expected 0, found {rate}; arm it instead")


def parse_rates(text: str) -> dict[Fault, Decimal]:
    """The rates of "all=0.02,timeout_after=0.1"; later parts win over earlier ones.

    errors  `ValueError` for a kind nobody declares, or a rate that is no number
    """
    rates: dict[Fault, Decimal] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        try:
            rate = Decimal(value)
            kinds = [Fault(name)] if name != "all" else [k for k in Fault if k not in ARMED_ONLY]
        except (ArithmeticError, ValueError):
            known = ", ".join(["all", *Fault])
            message = f"faults: expected KIND=RATE with KIND of {known}, found {part!r}; mend it"
            raise ValueError(message) from None
        rates.update(dict.fromkeys(kinds, rate))
    check_rates(rates)
    return rates


def parse_script(text: str) -> list[Armed]:
    """The armed faults of "3:timeout_after,5:bust": of the venue's third and fifth order.

    errors  `ValueError` for anything else
    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        number, _, name = part.partition(":")
        if not number.isdecimal() or name not in list(Fault):
            message = (
                f"script: expected NUMBER:KIND with KIND of {', '.join(Fault)}, "
                f"found {part!r}; mend it"
            )
            raise ValueError(message)
        found.append(Armed(fault=Fault(name), order_number=int(number)))
    return found
