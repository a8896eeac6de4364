"""What a command cannot do, said in one line."""


class CannotRunError(Exception):
    """Bad input to a command; the message is one line for a person."""
