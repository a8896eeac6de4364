"""Observations of the market, of signals, and of the slot they belong to."""

from core.events.base import ObservationEvent
from core.struct import Value
from core.values import DecimalText, TimeText


class Quote(Value, frozen=True, kw_only=True):
    """A symbol's last quote at `time`: prices a share, sizes and volume in shares."""

    bid: DecimalText
    ask: DecimalText
    bid_size: DecimalText
    ask_size: DecimalText
    last: DecimalText
    volume: DecimalText
    time: TimeText


class QuotesObserved(ObservationEvent, frozen=True, kw_only=True, tag="quotes-observed.v1"):
    """The last quote of each symbol that has one in this slot. One a cycle, never ticks."""

    slot: TimeText
    feed: str
    quotes: dict[str, Quote]


class SignalObserved(ObservationEvent, frozen=True, kw_only=True, tag="signal-observed.v1"):
    """A model's output for one symbol, with the model's version and the hash of its file."""

    symbol: str
    value: DecimalText
    model: str
    model_version: str
    model_hash: str


class CycleOpened(ObservationEvent, frozen=True, kw_only=True, tag="cycle-opened.v1"):
    """A slot of the market is opened, once. Its inputs stand before it; the strategy runs on it.

    `number` counts the cycles of the journal from 1; `slot` is the scheduled time.
    """

    number: int
    slot: TimeText
