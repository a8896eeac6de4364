"""The configuration of a command: file, environment and flags, in that order."""

import argparse
import os
from collections.abc import Iterable

from bin.cli.output import complain
from core.contract import Config

NAMES = ("journal", "market", "broker", "strategy", "signals", "symbols", "seed")


def flags_of(options: argparse.Namespace) -> dict[str, object]:
    """The flags that are settings, as given."""
    return {name: getattr(options, name, None) for name in NAMES}


def load_config(options: argparse.Namespace) -> Config:
    """The configuration to start with, warnings said; or a `ConfigError` with every problem."""
    from live.configuration import load

    loaded = load(options.config, os.environ, flags_of(options), live=options.live)
    warn(loaded.warnings)
    return loaded.config


def warn(lines: Iterable[str]) -> None:
    """What a person should know and nothing stops at."""
    for line in lines:
        complain(f"warning: {line}")
