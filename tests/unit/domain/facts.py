"""Payments, intents and commands for the tests of the domain, with as few arguments as possible."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from service.domain.commands.authorize import Authorize
from service.domain.commands.cancel_hold import CancelHold
from service.domain.commands.catalog import Command
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.intent_state import Observed
from service.domain.next_step import Policy, Settled
from service.domain.payment import MONEY_FIELDS, Payment, PaymentStatus
from service.domain.progress import Progress
from service.domain.stripe_objects import Dispute, Intent, IntentStatus, Picture, Refund, Reversal, Transfer

NOW = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=UTC)
PAYMENT_ID = UUID("00000000-0000-4000-8000-000000000001")
OURS = str(PAYMENT_ID)
"""The payment id in the metadata of our objects."""

POLICY = Policy("payment.reverted", look_again=timedelta(minutes=15), action_deadline=timedelta(hours=24))

AUTHORIZE = Authorize("c-auth", "order-1", "customer-1", "pm_card_visa", 1500, "sgd")
RELEASE = Release("c-release", PAYMENT_ID, "runner-1", "acct_runner")
REVERT = Revert("c-revert", PAYMENT_ID, "changed my mind")
HOLD = CancelHold("pi_1", PAYMENT_ID)
COMMANDS: tuple[Command, ...] = (AUTHORIZE, RELEASE, REVERT)

FACTS: dict[str, dict[str, Any]] = {
    "intent": {"stripe_payment_intent_id": "pi_1"},
    "charge": {"stripe_charge_id": "ch_1"},
    "captured": {"captured_at": NOW, "captured": 1500},
    "canceled": {"canceled_at": NOW},
    "transfer": {
        "stripe_transfer_id": "tr_1",
        "runner_id": "runner-1",
        "runner_connect_account_id": "acct_runner",
        "transfer_amount": 1500,
        "transferred": 1500,
        "transfer_currency": "sgd",
    },
    "reversal": {"stripe_reversal_id": "trr_1", "reversed": 1500},
    "refund": {"stripe_refund_id": "re_1", "refund_status": "succeeded", "refunded": 1500},
}
"""The facts of a payment by name, each with the sums of its movements."""

NO_SUMS: dict[str, Any] = dict.fromkeys(MONEY_FIELDS, 0)
"""The sums of a payment older than its ledger: it has facts and no movements."""


def payment(status: str = "AUTHORIZED", facts: str = "intent", **more: Any) -> Payment:
    """A payment in this status, with facts named by the keys of ``FACTS``."""
    known: dict[str, Any] = {}
    for fact in facts.split():
        known |= FACTS[fact]
    return Payment(
        payment_id=PAYMENT_ID,
        order_id="order-1",
        customer_id="customer-1",
        amount=1500,
        currency="sgd",
        status=PaymentStatus(status),
        authorize_correlation_id="c-auth",
        **{**known, **more},
    )


def intent(status: IntentStatus = IntentStatus.REQUIRES_CAPTURE, **more: Any) -> Intent:
    """The payment's own intent, with manual capture; captured in full if it succeeded."""
    received = 1500 if status is IntentStatus.SUCCEEDED else 0
    made: dict[str, Any] = {"id": "pi_1", "capture_method": "manual", "received": received, **more}
    return Intent(status=status, amount=1500, currency="sgd", **made)


def picture(**seen: Any) -> Picture:
    """The payment's captured intent, with refunds, disputes and transfers."""
    return Picture(**{"intent": intent(IntentStatus.SUCCEEDED, charge_id="ch_1"), **seen})


def refund(id_: str = "re_1", amount: int = 1500, status: str = "succeeded", **more: Any) -> Refund:
    """A refund by another program; ours with ``payment_id=OURS``."""
    return Refund(id_, amount, "sgd", status, **{"intent_id": "pi_1", **more})


def dispute(status: str = "needs_response", **more: Any) -> Dispute:
    """An open dispute: the bank has taken the money, and will decide."""
    known = {"reason": "fraudulent", "withdrawn": True, "intent_id": "pi_1"}
    return Dispute("dp_1", 1500, "sgd", status, **{**known, **more})


def transfer(*reversals: Reversal, **more: Any) -> Transfer:
    """The service's transfer of the charge, with its reversals, newest first."""
    made: dict[str, Any] = {"id": "tr_1", "payment_id": OURS, "reversals": reversals, **more}
    return Transfer(amount=1500, currency="sgd", destination="acct_runner", charge_id="ch_1", **made)


def reversal(id_: str = "trr_1", amount: int = 1500, payment_id: str | None = None) -> Reversal:
    """A reversal by another program; ours with ``payment_id=OURS``."""
    return Reversal(id_, amount, "sgd", payment_id)


def progress(command: Any = RELEASE, recovery_point: str = "accepted", **more: Any) -> Progress:
    """The row of an open command."""
    row: dict[str, Any] = {
        "state": "pending",
        "key_generation": 0,
        "attempts": 0,
        "arrival": 1,
        "received_at": NOW,
        "step_started_at": None,
        "leased": False,
        "lease_token": None,
    }
    return Progress(command, PAYMENT_ID, recovery_point=recovery_point, **{**row, **more})


def summaries(result: Observed | Settled) -> list[str]:
    """The events in short."""
    return [
        " ".join(filter(None, [a.command_type or "news", a.type, a.payload.get("error"), a.payload.get("status")]))
        for a in result.answers
    ]
