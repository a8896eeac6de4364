"""A state as canonical bytes and back, in an envelope that says of which journal, place and core.

shape   the `Envelope`, canonical JSON (RFC 8785), in one line; a line feed; the body, canonical:
        {"order": {field: [key, …]}, "state": {…}}
order   canonical JSON sorts the keys of a map, and a strategy may walk a map in the order in which
        it grew; so of each map of the state whose keys did not come sorted, their order is kept
why     it is a cache and never trusted: every bit is under a comparison or under `body_sha256`, and
        whoever reads it compares the envelope with the journal before anything is made of the body
errors  `SnapshotError`: expected, found; the caller folds from sequence 1
"""

import msgspec

from core.canonical import canonical_bytes, sha256_hex
from core.reading import ReadingError, decoder_of
from core.rules import RULES
from core.state import State
from core.values import MAX_INTEGER

FORMAT = "refold-snapshot.v1"


class SnapshotError(ValueError):
    """Bytes that are no snapshot of a state, or not one that this release can use."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a snapshot is of.

    `chain`: the journal's at `sequence`, whose event is the last one folded. `source`: the hash
    over this core's files. `body_sha256`: of all bytes behind the envelope's line.
    """

    format: str
    journal_id: str
    sequence: int
    chain: str
    rules: int
    source: str
    body_sha256: str


class Body(msgspec.Struct, frozen=True):
    """What is behind the envelope."""

    order: dict[str, list[str]]
    state: State


def encode(state: State, *, sequence: int, chain: str, source: str) -> bytes:
    """The snapshot of `state`, the fold of its journal up to `sequence`, as the file holds it."""
    body = canonical_bytes(Body(_orders(state), state))
    envelope = Envelope(
        format=FORMAT,
        journal_id=state.journal_id,
        sequence=sequence,
        chain=chain,
        rules=RULES,
        source=source,
        body_sha256=sha256_hex(body),
    )
    return b"%b\n%b" % (canonical_bytes(envelope), body)


def opened(data: bytes, *, journal_id: str, source: str) -> tuple[Envelope, bytes]:
    """(envelope, body) of a whole snapshot of this journal by this very core."""
    line, _, body = data.partition(b"\n")
    try:
        envelope = msgspec.json.decode(line, type=Envelope)
    except (msgspec.MsgspecError, ValueError):
        raise SnapshotError(_differs("an envelope", "a snapshot", data[:40])) from None
    if canonical_bytes(envelope) != line:
        raise SnapshotError(_differs("an envelope", "canonical bytes", line[:40]))
    if not 0 < envelope.sequence <= MAX_INTEGER:
        raise SnapshotError(_differs("sequence", "one of the journal", envelope.sequence))
    for what, expected, found in (
        ("format", FORMAT, envelope.format),
        ("journal", journal_id, envelope.journal_id),
        ("rules", RULES, envelope.rules),
        ("core's source", source, envelope.source),
        ("sha256", envelope.body_sha256, sha256_hex(body)),
    ):
        if found != expected:
            raise SnapshotError(_differs(what, expected, found))
    return envelope, body


def state_of(body: bytes) -> State:
    """The state a body holds, every map in its own order."""
    try:
        read = decoder_of(Body)(body)
        assert isinstance(read, Body)
        state = read.state
        changes = {name: _ordered(getattr(state, name), keys) for name, keys in read.order.items()}
        return msgspec.structs.replace(state, **changes)
    except (ReadingError, LookupError, TypeError, AttributeError) as error:
        raise SnapshotError(f"body: expected a state, found: {error}") from None


def _orders(state: State) -> dict[str, list[str]]:
    """{field: its keys as they came} of the maps whose keys are not sorted."""
    found: dict[str, list[str]] = {}
    for name in state.__struct_fields__:
        value = getattr(state, name)
        if isinstance(value, dict) and (keys := list(value)) != sorted(keys):
            found[name] = keys
    return found


def _ordered(held: dict[str, object], keys: list[str]) -> dict[str, object]:
    if len(keys) != len(held):
        raise SnapshotError(_differs("keys in order", len(held), len(keys)))
    return {key: held[key] for key in keys}


def _differs(what: str, expected: object, found: object) -> str:
    return f"{what}: expected {str(expected)[:40]}, found {str(found)[:40]}"
