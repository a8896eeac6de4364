"""The simulated venue as a configuration names it: file, parameters, scripted faults."""

from decimal import Decimal
from pathlib import Path

from core.contract import Config
from core.sim.types import FaultRates, VenueParameters
from journal import parse_url
from journal.anchor import beside
from live.brokers.simulated import SimulatedBroker
from live.feeds.errors import BadInputError


def venue_path(config: Config) -> Path | None:
    """The simulated venue's file: as set, else beside the journal's side files; None in memory."""
    if config.broker.venue:
        return Path(config.broker.venue)
    path = parse_url(config.journal).local
    return None if path is None else beside(path, ".venue")


def simulated_broker(config: Config, journal_id: str) -> SimulatedBroker:
    """The simulated venue of this journal."""
    return SimulatedBroker(venue_path(config), venue_parameters(config), journal_id)


def venue_parameters(config: Config) -> VenueParameters:
    """What the simulated venue is like, from the [broker] and [rate] settings."""
    broker = config.broker
    rates = {name: Decimal(getattr(broker, name)) for name in FaultRates.__struct_fields__}
    try:
        return VenueParameters(
            seed=config.seed,
            cash=Decimal(broker.cash),
            multiplier=Decimal(broker.buying_power_multiplier),
            requests_per_minute=config.rate.per_minute,
            rates=FaultRates(**rates),
            script=_script(broker.script),
        )
    except ValueError as error:
        raise BadInputError(f"broker.script: {error}") from None


def _script(text: str) -> dict[str, str]:
    """The faults of "#3=reject,AAPL#2=lost_answer" by the order they are for."""
    script: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, fault = part.partition("=")
        if not equals or key in script:
            message = f"broker.script: expected WHICH=FAULT once each, found {part!r}"
            raise BadInputError(message)
        script[key] = fault
    return script
