"""What operators are told."""


class OperatorError(Exception):
    """What was asked for cannot be done, and was not; the message says why, in a line."""
