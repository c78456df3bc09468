"""The errors that operators see."""

from runtime.errors import PaymentServiceError


class OperatorError(PaymentServiceError):
    """The operation is impossible, and nothing was changed; the message says why, in one line."""


class NotYetError(OperatorError):
    """The operation is impossible until another one is done. Repeat it later."""


class NotNeededError(OperatorError):
    """The operation has nothing to do any more: others have done it, or are about to."""
