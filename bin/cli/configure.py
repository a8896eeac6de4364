"""`config check` and `config show`."""

import argparse

from bin.cli.exits import Exit
from bin.cli.output import print_json, print_lines
from bin.cli.settings import loaded_config
from core.config import DECLARATIONS, config_hash, flatten
from live.configuration import ConfigError, render_effective, rows_of

PLACES = {key for key, declaration in DECLARATIONS.items() if declaration.about.place}
"""Settings that say where something lies: not in the hash, and shown masked."""


def check(options: argparse.Namespace) -> int:
    """Every problem at once, as `ConfigError` lines, and with --json in the document as well."""
    try:
        loaded = loaded_config(options)
    except ConfigError as error:
        if options.json:
            print_json({"ok": False, "problems": list(error.lines)})
        raise
    digest = config_hash(flatten(loaded.config))
    if options.json:
        print_json({"ok": True, "settings_hash": digest})
    else:
        print_lines([f"config  good  settings {digest[:16]}"])
    return Exit.GOOD


def show(options: argparse.Namespace) -> int:
    """Every effective value with its source; the hash is of the settings alone, without files."""
    loaded = loaded_config(options)
    flat = flatten(loaded.config)
    digest = config_hash(flat)
    if options.json:
        places = {key: value for key, value, _ in rows_of(loaded) if key in PLACES}
        document = {
            "settings": flat,
            "places": places,
            "sources": loaded.sources,
            "settings_hash": digest,
        }
        print_json(document)
    else:
        print_lines(render_effective(loaded, digest))
    return Exit.GOOD
