"""The limits of the gates: [risk], and [cost], by which an order's cost floor is reckoned.

rule    Where a summary says so, 0 or an empty list is off. By default on: quote age, order size,
        gross exposure, price collar, refused orders and the orders' own ages. Off until set:
        blackouts, spread, smallest notional, symbol, net and group exposure, daily loss, drawdown,
        participation and liquidity, order counts and rates, cooldowns, executions, signal age,
        edge, short rules.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated

from core.contract_parts import Table, basis_points, count, default, money, seconds, shares
from core.settings import About
from core.values import DecimalText

_OFF = default("0")


def _minutes(summary: str) -> About:
    return About(summary=summary, unit="minutes", high="1440")


class Risk(Table, frozen=True, kw_only=True):
    """[risk]: the limits of the gates."""

    closing_only: Annotated[bool, About(summary="Whether orders may only reduce what is held.")] = (
        False
    )
    blackout_after_open_minutes: Annotated[
        DecimalText, _minutes("Nothing is opened so soon after the open; 0 is off.")
    ] = _OFF
    blackout_before_close_minutes: Annotated[
        DecimalText, _minutes("Nothing is opened so shortly before the close; 0 is off.")
    ] = _OFF
    restricted: Annotated[
        tuple[str, ...], About(summary="Symbols in which nothing is opened.")
    ] = ()
    quote_max_age_s: Annotated[DecimalText, seconds("An older quote is stale.")] = default("30")
    spread_max_bps: Annotated[
        DecimalText, basis_points("The widest spread, of the mid, to open at; 0 is off.")
    ] = _OFF
    signal_max_age_s: Annotated[
        DecimalText,
        seconds("An opening needs a model's signal at most this old; 0 asks for none."),
    ] = _OFF
    order_max_quantity: Annotated[DecimalText, shares("The largest order.")] = default("10000")
    order_max_notional: Annotated[DecimalText, money("The largest order in money.")] = default(
        "50000"
    )
    order_min_notional: Annotated[
        DecimalText, money("The smallest opening in money; 0 is off.")
    ] = _OFF
    allow_short: Annotated[bool, About(summary="Whether a position may be short.")] = True
    not_shortable: Annotated[
        tuple[str, ...], About(summary="Symbols in which no short is opened.")
    ] = ()
    short_price_test: Annotated[
        bool, About(summary="Whether shorts are opened above the bid alone (rule 201).")
    ] = False
    symbol_exposure_max: Annotated[
        DecimalText, money("Position and open orders of one symbol; 0 is off.")
    ] = _OFF
    gross_exposure_max: Annotated[
        DecimalText,
        money("Positions and open orders, long and short added, in the worst case."),
    ] = default("200000")
    net_exposure_max: Annotated[
        DecimalText, money("Long less short, either way, in the worst case; 0 is off.")
    ] = _OFF
    groups: Annotated[
        str, About(form="groups", summary="Which group a symbol is of, like its sector.")
    ] = ""
    group_exposure_max: Annotated[
        DecimalText, money("Positions and open orders of one group; 0 is off.")
    ] = _OFF
    buying_power_reserve: Annotated[DecimalText, money("Buying power that no opening may use.")] = (
        _OFF
    )
    daily_loss_max: Annotated[
        DecimalText, money("The loss in a session that ends its openings; 0 is off.")
    ] = _OFF
    drawdown_max: Annotated[
        DecimalText, money("The loss since the session's best mark; 0 is off.")
    ] = _OFF
    price_collar_bps: Annotated[
        DecimalText, basis_points("How far a limit may lie from the quote.")
    ] = default("300")
    participation_max_bps: Annotated[
        DecimalText, basis_points("The largest opening, of the slot's volume; 0 is off.")
    ] = _OFF
    displayed_size_min: Annotated[
        DecimalText, shares("What the opposite side shows at least; 0 is off.")
    ] = _OFF
    slot_volume_min: Annotated[
        DecimalText, shares("What was traded in the slot at least; 0 is off.")
    ] = _OFF
    edge_required: Annotated[
        bool, About(summary="Whether an opening needs an expected edge above its cost floor.")
    ] = False
    open_orders_max: Annotated[
        int, count("How many orders may be open at once; 0 is off.", "orders")
    ] = 0
    open_orders_symbol_max: Annotated[
        int, count("How many may be open at once in one symbol; 0 is off.", "orders")
    ] = 0
    loss_cooldown_s: Annotated[
        DecimalText, seconds("Nothing is opened in a symbol so soon after a loss; 0 is off.")
    ] = _OFF
    reentry_cooldown_s: Annotated[
        DecimalText, seconds("Nothing is opened so soon after the position closed; 0 is off.")
    ] = _OFF
    orders_per_minute_max: Annotated[int, count("Orders in sixty seconds; 0 is off.", "orders")] = 0
    messages_per_minute_max: Annotated[
        int, count("Orders, cancels and look-ups in sixty seconds; 0 is off.", "messages")
    ] = 0
    executions_max: Annotated[
        int,
        count("Orders that fill until an operator must resume; 0 is off.", "executions"),
    ] = 0
    rejects_max: Annotated[
        int,
        count("Orders the broker refuses in the window that end all openings; 0 is off.", "orders"),
    ] = 20
    rejects_symbol_max: Annotated[
        int,
        count("Orders it refuses in the window that end a symbol's openings; 0 is off.", "orders"),
    ] = 5
    rejects_window_s: Annotated[
        DecimalText, seconds("How long a refused order counts.", low="1")
    ] = default("300")
    rejects_cooldown_s: Annotated[
        DecimalText, seconds("How long openings end after too many refusals.", low="1")
    ] = default("300")
    intent_valid_s: Annotated[
        DecimalText, seconds("An intent older than this is not sent (again).", low="1")
    ] = default("60")
    order_max_age_s: Annotated[
        DecimalText, seconds("An order open for longer is canceled; 0 means never.")
    ] = default("900")
    cancel_before_close_s: Annotated[
        DecimalText, seconds("Open orders are canceled this long before the close; 0 means not.")
    ] = default("0")


class Cost(Table, frozen=True, kw_only=True):
    """[cost]: the floor under an order's expected cost, which `risk.edge_required` compares."""

    effective_over_quoted: Annotated[
        DecimalText,
        About(unit="ratio", high="2", summary="Effective over quoted spread (E/Q), as expected."),
    ] = default("1")
    fee_per_share: Annotated[
        DecimalText, About(unit="money", high="1000", summary="Commission and fees a share.")
    ] = _OFF
    fee_bps: Annotated[DecimalText, basis_points("Commission and fees, of the notional.")] = _OFF


@lru_cache(maxsize=16)
def groups_of(text: str) -> Mapping[str, str]:
    """{symbol: group} of a `risk.groups` setting; kept because every order asks."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    return MappingProxyType({symbol: group for symbol, _, group in pairs})
