"""`config check` and `config show`."""

import argparse
import os

from bin.cli.exits import Exit
from bin.cli.output import print_json, print_lines
from bin.cli.settings import flags_of
from core.config import config_hash, flatten
from live.configuration import Loaded, load, render_effective


def check(options: argparse.Namespace) -> int:
    """Every problem at once, as `ConfigError` lines; nothing to say if there is none."""
    loaded = _loaded(options)
    digest = config_hash(flatten(loaded.config))
    if options.json:
        print_json({"ok": True, "settings_hash": digest})
    else:
        print_lines([f"config  good  settings {digest[:16]}"])
    return Exit.GOOD


def show(options: argparse.Namespace) -> int:
    """Every effective value with its source; the hash is of the settings alone, without files."""
    loaded = _loaded(options)
    flat = flatten(loaded.config)
    digest = config_hash(flat)
    if options.json:
        document = {
            "settings": flat,
            "sources": loaded.sources,
            "settings_hash": digest,
        }
        print_json(document)
    else:
        print_lines(render_effective(loaded, digest))
    return Exit.GOOD


def _loaded(options: argparse.Namespace) -> Loaded:
    return load(options.config, os.environ, flags_of(options))
