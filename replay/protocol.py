"""The submission protocol as one table: what may follow what in the life of an intent's order.

shape   `TABLE`: letter -> its rows (stage before, stage after, condition); no row: it may not
        happen there. `promela()`: the same rows as an include of tests/model/submission.pml
readers `replay/acceptor.py` reads journals by it; the model checker spin proves by it that what it
        allows keeps every order exactly once. So code, journals and proof hang on one table
rules   1. A **passing** stage (`PASSING`) is left within the commit that entered it: decisions
           stand directly behind their observation.
        2. Nothing is given up but from a certain no: refused, never sent, proven absent or gone.
        3. No intent is created while another of its symbol is at a stage that is not `FREE`.
        4. Nothing is created or attempted while the kill switch is latched.
source  DESIGN §4, FAULTS.md 4.3
"""

from enum import StrEnum
from typing import NamedTuple


class Stage(StrEnum):
    """How far an intent's order is, by what the journal says."""

    NONE = "NONE"
    """No intent."""
    CREATED = "CREATED"
    """Decided in this commit; its first attempt follows."""
    PENDING = "PENDING"
    """Nothing of it is on its way: no byte left, or the broker did not take it."""
    SUBMITTING = "SUBMITTING"
    """A POST may be on its way."""
    REFUSED = "REFUSED"
    """The broker's certain no; the close follows."""
    DOUBTED = "DOUBTED"
    """No certain outcome; a look follows."""
    UNKNOWN = "UNKNOWN"
    """No certain outcome, looked for."""
    ABSENT = "ABSENT"
    """Proven never to have come; the close or another attempt follows."""
    STRANGER = "STRANGER"
    """The broker has another order under its id, for ever: nothing is asked or done any more."""
    WORKING = "WORKING"
    """The broker has it."""
    VANISHED = "VANISHED"
    """The broker had it and lists it no more; a look follows."""
    MISSING = "MISSING"
    """The broker had it; looked for."""
    GONE = "GONE"
    """Proven to be there no more; the close follows."""
    ENDED = "ENDED"
    """The broker's last word, or its last share; the close follows."""
    DONE = "DONE"
    """Closed with the broker's word."""
    GIVEN_UP = "GIVEN_UP"
    """Closed without an order at the broker."""
    RISEN = "RISEN"
    """Given up and alive all the same; a cancel follows."""
    ORPHAN = "ORPHAN"
    """Given up and alive; being canceled."""
    BURIED = "BURIED"
    """Given up, was alive, is over."""


class Letter(StrEnum):
    """What happens to an order: the alphabet of the protocol."""

    CREATE = "CREATE"
    ATTEMPT = "ATTEMPT"
    ANSWERED = "ANSWERED"
    REFUSED = "REFUSED"
    NOT_SENT = "NOT_SENT"
    """Never sent, or the broker's "later" (429)."""
    LOST = "LOST"
    """No answer, or one that is none; 422 for a known id as well."""
    STARTED = "STARTED"
    """A runner claims the journal."""
    LOOK = "LOOK"
    FOUND = "FOUND"
    FOUND_OTHER = "FOUND_OTHER"
    """Our id, with other parameters: everything halts."""
    NOT_FOUND = "NOT_FOUND"
    """A whole look that found nothing."""
    LOOK_FAILED = "LOOK_FAILED"
    REPORTED = "REPORTED"
    """A status or a fill of it, by stream or comparison."""
    OVER = "OVER"
    """That report, or answer, says it is over: a terminal word, or the last share."""
    VANISHED = "VANISHED"
    CANCEL = "CANCEL"
    CLOSE = "CLOSE"
    """Closed with the broker's word."""
    FAIL = "FAIL"
    """Closed as FAILED."""
    SKIP = "SKIP"
    """Closed as SKIPPED: dropped before it was sent (again)."""


