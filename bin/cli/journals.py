"""Opening the journal a command was given, with the master key it was given.

source  `--key-file`, and the environment as the runner's settings read it: the key itself,
        REFOLD_ENCRYPTION__KEY_FILE, REFOLD_ENCRYPTION__CREDENTIAL. Sources that are set agree
"""

import argparse
import contextlib
import os
import resource
from typing import TYPE_CHECKING

from bin.cli.secrets import held
from journal import Journal, open_journal
from journal.errors import KeyMissingError

if TYPE_CHECKING:
    from core.contract import Config
    from journal.master_key import MasterKey

FILE = "REFOLD_ENCRYPTION__KEY_FILE"
CREDENTIAL = "REFOLD_ENCRYPTION__CREDENTIAL"


def key_of(options: argparse.Namespace) -> "MasterKey | None":
    """The master key of a command that reads no configuration."""
    from live.keys import KeySourceError, master_key

    given, variable = getattr(options, "key_file", None), os.environ.get(FILE, "")
    if given and variable and given != variable:
        message = f"master key: --key-file and {FILE} name two files; unset one of them"
        raise KeySourceError(message)
    credential = os.environ.get(CREDENTIAL, "")
    return _kept(master_key(_environment(), key_file=given or variable, credential=credential))


def key_of_config(config: "Config") -> "MasterKey | None":
    """The master key of a session, from the sources its configuration names."""
    from live.keys import master_key

    encryption = config.encryption
    return _kept(
        master_key(_environment(), key_file=encryption.key_file, credential=encryption.credential)
    )


def _environment() -> dict[str, str]:
    """The environment as it was given: the key left it when the command began."""
    return {**os.environ, **{name: key.reveal() for name, key in held().master.items()}}


def _kept(key: "MasterKey | None") -> "MasterKey | None":
    """The key, in a process that leaves no core file in which it could be found."""
    if key is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return key


def is_encrypted(options: argparse.Namespace) -> bool:
    """Whether the journal of `options` needs a key to be read."""
    journal = open_journal(options.journal, read_only=True, accept_anchor_missing=True, sealed=True)
    with contextlib.closing(journal):
        return journal.encrypted


def read(options: argparse.Namespace, url: str | None = None) -> Journal:
    """The journal of `options`, or at `url`, opened for reading; its anchor may be missing."""
    place = options.journal if url is None else url
    try:
        return open_journal(place, read_only=True, accept_anchor_missing=True)
    except KeyMissingError:
        return open_journal(place, read_only=True, accept_anchor_missing=True, key=key_of(options))


def write(options: argparse.Namespace, *, accept_rollback: bool = False) -> Journal:
    """The journal of `options`, opened for appending."""
    try:
        return open_journal(options.journal, accept_rollback=accept_rollback)
    except KeyMissingError:
        return open_journal(options.journal, accept_rollback=accept_rollback, key=key_of(options))
