"""What is known of one order's executions: the sum that never counts a report twice.

shape   `Fills(executions, reported_quantity, reported_notional)`; `filled`, `notional` of them
units   shares and money, exact
rules   An execution is known by its execution id, or, where REST gives none, by the cumulative
        quantity of its order after it. Heard twice it counts once, whichever way it came first.
        A cumulative report (filled quantity, average price) may know more than the executions
        heard so far; the larger of both counts, so nothing moves backwards by a late message.
        Only a bust or a correction lowers the sum. A bust may come before its fill.
source  ALPACA.md A1, VOCABULARY.md §8 ("broker-absolute quantities"), FIX ExecType (150) H and G
"""

from decimal import Decimal

import msgspec

from core.values import CONTEXT, ZERO


class Execution(msgspec.Struct, frozen=True, gc=False):
    """One execution: `quantity` at `price`; `cumulative` of the order after it, where known."""

    execution_id: str | None
    quantity: Decimal
    price: Decimal
    cumulative: Decimal | None


class Fills(msgspec.Struct, frozen=True, gc=False):
    """The executions of one order and the best cumulative report of them."""

    executions: tuple[Execution, ...] = ()
    reported_quantity: Decimal = ZERO
    reported_notional: Decimal = ZERO


NO_FILLS = Fills()


def filled(fills: Fills) -> Decimal:
    """Shares filled: by the executions, or by a report that knows of more."""
    return max(_executed(fills), fills.reported_quantity)


def notional(fills: Fills) -> Decimal:
    """Money of the filled shares: the sum of quantity times price."""
    return totals(fills)[1]


def totals(fills: Fills) -> tuple[Decimal, Decimal]:
    """(shares filled, money of them)."""
    quantity = money = ZERO
    for execution in fills.executions:
        quantity = CONTEXT.add(quantity, execution.quantity)
        money = CONTEXT.add(money, CONTEXT.multiply(execution.quantity, execution.price))
    if fills.reported_quantity > quantity:
        return fills.reported_quantity, fills.reported_notional
    return quantity, money


def average_price(fills: Fills) -> Decimal | None:
    """Notional over filled quantity; None while nothing is filled."""
    quantity = filled(fills)
    return CONTEXT.divide(notional(fills), quantity) if quantity else None


def has_execution(fills: Fills, execution_id: str) -> bool:
    """Whether this execution id was heard, busted or not."""
    return any(execution.execution_id == execution_id for execution in fills.executions)


def executed(fills: Fills) -> Decimal:
    """Shares of the executions heard, without what only a cumulative report knows of."""
    return _executed(fills)


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
    heard = Execution(execution_id, quantity, price, cumulative)
    return _with(fills, (*executions, heard))


def with_report(fills: Fills, quantity: Decimal, average: Decimal | None) -> Fills:
    """`fills` after a cumulative report; a report that knows less or the same changes nothing."""
    if average is None or quantity <= filled(fills):
        return fills
    return Fills(fills.executions, quantity, CONTEXT.multiply(quantity, average))


def with_bust(fills: Fills, execution_id: str) -> Fills:
    """`fills` after the venue took an execution back; a second bust of it changes nothing."""
    return with_correction(fills, execution_id, ZERO, ZERO)


def with_correction(fills: Fills, execution_id: str, quantity: Decimal, price: Decimal) -> Fills:
    """`fills` after the venue restated an execution, heard before or not."""
    for index, known in enumerate(fills.executions):
        if known.execution_id != execution_id:
            continue
        corrected = Execution(execution_id, quantity, price, known.cumulative)
        executions = (*fills.executions[:index], corrected, *fills.executions[index + 1 :])
        if not fills.reported_quantity:
            return _with(fills, executions)
        change = CONTEXT.subtract(
            CONTEXT.multiply(quantity, price), CONTEXT.multiply(known.quantity, known.price)
        )
        reported = CONTEXT.add(fills.reported_quantity, CONTEXT.subtract(quantity, known.quantity))
        return Fills(executions, reported, CONTEXT.add(fills.reported_notional, change))
    return _with(fills, (*fills.executions, Execution(execution_id, quantity, price, None)))


def _executed(fills: Fills) -> Decimal:
    total = ZERO
    for execution in fills.executions:
        total = CONTEXT.add(total, execution.quantity)
    return total


def _with(fills: Fills, executions: tuple[Execution, ...]) -> Fills:
    return Fills(executions, fills.reported_quantity, fills.reported_notional)
