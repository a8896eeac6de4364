"""Numbers as rows show them: canonical decimal text with a stated number of places, half even.

units   prices and money 6 places, basis points 4; quantities are exact
why     an average need not end: 34 digits of it are noise, and a cell must have one form
"""

from decimal import Decimal

from core.values import CONTEXT, DecimalText, decimal_text

PRICE_PLACES = 6
MONEY_PLACES = 6
BPS_PLACES = 4


def rounded(value: Decimal, places: int) -> Decimal:
    """`value` with `places` digits after the point, half even."""
    return value.quantize(Decimal((0, (1,), -places)), context=CONTEXT)


def price_text(value: Decimal | None) -> DecimalText | None:
    """A price, or None where there is none."""
    return None if value is None else decimal_text(rounded(value, PRICE_PLACES))


def money_text(value: Decimal) -> DecimalText:
    """Money of the account's currency."""
    return decimal_text(rounded(value, MONEY_PLACES))


def bps_text(value: Decimal) -> DecimalText:
    """Basis points."""
    return decimal_text(rounded(value, BPS_PLACES))
