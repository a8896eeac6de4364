"""`config check`, `show`, `init`, `schema` and `reference`."""

import argparse
import os
from pathlib import Path

from bin.cli.exits import Exit
from bin.cli.output import complain, print_json, print_lines
from bin.cli.problems import CannotRunError
from bin.cli.settings import loaded_config
from core.config import config_hash, flatten
from live.configuration import ConfigError, Loaded, load
from live.effective import (
    Difference,
    differences,
    render_effective,
    rows_of,
    running_settings,
)


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
        print_json({"ok": True, "config_hash": digest, "warnings": list(loaded.warnings)})
    else:
        print_lines([f"config  good  settings {digest[:16]}"])
    return Exit.GOOD


def show(options: argparse.Namespace) -> int:
    """Every effective value with its source; the hash is of the settings alone, without files."""
    loaded = loaded_config(options)
    digest = config_hash(flatten(loaded.config))
    running, differs = _against_journal(loaded)
    if options.json:
        rows = rows_of(loaded)
        settings = [
            {
                "key": row.key,
                "value": row.value,
                "source": row.source,
                "default": row.default,
                "unit": row.unit,
            }
            for row in rows
        ]
        document = {
            "config_hash": digest,
            "settings": settings,
            "running": running,
            "differs": [difference._asdict() for difference in differs],
            "warnings": list(loaded.warnings),
        }
        print_json(document)
    else:
        print_lines([*render_effective(loaded, digest), *_lines(running, differs)])
    return Exit.GOOD


def _against_journal(loaded: Loaded) -> tuple[dict[str, object] | None, list[Difference]]:
    """The journal's configuration in force, and what differs; a journal that is ill is told."""
    from journal.errors import JournalError
    from live.in_force import snapshot_in_force, symbols_of_market

    try:
        found = snapshot_in_force(loaded.config.journal)
    except JournalError as error:
        complain(f"warning: what is running is not known: {error}")
        return None, []
    if found is None:
        return None, []
    sequence, snapshot = found
    settings = running_settings(snapshot.config, loaded, symbols_of_market(loaded))
    running: dict[str, object] = {
        "sequence": sequence,
        "config_hash": snapshot.config_hash,
        "settings_hash": config_hash(settings),
    }
    return running, differences(settings, loaded)


def _lines(running: dict[str, object] | None, differs: list[Difference]) -> list[str]:
    if running is None:
        return ["running nothing: no journal, or none that holds a configuration"]
    lines = [
        f"running {running['settings_hash']}  since sequence {running['sequence']}, "
        f"with its files {str(running['config_hash'])[:16]}"
    ]
    if not differs:
        return [*lines, "differs  in nothing"]
    width = max(len(difference.key) for difference in differs)
    return lines + [
        f"differs  {one.key:<{width}}  running {_text(one.running)}  here {_text(one.file)}"
        for one in differs
    ]


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return (",".join(value) or "none") if isinstance(value, list) else str(value) or '""'


def init(options: argparse.Namespace) -> int:
    """A new file; one that is there, or a link, is left as it is.

    dies    while it is written: a part of the file, all of it comments but its tables' names; it
            must be removed, and `config init` called again
    """
    from live.contract_sample import sample

    path = Path(options.path)
    try:
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        message = f"config init {path}: expected no file, found one; remove it, or name another"
        raise CannotRunError(message) from None
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        message = f"config init {path}: it cannot be made: {words}; name another path"
        raise CannotRunError(message) from None
    try:
        with os.fdopen(place, "w", encoding="utf-8") as file:
            file.write(sample())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        message = f"config init {path}: it cannot be written: {error.strerror}; mend that"
        raise CannotRunError(message) from None
    digest = config_hash(flatten(load(str(path), {}, {}).config))
    if options.json:
        print_json({"path": str(path), "config_hash": digest})
    else:
        print_lines([f"wrote {path}  settings {digest[:16]}"])
    return Exit.GOOD


def schema(_: argparse.Namespace) -> int:
    """The JSON Schema of the file; --json or not, it is one document."""
    from live.contract_schema import schema as made

    print_json(made())
    return Exit.GOOD


def reference(options: argparse.Namespace) -> int:
    """The reference page as Markdown."""
    from live.contract_page import page

    if options.json:
        print_json({"page": page()})
    else:
        print_lines(page().splitlines())
    return Exit.GOOD
