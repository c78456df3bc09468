"""What the use cases need of Stripe, in the service's own words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class IntentStatus(StrEnum):
    """PaymentIntent states (Stripe documentation, "How PaymentIntents work")."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class IntentError:
    """``last_payment_error`` of an intent. ``kind`` is Stripe's error type, such as ``card_error``."""

    kind: str
    message: str
    code: str | None = None
    decline_code: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What Stripe settled of a charge in the platform's balance: the only money that a transfer can be made of."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What we read of an intent's charge, where it was asked for. ``refunded`` in minor units of the charge's currency.

    ``disputed``: a dispute was opened at any time, whatever became of it. ``settlement``: None until Stripe has
    captured it.
    """

    id: str
    refunded: int
    disputed: bool
    settlement: Settlement | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """What we read of a PaymentIntent. ``amount`` in minor units; ``payment_id`` and ``order_id`` from its metadata.

    ``live``: Stripe's live mode, None where the object does not say. ``received``: what was captured. ``charge``: read
    with the answers to a retrieve and a capture, None with every other.
    """

    id: str
    status: IntentStatus
    amount: int
    currency: str
    capture_method: str | None = None
    charge_id: str | None = None
    payment_id: str | None = None
    order_id: str | None = None
    live: bool | None = None
    error: IntentError | None = None
    received: int = 0
    charge: Charge | None = None


@dataclass(frozen=True, slots=True)
class IntentRequest:
    """A hold to be made: ``capture_method=manual``, ``confirm=true``."""

    payment_id: str
    order_id: str
    customer_id: str
    amount: int
    currency: str
    payment_method_id: str
    stripe_customer_id: str | None
    description: str | None
    return_url: str | None


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """What Stripe settled of a captured charge, to the runner's Connect account."""

    payment_id: str
    order_id: str
    amount: int
    currency: str
    destination: str
    charge_id: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """A Transfer as Stripe has it; ``reversal_id`` where it was taken back, ``payment_id`` from its metadata."""

    id: str
    amount: int
    currency: str
    destination: str
    charge_id: str | None = None
    payment_id: str | None = None
    reversal_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """A Refund as Stripe has it; ``failed`` when Stripe says that it did not go through."""

    id: str
    failed: bool = False


StepResult = Intent | Transfer | Refund | str
"""What a step at Stripe leaves: an intent, a transfer, a refund, or the id of a reversal."""


class PaymentGateway(Protocol):
    """Stripe. Calls block; none may be made inside a database transaction (TransactionOpenError).

    Every call raises StripeUnknownError (effect unknown), StripeBusyError (nothing done, later) or
    StripeRefusedError (refused for good). ``key`` is the idempotency key of the one effect.
    """

    def create_intent(self, request: IntentRequest, key: str) -> Intent: ...
    def retrieve_intent(self, intent_id: str) -> Intent: ...
    def find_intent(
        self, payment_id: str, stripe_customer_id: str | None, since: datetime, is_ours: Callable[[Intent], bool]
    ) -> Intent | None:
        """The newest intent of ours with this payment id in its metadata, made at or after ``since`` (UTC), if any."""
        ...

    def capture(self, intent_id: str, key: str) -> Intent: ...
    def cancel(self, intent_id: str, key: str, reason: str) -> Intent: ...
    def transfer(self, request: TransferRequest, key: str) -> Transfer: ...
    def find_transfer(self, request: TransferRequest) -> Transfer | None:
        """The transfer made of this charge, whatever its destination, if any."""
        ...

    def reverse_transfer(self, transfer_id: str, key: str) -> str:
        """Take the whole transfer back; the reversal's id."""
        ...

    def find_reversal(self, transfer_id: str) -> str | None: ...
    def refund(self, intent_id: str, key: str, reason: str) -> Refund: ...
    def find_refund(self, intent_id: str) -> Refund | None:
        """The intent's refund that has not failed, if any."""
        ...

    def is_disputed(self, charge_id: str) -> bool:
        """Whether a dispute of the charge is open or lost; a charge whose disputes were won is not disputed."""
        ...

    def next_action(self, intent_id: str) -> dict[str, Any] | None:
        """What the customer must do (redirect URL or client secret), asked for with a time-out of 2 s."""
        ...


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """One webhook delivery, its signature checked.

    ``intent`` is set for ``payment_intent.*`` events that can be read; ``unreadable`` says what of the others cannot.
    ``account``: the connected account that the event is about; ``live``: Stripe's live mode.
    """

    id: str
    type: str
    created_at: datetime | None
    object_id: str | None
    intent: Intent | None
    account: str | None = None
    live: bool | None = None
    unreadable: str | None = None
