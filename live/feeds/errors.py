"""The one error for input a person must mend: a file, a row, a setting."""


class BadInputError(ValueError):
    """Something given to refold cannot be used; the message is one line with the mend."""
