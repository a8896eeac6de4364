"""Whether a session's journal is encrypted, and what is refused before its first event.

rule    the configuration says which kind of journal is meant (`config.encrypted`: as set, else in
        live only); the journal says which it is. They agree, or nothing is written
why     the key alone decides nothing: a key that is lost from the environment must stop a start,
        and never turn it into a plain one
"""

import contextlib

from core.contract import Config, Mode
from journal import open_journal, parse_url
from journal.errors import EncryptionMismatchError, KeyMissingError
from journal.master_key import MasterKey
from journal.primitives import must_be_usable


def needed_key(config: Config, key: MasterKey | None) -> MasterKey | None:
    """The key of an encrypted journal, with which it can be opened; None for a plain one."""
    if not config.encrypted:
        return None
    if key is None:
        live = config.mode is Mode.LIVE
        why = f"mode {config.mode} encrypts its journal" if live else "encryption.enabled = true"
        raise KeyMissingError(f"journal {parse_url(config.journal)}", why)
    must_be_usable()
    return key


def refuse_other_kind(config: Config) -> None:
    """A plain journal where an encrypted one is expected, or the reverse, whatever the key."""
    with contextlib.closing(open_journal(config.journal, read_only=True, sealed=True)) as journal:
        if journal.encrypted != config.encrypted:
            raise EncryptionMismatchError(journal.url.where, encrypted=journal.encrypted)


def notice(config: Config, key: MasterKey | None) -> str | None:
    """What a person should hear at the start of a session whose journal is plain."""
    if config.encrypted:
        return None
    if config.mode is Mode.LIVE:
        return "the journal of this live session is NOT encrypted: encryption.enabled = false"
    if key is not None:
        return (
            f"a master key is set, and the journal of mode {config.mode} is not encrypted; "
            "encryption.enabled = true asks for it"
        )
    return None
