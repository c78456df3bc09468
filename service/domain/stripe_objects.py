"""Stripe's objects, with the fields that the service reads, under the service's own names."""

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
    """The part of a charge that Stripe settled in the platform's balance. Only this money can be transferred.

    ``created_at``: the time of the capture (UTC).
    """

    amount: int
    currency: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """An intent's charge, if it was requested. ``refunded`` in minor units of the charge's currency.

    The part of a hold that was not captured is no refund, though Stripe shows it as one. ``disputed``: a dispute was
    opened at some time, however it ended. ``settlement``: None before the capture.
    """

    id: str
    refunded: int
    disputed: bool
    settlement: Settlement | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A PaymentIntent. ``amount`` in minor units; ``payment_id`` and ``order_id`` from its metadata.

    ``live``: Stripe's live mode; None if the object does not say. ``received``: the captured amount in minor units.
    ``charge``: included in the answers to a retrieve and a capture; None in all others.
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
    """The request for a hold: ``capture_method=manual``, ``confirm=true``. ``amount`` in minor units."""

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
    """The request for a transfer of a charge's settled amount (minor units) to the runner's Connect account.

    ``charge_id``: None if an earlier transfer from the charge was reversed. Stripe limits the sum of all transfers from
    a charge, so the new one comes from the platform's balance, to which the money went back.
    """

    payment_id: str
    order_id: str
    amount: int
    currency: str
    destination: str
    charge_id: str | None


@dataclass(frozen=True, slots=True)
class Reversal:
    """A TransferReversal. ``amount`` in minor units; ``payment_id`` from its metadata."""

    id: str
    amount: int
    currency: str
    payment_id: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """A Transfer, with its reversals, newest first. ``amount`` in minor units; ``payment_id`` from its metadata."""

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
        """The id of the newest reversal, if the whole transfer was taken back; else None."""
        back = sum(reversal.amount for reversal in self.reversals)
        return self.reversals[0].id if self.reversals and back >= self.amount else None


LOST_REFUND = frozenset({"failed", "canceled"})
"""Statuses of a refund that gives nothing back (Stripe documentation, "Refund and cancel payments")."""


@dataclass(frozen=True, slots=True)
class Refund:
    """A Refund. ``amount`` in minor units; ``reason``: of the refund, or of its failure; ``payment_id`` from metadata.

    ``of_hold``: it only shows the end of a hold, or of the part of it that was not captured.
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
        """Whether the refund failed, at once or days later."""
        return self.status in LOST_REFUND


CLOSED_DISPUTE = frozenset({"won", "lost", "warning_closed", "prevented"})
HARMLESS_DISPUTE = frozenset({"won", "warning_closed", "prevented"})
"""Dispute statuses that are final, and those in which the platform keeps the charge's money ("Dispute statuses")."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A Dispute, or an inquiry. ``amount`` in minor units. ``withdrawn`` and ``reinstated``: whether its money left the
    platform's balance, and whether it came back."""

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
        """Whether the dispute is decided."""
        return self.status in CLOSED_DISPUTE


@dataclass(frozen=True, slots=True)
class Picture:
    """All objects at Stripe that show one intent's money. ``whole``: all of them were read, not the intent alone."""

    intent: Intent
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    whole: bool = False


StepResult = Intent | Transfer | Refund | Reversal
"""The object that a step leaves at Stripe."""


@dataclass(frozen=True, slots=True)
class About:
    """The ids that an event's object names, whatever its kind; ``payment_id`` from its metadata."""

    intent_id: str | None = None
    charge_id: str | None = None
    transfer_id: str | None = None
    payment_id: str | None = None


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """One webhook delivery with a verified signature.

    ``intent`` is set for ``payment_intent.*`` events that can be read; ``unreadable``: the fault of an event that
    cannot. ``account``: the connected account of the event; ``live``: Stripe's live mode. ``about``: the ids that may
    tie it to a payment. ``tells``: the proofs that its object shows.
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
