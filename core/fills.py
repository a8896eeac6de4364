"""What is known of one order's executions: the sum that never counts a report twice.

shape   `Fills(executions, reported_quantity, reported_notional, executed_quantity,
        executed_notional)`; `filled`, `notional` of them
units   shares and money, exact
rules   An execution is known by its execution id, or, where REST gives none, by the cumulative
        quantity of its order after it. Heard twice it counts once, whichever way it came first.
        A cumulative report (filled quantity, average price) may know more than the executions
        heard so far; the larger of both counts, so nothing moves backwards by a late message.
        Only a bust or a correction lowers the sum. A bust may come before its fill.
        A correction has an id of its own, and what comes after it names that: an execution is known
        by the ids of its corrections too, whichever of them came first.
source  ALPACA.md A1, VOCABULARY.md §8 ("broker-absolute quantities"), FIX ExecType (150) H and G
"""

from decimal import Decimal

import msgspec
from msgspec.structs import replace

from core.values import CONTEXT, ZERO


class Execution(msgspec.Struct, frozen=True, gc=False):
    """One execution: `quantity` at `price`; `cumulative` of the order after it, where known.

    `corrections`: the ids under which it was restated, oldest first.
    """

    execution_id: str | None
    quantity: Decimal
    price: Decimal
    cumulative: Decimal | None
    corrections: tuple[str, ...] = ()


class Fills(msgspec.Struct, frozen=True, gc=False):
    """The executions of one order with their sums, and the best cumulative report of them.

    `executed_quantity`, `executed_notional`: the sums, kept because every report asks for them.
    """

    executions: tuple[Execution, ...] = ()
    reported_quantity: Decimal = ZERO
    reported_notional: Decimal = ZERO
    executed_quantity: Decimal = ZERO
    executed_notional: Decimal = ZERO


NO_FILLS = Fills()


def filled(fills: Fills) -> Decimal:
    """Shares filled: by the executions, or by a report that knows of more."""
    executed, reported = fills.executed_quantity, fills.reported_quantity
    return max(executed, reported)


def notional(fills: Fills) -> Decimal:
    """Money of the filled shares: the sum of quantity times price."""
    return totals(fills)[1]


def totals(fills: Fills) -> tuple[Decimal, Decimal]:
    """(shares filled, money of them)."""
    if fills.reported_quantity > fills.executed_quantity:
        return fills.reported_quantity, fills.reported_notional
    return fills.executed_quantity, fills.executed_notional


def average_price(fills: Fills) -> Decimal | None:
    """Notional over filled quantity; None while nothing is filled."""
    quantity = filled(fills)
    return CONTEXT.divide(notional(fills), quantity) if quantity else None


def has_execution(fills: Fills, execution_id: str) -> bool:
    """Whether this execution id was heard, busted or not."""
    return any(execution.execution_id == execution_id for execution in fills.executions)


def executed(fills: Fills) -> Decimal:
    """Shares of the executions heard, without what only a cumulative report knows of."""
    return fills.executed_quantity


def has_cumulative(fills: Fills, cumulative: Decimal) -> bool:
    """Whether an execution after which the order had filled `cumulative` was heard."""
    return any(execution.cumulative == cumulative for execution in fills.executions)


def with_fill(
    fills: Fills,
    quantity: Decimal,
    price: Decimal,
    execution_id: str | None,
    cumulative: Decimal | None,
) -> Fills:
    """`fills` after one report of an execution; unchanged where it was heard before."""
    executions = fills.executions
    for index, known in enumerate(executions):
        if execution_id is not None and known.execution_id is not None:
            if known.execution_id == execution_id:
                return fills
        elif cumulative is not None and known.cumulative == cumulative:
            if known.execution_id is None and execution_id is not None:
                named = Execution(execution_id, known.quantity, known.price, cumulative)
                return _with(fills, (*executions[:index], named, *executions[index + 1 :]))
            return fills
    return _with_one_more(fills, Execution(execution_id, quantity, price, cumulative))


def with_report(fills: Fills, quantity: Decimal, average: Decimal | None) -> Fills:
    """`fills` after a cumulative report; a report that knows less or the same changes nothing."""
    if average is None or quantity <= filled(fills):
        return fills
    return replace(
        fills, reported_quantity=quantity, reported_notional=CONTEXT.multiply(quantity, average)
    )


def with_bust(fills: Fills, execution_id: str) -> Fills:
    """`fills` after the venue took an execution back; a second bust of it changes nothing."""
    return with_correction(fills, execution_id, ZERO, ZERO)


def with_correction(
    fills: Fills,
    execution_id: str,
    quantity: Decimal,
    price: Decimal,
    correction_id: str | None = None,
) -> Fills:
    """`fills` after the venue restated an execution, heard before or not.

    `execution_id` may be that of an earlier correction of it; `correction_id` is this one's own.
    """
    own = () if correction_id is None else (correction_id,)
    restated = Execution(execution_id, quantity, price, None, own)
    later = _named(fills, correction_id)
    if later is not None:
        if later.execution_id != correction_id:
            return fills  # heard before
        names = (*own, *later.corrections)
        restated = Execution(execution_id, later.quantity, later.price, None, names)
        rest = tuple(one for one in fills.executions if one is not later)
        fills = _with(fills, rest)
    known = _named(fills, execution_id)
    if known is None:
        return _with_one_more(fills, restated)
    return _restated(fills, known, restated)


def _named(fills: Fills, name: str | None) -> Execution | None:
    """The execution that has this id, or was restated under it."""
    for execution in fills.executions if name is not None else ():
        if execution.execution_id == name or name in execution.corrections:
            return execution
    return None


def _restated(fills: Fills, known: Execution, now: Execution) -> Fills:
    """`fills` with an execution as it is said to be now."""
    names = (*known.corrections, *now.corrections)
    told = Execution(known.execution_id, now.quantity, now.price, known.cumulative, names)
    executions = tuple(told if one is known else one for one in fills.executions)
    if not fills.reported_quantity:
        return _with(fills, executions)
    change = CONTEXT.subtract(
        CONTEXT.multiply(now.quantity, now.price), CONTEXT.multiply(known.quantity, known.price)
    )
    reported = CONTEXT.add(fills.reported_quantity, CONTEXT.subtract(now.quantity, known.quantity))
    return _with(fills, executions, reported, CONTEXT.add(fills.reported_notional, change))


def _with_one_more(fills: Fills, execution: Execution) -> Fills:
    """`fills` with an execution behind the others."""
    money = CONTEXT.multiply(execution.quantity, execution.price)
    return Fills(
        (*fills.executions, execution),
        fills.reported_quantity,
        fills.reported_notional,
        CONTEXT.add(fills.executed_quantity, execution.quantity),
        CONTEXT.add(fills.executed_notional, money),
    )


def _with(
    fills: Fills,
    executions: tuple[Execution, ...],
    reported_quantity: Decimal | None = None,
    reported_notional: Decimal | None = None,
) -> Fills:
    """`fills` with these executions, their sums made anew."""
    quantity = money = ZERO
    for execution in executions:
        quantity = CONTEXT.add(quantity, execution.quantity)
        money = CONTEXT.add(money, CONTEXT.multiply(execution.quantity, execution.price))
    return Fills(
        executions,
        fills.reported_quantity if reported_quantity is None else reported_quantity,
        fills.reported_notional if reported_notional is None else reported_notional,
        quantity,
        money,
    )