class Condition(StrEnum):
    """What a row needs beside its stage."""

    PROVEN = "PROVEN"
    """The settling time was over when it was asked for, and enough looks found nothing."""
    UNPROVEN = "UNPROVEN"
    """Not PROVEN."""
    RESEND = "RESEND"
    """The broker's policy: what is proven absent is sent again under the same id."""


class Row(NamedTuple):
    """One transition; the model contains it unless `modeled` is false."""

    before: Stage
    after: Stage
    condition: Condition | None = None
    modeled: bool = True


_S, _C, _L = Stage, Condition, Letter
_HEARD_OF = {
    _S.PENDING: _S.WORKING,
    _S.UNKNOWN: _S.WORKING,
    _S.WORKING: _S.WORKING,
    _S.GIVEN_UP: _S.RISEN,
    _S.ORPHAN: _S.ORPHAN,
}
"""Evidence that the broker has it, whoever brings it."""


def _stays(*stages: Stage, modeled: bool = True) -> tuple[Row, ...]:
    return tuple(Row(stage, stage, None, modeled) for stage in stages)


TABLE: dict[Letter, tuple[Row, ...]] = {
    _L.CREATE: (Row(_S.NONE, _S.CREATED),),
    _L.ATTEMPT: (
        Row(_S.CREATED, _S.SUBMITTING),
        Row(_S.PENDING, _S.SUBMITTING),
        Row(_S.ABSENT, _S.SUBMITTING, _C.RESEND),
    ),
    _L.ANSWERED: (
        Row(_S.SUBMITTING, _S.WORKING),
        *_stays(_S.WORKING, _S.DONE, modeled=False),
    ),
    _L.REFUSED: (Row(_S.SUBMITTING, _S.REFUSED),),
    _L.NOT_SENT: (Row(_S.SUBMITTING, _S.PENDING),),
    _L.LOST: (
        Row(_S.SUBMITTING, _S.DOUBTED),
        *_stays(_S.WORKING, _S.DONE, modeled=False),
    ),
    _L.STARTED: (
        Row(_S.SUBMITTING, _S.DOUBTED),
        Row(_S.UNKNOWN, _S.DOUBTED),
        Row(_S.ORPHAN, _S.RISEN),
        *_stays(_S.NONE, _S.PENDING, _S.WORKING, _S.MISSING, _S.DONE, _S.GIVEN_UP, _S.BURIED),
    ),
    _L.LOOK: (
        Row(_S.DOUBTED, _S.UNKNOWN),
        Row(_S.VANISHED, _S.MISSING),
        *_stays(_S.UNKNOWN, _S.MISSING),
        *_stays(_S.WORKING, _S.ORPHAN, modeled=False),
    ),
    _L.FOUND: (
        Row(_S.UNKNOWN, _S.WORKING),
        Row(_S.MISSING, _S.WORKING),
        Row(_S.GIVEN_UP, _S.RISEN, None, modeled=False),
        Row(_S.SUBMITTING, _S.WORKING, None, modeled=False),
        *_stays(_S.WORKING, _S.ORPHAN, _S.DONE, _S.BURIED, modeled=False),
    ),
    _L.FOUND_OTHER: (
        Row(_S.UNKNOWN, _S.STRANGER, None, modeled=False),
        *_stays(_S.MISSING, modeled=False),
    ),
    _L.NOT_FOUND: (
        Row(_S.UNKNOWN, _S.UNKNOWN, _C.UNPROVEN),
        Row(_S.UNKNOWN, _S.ABSENT, _C.PROVEN),
        Row(_S.MISSING, _S.MISSING, _C.UNPROVEN),
        Row(_S.MISSING, _S.GONE, _C.PROVEN),
        *_stays(_S.WORKING, _S.ORPHAN, _S.DONE, _S.BURIED, modeled=False),
    ),
    _L.LOOK_FAILED: (
        *_stays(_S.UNKNOWN, _S.MISSING),
        *_stays(_S.WORKING, _S.ORPHAN, _S.DONE, _S.BURIED, modeled=False),
    ),
    _L.REPORTED: (
        *(Row(before, after) for before, after in _HEARD_OF.items()),
        Row(_S.MISSING, _S.WORKING),
        Row(_S.SUBMITTING, _S.WORKING, None, modeled=False),
        *_stays(_S.DONE, _S.BURIED, modeled=False),
    ),
    _L.OVER: (
        Row(_S.WORKING, _S.ENDED),
        Row(_S.RISEN, _S.BURIED),
        Row(_S.ORPHAN, _S.BURIED),
        *_stays(_S.DONE, _S.BURIED, modeled=False),
    ),
    _L.VANISHED: (
        Row(_S.WORKING, _S.VANISHED),
        Row(_S.MISSING, _S.VANISHED, None, modeled=False),
        Row(_S.UNKNOWN, _S.DOUBTED, None, modeled=False),
    ),
    _L.CANCEL: (
        Row(_S.RISEN, _S.ORPHAN),
        *_stays(_S.ORPHAN),
        *_stays(_S.WORKING, _S.MISSING, modeled=False),
    ),
    _L.CLOSE: (Row(_S.ENDED, _S.DONE),),
    _L.FAIL: (
        Row(_S.PENDING, _S.GIVEN_UP),
        Row(_S.REFUSED, _S.GIVEN_UP),
        Row(_S.ABSENT, _S.GIVEN_UP),
        Row(_S.GONE, _S.GIVEN_UP),
        Row(_S.ENDED, _S.GIVEN_UP, None, modeled=False),
    ),
    _L.SKIP: (
        Row(_S.PENDING, _S.GIVEN_UP),
        Row(_S.ABSENT, _S.GIVEN_UP),
        Row(_S.ENDED, _S.GIVEN_UP, None, modeled=False),
    ),
}
"""Every transition there is. What the model leaves out: cancels of working orders, a look after one
that was refused, words of brokers that nobody has, what an operator's process heard before the
runner's own answer was written down, and the same thing told twice."""

