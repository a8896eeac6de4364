"""Variables of the bot that its operators come from, and of Alpaca's tools: read as our settings.

shape   `OLD_NAMES`: a setting's key, the variables that say it, and how their words are read
        `read_old(environ)` -> what each that is set says, the problems, and the warnings
rule    A setting has one name here; every other is read with a warning that gives that name. A
        word that is not understood is refused: no unknown text is taken for false, 0 or off
why     an operator who moves over must not trade on a default because a name was another
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from core.values import CONTEXT, decimal_text

PREFIXES = ("AI_TRADING_", "ALPACA_", "APCA_")
NO_SIMULATOR = "AI_TRADING_ALLOW_NONDETERMINISTIC_SIM"
"""It allowed a simulator that draws lots anew in every run. Here there is none."""

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?", re.ASCII)
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_SAYS_NOTHING = ("test", "testing", "dev", "development", "stage", "staging", "local", "ci")
_MODES = {
    **dict.fromkeys(("sim", "simulation", "test"), "sim"),
    **dict.fromkeys(("paper", "broker", "alpaca"), "paper"),
    **dict.fromkeys(("live", "prod", "production"), "live"),
}


class OldWordError(ValueError):
    """A value that its variable never had a meaning for: what was expected."""


Read = Callable[[str], str | None]
"""From the variable's text to the text of the setting; None where it says nothing of it."""


class OldName(NamedTuple):
    """A setting's other names; `how` says in words what becomes of a value."""

    key: str
    variables: tuple[str, ...]
    read: Read
    how: str


class Said(NamedTuple):
    """What one variable says: `text` is of the setting's form."""

    key: str
    variable: str
    text: str


def variable_of(key: str) -> str:
    """A setting's own variable."""
    return "REFOLD_" + key.upper().replace(".", "__")


def _plain(text: str) -> str:
    return text.strip()


def _mode(text: str) -> str:
    if (word := text.strip().lower()) in _MODES:
        return _MODES[word]
    raise OldWordError(" or ".join(_MODES))


def _environment(text: str) -> str | None:
    word = text.strip().lower()
    if word in _SAYS_NOTHING:
        return None
    if word in ("prod", "production"):
        return "live"
    raise OldWordError(" or ".join(["prod", "production", *_SAYS_NOTHING]))


def _paper(text: str) -> str:
    return "paper" if _truth(text) == "true" else "live"


def _truth(text: str) -> str:
    word = text.strip().lower()
    if word in _TRUE:
        return "true"
    if word in _FALSE:
        return "false"
    raise OldWordError(" or ".join([*_TRUE, *_FALSE]))


def _times(factor: str, *, may_be_off: bool) -> Read:
    """A number times `factor`. Where 0 turned a limit off that cannot be off here, 0 is refused."""

    def read(text: str) -> str:
        if _NUMBER.fullmatch(text.strip()) is None:
            raise OldWordError("a number like 0.03, without sign or exponent")
        found = CONTEXT.multiply(Decimal(text.strip()), Decimal(factor))
        if not may_be_off and not found:
            raise OldWordError("a limit above 0 (this one cannot be off)")
        return decimal_text(found)

    return read


_NUMBER_OR_OFF = _times("1", may_be_off=True)
_LIMIT = _times("1", may_be_off=False)

