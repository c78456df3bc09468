"""The errors of the domain and of its ports."""

from enum import StrEnum

from runtime.errors import PaymentServiceError


class ErrorCode(StrEnum):
    """The codes in the answer to a failed command."""

    INVALID_PAYLOAD = "INVALID_PAYLOAD"
    INVALID_AMOUNT = "INVALID_AMOUNT"
    PAYMENT_NOT_FOUND = "PAYMENT_NOT_FOUND"
    INVALID_STATE = "INVALID_STATE"
    ORDER_ALREADY_PAID = "ORDER_ALREADY_PAID"
    ALREADY_RELEASED = "ALREADY_RELEASED"
    PAYMENT_REFUNDED = "PAYMENT_REFUNDED"
    PAYMENT_DISPUTED = "PAYMENT_DISPUTED"
    CARD_DECLINED = "CARD_DECLINED"
    STRIPE_ERROR = "STRIPE_ERROR"
    STRIPE_PAYMENT_CANCELED = "STRIPE_PAYMENT_CANCELED"
    STRIPE_PAYMENT_FAILED = "STRIPE_PAYMENT_FAILED"


class TransactionOpenError(PaymentServiceError, RuntimeError):
    """Stripe was about to be called inside a database transaction: a fault in this code, never in the data."""

    def __init__(self) -> None:
        super().__init__("Stripe must not be called while a database transaction is open")


class LeaseLostError(PaymentServiceError):
    """The fencing token no longer holds: another worker took the command over, or it was answered meanwhile."""


class Wait(StrEnum):
    """The cause that keeps a record from being durable."""

    ROW = "a locked row"
    CONNECTION = "a connection of the pool"
    DATABASE = "the database"
    REFUSED = "a record that the database refuses"
    OTHER = "a fault of this code"


class NotDurableError(PaymentServiceError):
    """A record, or the result of due work, could not be stored; the last transaction was rolled back.

    The message names parts of the schema only, and no value of a row.
    """

    def __init__(self, wait: Wait, message: str) -> None:
        super().__init__(message)
        self.wait = wait


class StripeUnknownError(PaymentServiceError):
    """The effect may or may not have happened: a time-out, a dropped connection or a 5xx.

    ``stored``: Stripe may keep this answer under the idempotency key and repeat it, as it does with a 5xx.
    """

    def __init__(self, message: str, *, stored: bool = False) -> None:
        super().__init__(message)
        self.stored = stored


class StripeBusyError(PaymentServiceError):
    """Nothing was done; try again later (``retry_after`` in seconds). Causes are a 409 in flight, a 429, a lock
    time-out, or a fault that an operator has to correct.

    ``stored``: Stripe may repeat this answer under the same idempotency key.
    """

    def __init__(self, message: str, retry_after: float | None = None, *, stored: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.stored = stored


class StripeRefusedError(PaymentServiceError):
    """Stripe refused for good. ``kind`` is the error's type, ``code`` its code, ``decline_code`` the card issuer's."""

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        code: str | None = None,
        decline_code: str | None = None,
        intent_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.code = code
        self.decline_code = decline_code
        self.intent_id = intent_id

    @property
    def stripe_code(self) -> str | None:
        """The decline code if there is one, else the code."""
        return self.decline_code or self.code
