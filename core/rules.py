"""The version of what `decide` derives, and of how that is encoded.

why     replay derives decisions again only where the journal's `ConfigSnapshot` names this number;
        raise it with every change of a decision or of its bytes (DESIGN §1)
"""

RULES: int = 2
