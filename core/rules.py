"""The version of what `decide` derives, and of how that is encoded.

why     replay derives decisions again only where the journal's `ConfigSnapshot` names this number;
        raise it with every change of a decision or of its bytes (DESIGN §1)
kept    a change that asks `state.rules` keeps what was decided before it: `REDERIVED` names all
        the rules whose decisions this core makes still
3       a cancel that came to nothing is asked for again (core/insisting.py)
"""

RULES: int = 3
REDERIVED = frozenset({2, 3})
