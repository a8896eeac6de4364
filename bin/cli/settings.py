"""The configuration of a command: file, environment and flags, in that order."""

import argparse
import os
from typing import TYPE_CHECKING

from bin.cli.output import complain
from bin.cli.secrets import held

if TYPE_CHECKING:
    from live.configuration import Loaded

NAMES = ("journal", "market", "broker", "strategy", "signals", "symbols", "seed")


def flags_of(options: argparse.Namespace) -> dict[str, object]:
    """The flags that are settings, as given."""
    return {name: getattr(options, name, None) for name in NAMES}


def loaded_config(options: argparse.Namespace, *, live: bool | None = None) -> "Loaded":
    """The effective configuration, its sources and secrets; or a `ConfigError` with every problem.

    `live`: whether a start was given --live; None where nothing is started.
    """
    from live.configuration import load

    secrets = held()  # first: it takes them out of the environment
    loaded = load(options.config, os.environ, flags_of(options), live=live, secrets=secrets)
    for line in loaded.warnings:
        complain(f"warning: {line}")
    return loaded