PASSING = {
    _S.CREATED: "an attempt",
    _S.REFUSED: "its close",
    _S.DOUBTED: "a look",
    _S.ABSENT: "its close or another attempt",
    _S.VANISHED: "a look",
    _S.GONE: "its close",
    _S.ENDED: "its close",
    _S.RISEN: "a cancel",
}
"""Stages that a commit may not end in, and what must follow in it."""

FREE = frozenset({_S.NONE, _S.DONE, _S.GIVEN_UP, _S.BURIED})
"""Stages of an intent that leave its symbol to the next one."""


ROWS = tuple((letter, row) for letter, rows in TABLE.items() for row in rows if row.modeled)
"""The rows the model contains, numbered by their place here."""


def after(stage: Stage, letter: Letter, holds: frozenset[Condition] = frozenset()) -> Stage | None:
    """The stage after `letter`, with the conditions that hold; None where it may not happen."""
    for row in TABLE[letter]:
        if row.before is stage and (row.condition is None or row.condition in holds):
            return row.after
    return None


def promela() -> str:
    """The table in Promela: a number for each stage, `write_LETTER(k)` for each letter.

    A row that is taken leaves its number of `ROWS` in `row`; what has no row ends in an assert.
    """
    lines = [f"#define {stage.name} {number}" for number, stage in enumerate(Stage)]
    for name, stages in (("IS_FREE", FREE), ("IS_PASSING", frozenset(PASSING))):
        tests = " || ".join(f"stage[k] == {stage.name}" for stage in Stage if stage in stages)
        lines.append(f"#define {name}(k) ({tests})")
    lines.append("hidden byte row;")
    for letter in Letter:
        lines += [f"inline write_{letter.name}(k) {{", "  if"]
        for number, (of, row) in enumerate(ROWS):
            if of is letter:
                needs = f" && {row.condition.name}(k)" if row.condition else ""
                then = f"row = {number}; stage[k] = {row.after.name}"
                lines.append(f"  :: stage[k] == {row.before.name}{needs} -> {then}")
        lines += ["  :: else -> assert(false)", "  fi", "}"]
    return "\n".join(lines) + "\n"
