"""The configuration of a command: file, environment and flags, in that order."""

import argparse
import os
from typing import TYPE_CHECKING

from core.contract import Config

if TYPE_CHECKING:
    from live.configuration import Loaded

NAMES = ("journal", "market", "broker", "strategy", "signals", "symbols", "seed")


def flags_of(options: argparse.Namespace) -> dict[str, object]:
    """The flags that are settings, as given."""
    return {name: getattr(options, name, None) for name in NAMES}


def load_config(options: argparse.Namespace) -> Config:
    """The effective configuration, or a `ConfigError` with every problem."""
    return load_all(options).config


def load_all(options: argparse.Namespace) -> "Loaded":
    """The configuration, where it came from, and the secrets."""
    from live.configuration import load

    return load(options.config, os.environ, flags_of(options))
