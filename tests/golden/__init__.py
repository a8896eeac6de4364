"""Journals of every released version, kept for ever: a release that cannot read one is broken."""
