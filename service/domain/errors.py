"""What can go wrong, as types."""

from enum import StrEnum

from runtime.errors import PaymentServiceError


class ErrorCode(StrEnum):
    """The codes a failed command is answered with."""

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
    """What a record that is not durable yet waits for."""

    ROW = "a locked row"
    CONNECTION = "a connection of the pool"
    DATABASE = "the database"
    REFUSED = "a record that the database refuses"
    OTHER = "a fault of this code"


class NotDurableError(PaymentServiceError):
    """A record, or what is due, could not be stored; nothing of the last transaction was.

    The message names the schema's parts only: no value of a row is in it.
    """

    def __init__(self, wait: Wait, message: str) -> None:
        super().__init__(message)
        self.wait = wait


class StripeUnknownError(PaymentServiceError):
    """Time-out, dropped connection or 5xx: the effect may or may not have happened.

    ``stored`` is true when Stripe answered with a 5xx, which it keeps under the idempotency key and repeats.
    """

    def __init__(self, message: str, *, stored: bool = False) -> None:
        super().__init__(message)
        self.stored = stored


class StripeBusyError(PaymentServiceError):
    """Nothing was done, try again later (``retry_after`` in seconds): 409 in flight, 429, a lock time-out, or a fault
    that an operator has to mend.

    ``stored`` is true when Stripe may repeat this answer under the same idempotency key.
    """

    def __init__(self, message: str, retry_after: float | None = None, *, stored: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.stored = stored


class StripeRefusedError(PaymentServiceError):
    """Stripe refused for good. ``code`` is the error's code, ``decline_code`` the card issuer's."""

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
        """The decline code where there is one, else the code."""
        return self.decline_code or self.code