OLD_NAMES = (
    OldName(
        "mode",
        ("EXECUTION_MODE", "AI_TRADING_EXECUTION_MODE", "EXECUTION_IMPL",
         "AI_TRADING_EXECUTION_IMPL"),
        _mode, "sim, simulation, test: sim; paper, broker, alpaca: paper; live, prod, production: "
        "live",
    ),
    OldName(
        "mode", ("APP_ENV",), _environment,
        "prod, production: live; test, dev, stage and the like say nothing",
    ),
    OldName("mode", ("ALPACA_PAPER", "ALPACA_PAPER_TRADE"), _paper, "true: paper; false: live"),
    OldName("seed", ("AI_TRADING_SEED",), _NUMBER_OR_OFF, "as it is"),
    OldName(
        "broker.trading_url",
        ("APCA_API_BASE_URL", "ALPACA_TRADING_BASE_URL", "ALPACA_API_URL", "ALPACA_BASE_URL"),
        _plain, "as it is",
    ),
    OldName(
        "broker.data_url",
        ("APCA_API_DATA_URL", "ALPACA_DATA_BASE_URL", "ALPACA_DATA_URL"), _plain, "as it is",
    ),
    OldName("market.feed", ("ALPACA_DATA_FEED", "DATA_FEED"), lambda text: text.strip().lower(),
            "as it is"),
    OldName("market.cycle_s", ("AI_TRADING_INTERVAL",), _LIMIT, "as it is"),
    OldName("risk.allow_short", ("TRADING__ALLOW_SHORTS", "AI_TRADING_ALLOW_SHORT"), _truth,
            "1, true, yes, on: true; 0, false, no, off: false"),
    OldName("risk.order_max_quantity", ("MAX_ORDER_SHARES", "AI_TRADING_MAX_ORDER_SHARES"), _LIMIT,
            "as it is; 0 (off) is refused"),
    OldName("risk.order_max_notional", ("MAX_ORDER_DOLLARS", "AI_TRADING_MAX_ORDER_DOLLARS"),
            _LIMIT, "as it is; 0 (off) is refused"),
    OldName("risk.order_min_notional", ("EXECUTION_MIN_NOTIONAL",), _NUMBER_OR_OFF, "as it is"),
    OldName("risk.symbol_exposure_max", ("MAX_SYMBOL_NOTIONAL", "AI_TRADING_MAX_SYMBOL_NOTIONAL"),
            _NUMBER_OR_OFF, "as it is"),
    OldName("risk.gross_exposure_max", ("MAX_GROSS_NOTIONAL", "AI_TRADING_MAX_GROSS_NOTIONAL"),
            _LIMIT, "as it is; 0 (off) is refused"),
    OldName("risk.group_exposure_max", ("AI_TRADING_MAX_SECTOR_NOTIONAL",), _NUMBER_OR_OFF,
            "as it is"),
    OldName("risk.price_collar_bps", ("PRICE_COLLAR_PCT", "AI_TRADING_PRICE_COLLAR_PCT"),
            _times("10000", may_be_off=False), "a fraction: times 10000; 0 is refused"),
    OldName("risk.quote_max_age_s", ("QUOTE_MAX_AGE_MS", "AI_TRADING_QUOTE_MAX_AGE_MS"),
            _times("0.001", may_be_off=False), "milliseconds: by 1000; 0 (off) is refused"),
    OldName("risk.daily_loss_max", ("AI_TRADING_DAILY_LOSS_LIMIT_ABS",), _NUMBER_OR_OFF,
            "as it is"),
    OldName("risk.blackout_after_open_minutes", ("AI_TRADING_EVENT_BLACKOUT_MIN_AFTER_OPEN",),
            _NUMBER_OR_OFF, "as it is"),
    OldName("risk.blackout_before_close_minutes", ("AI_TRADING_EVENT_BLACKOUT_MIN_BEFORE_CLOSE",),
            _NUMBER_OR_OFF, "as it is"),
    OldName("risk.orders_per_minute_max",
            ("MAX_ORDERS_PER_MINUTE_GLOBAL", "AI_TRADING_ORDERS_PER_MIN_GLOBAL"), _NUMBER_OR_OFF,
            "as it is"),
    OldName("risk.open_orders_max",
            ("EXECUTION_MAX_OPEN_ORDERS_GLOBAL", "AI_TRADING_EXEC_MAX_OPEN_ORDERS_GLOBAL",
             "EXECUTION_MAX_OPEN_ORDERS"), _NUMBER_OR_OFF, "as it is"),
)  # fmt: skip
"""Every other name of a setting. Those of the broker's keys stand in live/secrets.py."""

OF_VARIABLE = {variable: old for old in OLD_NAMES for variable in old.variables}


def read_old(
    environ: Mapping[str, str], refuse: Callable[[OldName, str, str], None]
) -> Iterator[Said]:
    """What each old variable that is set says, in the table's order; refusals go to `refuse`."""
    for variable, old in OF_VARIABLE.items():
        text = environ.get(variable, "")
        if not text:
            continue
        try:
            said = old.read(text)
        except OldWordError as error:
            refuse(old, variable, str(error))
        else:
            if said is not None:
                yield Said(old.key, variable, said)


def without_meaning(environ: Mapping[str, str], known: tuple[str, ...]) -> list[str]:
    """The variables of those tools that are set and are no setting here, sorted."""
    ours = {*OF_VARIABLE, *known, NO_SIMULATOR}
    return sorted(
        name
        for name, text in environ.items()
        if text and name.startswith(PREFIXES) and name not in ours
    )


def allows_chance(environ: Mapping[str, str]) -> bool:
    """Whether somebody asked for a simulator that is not deterministic."""
    return environ.get(NO_SIMULATOR, "").strip().lower() not in ("", *_FALSE)
