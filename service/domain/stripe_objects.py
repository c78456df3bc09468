"""Stripe's objects, as far as we read them, in the service's own words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.domain.ledger import Proof


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
    """What Stripe settled of a charge in the platform's balance: the only money that a transfer can be made of.

    ``created_at``: when it was captured.
    """

    amount: int
    currency: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """What we read of an intent's charge, where it was asked for. ``refunded`` in minor units of the charge's currency.

    The part of a hold that was not captured is no refund, though Stripe shows it as one. ``disputed``: a dispute was
    opened at any time, whatever became of it. ``settlement``: None until Stripe has captured it.
    """

    id: str
    refunded: int
    disputed: bool
    settlement: Settlement | None = None
    created_at: datetime | None = None


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
    """What Stripe settled of a captured charge, to the runner's Connect account.

    ``charge_id``: None where the charge has been used up by a transfer that was taken back: Stripe limits the sum of
    all transfers from a charge, so the money comes from the platform's balance, to which it went back.
    """

    payment_id: str
    order_id: str
    amount: int
    currency: str
    destination: str
    charge_id: str | None


@dataclass(frozen=True, slots=True)
class Reversal:
    """What was taken back of a transfer, in minor units of its currency; ``payment_id`` from the metadata."""

    id: str
    amount: int
    currency: str
    payment_id: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """A Transfer as Stripe has it, its reversals newest first; ``payment_id`` from its metadata."""

    id: str
    amount: int
    currency: str
    destination: str
    charge_id: str | None = None
    payment_id: str | None = None
    reversals: tuple[Reversal, ...] = ()
    created_at: datetime | None = None

    @property
    def reversal_id(self) -> str | None:
        """The newest reversal of a transfer that was taken back whole; None while any of it is left."""
        back = sum(reversal.amount for reversal in self.reversals)
        return self.reversals[0].id if self.reversals and back >= self.amount else None


LOST_REFUND = frozenset({"failed", "canceled"})
"""States of a refund that gives nothing back (Stripe documentation, "Refund and cancel payments")."""


@dataclass(frozen=True, slots=True)
class Refund:
    """A Refund as Stripe has it; ``reason`` says why it was made, or why it failed. ``payment_id`` from the metadata.

    ``of_hold``: it only shows that a hold, or the part of it that was not captured, is gone.
    """

    id: str
    amount: int
    currency: str
    status: str
    reason: str | None = None
    payment_id: str | None = None
    of_hold: bool = False
    intent_id: str | None = None
    created_at: datetime | None = None

    @property
    def failed(self) -> bool:
        """Whether it did not go through, at once or days later."""
        return self.status in LOST_REFUND


CLOSED_DISPUTE = frozenset({"won", "lost", "warning_closed", "prevented"})
HARMLESS_DISPUTE = frozenset({"won", "warning_closed", "prevented"})
"""Dispute states that are final, and those in which the charge's money is the platform's ("Dispute statuses")."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A Dispute, or an inquiry, as Stripe has it. ``withdrawn`` and ``reinstated``: whether its money went, and came
    back, by the platform's balance."""

    id: str
    amount: int
    currency: str
    status: str
    reason: str | None = None
    withdrawn: bool = False
    reinstated: bool = False
    evidence_due_by: datetime | None = None
    intent_id: str | None = None
    created_at: datetime | None = None

    @property
    def closed(self) -> bool:
        """Whether it is decided."""
        return self.status in CLOSED_DISPUTE


@dataclass(frozen=True, slots=True)
class Picture:
    """What at Stripe tells of one intent's money. ``whole``: all of it was looked at, not the intent alone."""

    intent: Intent
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    whole: bool = False


StepResult = Intent | Transfer | Refund | Reversal
"""What a step at Stripe leaves."""


@dataclass(frozen=True, slots=True)
class About:
    """Ids that an event's object names, whatever kind it is of; ``payment_id`` from its metadata."""

    intent_id: str | None = None
    charge_id: str | None = None
    transfer_id: str | None = None
    payment_id: str | None = None


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """One webhook delivery, its signature checked.

    ``intent`` is set for ``payment_intent.*`` events that can be read; ``unreadable`` says what of the others cannot.
    ``account``: the connected account that the event is about; ``live``: Stripe's live mode. ``about``: what may tie it
    to a payment. ``tells``: the movements that its object proves, as far as it shows them.
    """

    id: str
    type: str
    created_at: datetime | None
    object_id: str | None
    intent: Intent | None
    account: str | None = None
    live: bool | None = None
    unreadable: str | None = None
    about: About | None = None
    tells: tuple[Proof, ...] = ()
