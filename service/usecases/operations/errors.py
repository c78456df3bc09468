"""What operators are told."""

from runtime.errors import PaymentServiceError


class OperatorError(PaymentServiceError):
    """What was asked for cannot be done, and was not; the message says why, in a line."""
