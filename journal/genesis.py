"""The journal's id where it must be a function of its name: the sim mode."""

import hashlib


def journal_id_from_name(name: str) -> str:
    """32 hex digits of sha256 over a tag and the name; the same name, the same id, everywhere."""
    digest = hashlib.sha256(b"refold/journal-id/v1\x00" + name.encode("utf-8"))
    return digest.hexdigest()[:32]
