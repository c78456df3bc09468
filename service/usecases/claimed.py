"""A command under our lease, and the call that comes next: its idempotency key, and its request to Stripe."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import StoredCommand
from service.domain.commands.release import Release
from service.domain.errors import StripeUnknownError
from service.domain.next_step import Call, Step
from service.domain.ours import Ownership
from service.domain.payment import Payment
from service.domain.progress import Progress
from service.domain.stripe_objects import Intent, IntentRequest, TransferRequest
from service.domain.stripe_requests import StripeRequest, noted
from service.storage.leases import Fence


def idempotency_key(command: StoredCommand, step: Step, generation: int) -> str:
    """The key is derived from the command and never random: every process that repeats the step repeats the key.

    Stripe takes up to 255 characters (Stripe API reference, "Idempotent requests"). A correlation id alone may have
    255, so the key holds its digest.
    """
    digest = hashlib.sha256(command.correlation_id.encode()).hexdigest()[:40]
    return f"{command.type}:{digest}:{step}:{generation}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step as it was committed before the call."""

    command: StoredCommand
    payment: Payment
    step: Step
    generation: int
    received_at: datetime
    seen: Intent | None = None
    """The payment's intent, if the previous step of the same run returned it."""

    def is_ours(self, intent: Intent) -> bool:
        """Whether this service made the intent for this payment. The mode is not compared: our own key read it."""
        return Ownership().of_intent(self.payment, intent) is None

    @property
    def key(self) -> str:
        """Idempotency key of this attempt."""
        return idempotency_key(self.command, self.step, self.generation)

    @property
    def payment_id(self) -> str:
        """The payment's id, as the metadata of our objects have it."""
        return str(self.payment.payment_id)

    @property
    def intent_id(self) -> str:
        """The intent that the step acts on. Raises LookupError when there is none: a fault in the plan."""
        intent_id = self.command.intent_of(self.payment)
        if intent_id is None:
            raise LookupError(f"payment {self.payment.payment_id} has no PaymentIntent to {self.step}")
        return intent_id


def intent_request(attempt: Attempt) -> IntentRequest:
    """The hold that an authorize asks for. Raises TypeError for another command: a fault in the plan."""
    command, payment = attempt.command, attempt.payment
    if not isinstance(command, Authorize):
        raise TypeError(f"{command.type} makes no PaymentIntent")
    return IntentRequest(
        payment_id=str(payment.payment_id),
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        amount=payment.amount,
        currency=payment.currency,
        payment_method_id=command.payment_method_id,
        stripe_customer_id=command.stripe_customer_id,
        description=command.description,
        return_url=command.return_url,
    )


def transfer_request(attempt: Attempt, intent: Intent) -> TransferRequest:
    """A transfer of the charge's settled amount to the account that the release names.

    Stripe makes a transfer only in the currency that the charge settled in (Stripe API reference, "Create a transfer").
    Raises StripeUnknownError when Stripe has not settled the charge yet, TypeError for a fault in the plan.
    """
    command, payment = attempt.command, attempt.payment
    if not isinstance(command, Release) or payment.stripe_charge_id is None:
        raise TypeError(f"{command.type} of payment {payment.payment_id} has nothing to transfer")
    settled = intent.charge.settlement if intent.charge else None
    if settled is None:
        raise StripeUnknownError("Stripe has not settled the charge yet: what can be transferred is not known")
    return TransferRequest(
        payment_id=str(payment.payment_id),
        order_id=payment.order_id,
        amount=settled.amount,
        currency=settled.currency,
        destination=command.runner_connect_account_id,
        charge_id=payment.stripe_charge_id if payment.stripe_reversal_id is None else None,
    )


def transfer_id(attempt: Attempt) -> str:
    """The transfer to reverse. Raises LookupError when there is none: a fault in the plan."""
    if attempt.payment.stripe_transfer_id is None:
        raise LookupError(f"payment {attempt.payment.payment_id} has no transfer to reverse")
    return attempt.payment.stripe_transfer_id


@dataclass(frozen=True, slots=True)
class Claim:
    """A command under our lease, and the call that is committed and comes next. ``calls`` counts it, too."""

    progress: Progress
    payment: Payment
    token: UUID
    call: Call
    calls: int = 0
    seen: Intent | None = None
    """The intent, if the last call of this run returned it."""
    requests: tuple[StripeRequest, ...] = ()
    """The requests of the call, from its end until they are recorded."""

    @property
    def fence(self) -> Fence:
        """The command's key and fencing token, which guard every later write, and the note that the next one keeps."""
        return Fence(self.progress.command.key, self.token, noted(self.call.recovery_point, self.requests))

    @property
    def cause(self) -> str:
        """The command, as the record of a transition names its cause."""
        return f"{self.progress.command.type} {self.progress.command.correlation_id}"

    @property
    def attempt(self) -> Attempt:
        """The call as the gateway sees it."""
        at = self.progress
        return Attempt(at.command, self.payment, self.call.step, at.key_generation, at.received_at, self.seen)


@dataclass(frozen=True, slots=True)
class Over:
    """The command needs no work now. ``next_of``: its payment, if another command of the payment may go on."""

    next_of: UUID | None = None
