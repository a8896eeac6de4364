"""The configuration of a command: file, environment and flags, in that order."""

import argparse
import os

from core.contract import Config

NAMES = ("journal", "market", "broker", "strategy", "signals", "symbols", "seed")


def flags_of(options: argparse.Namespace) -> dict[str, object]:
    """The flags that are settings, as given."""
    return {name: getattr(options, name, None) for name in NAMES}


def load_config(options: argparse.Namespace) -> Config:
    """The effective configuration, or a `ConfigError` with every problem."""
    from live.configuration import load

    return load(options.config, os.environ, flags_of(options)).config
