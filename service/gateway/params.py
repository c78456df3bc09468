"""Our requests, as Stripe's parameters."""

from datetime import datetime

from stripe.params import (
    PaymentIntentCancelParams,
    PaymentIntentCreateParams,
    PaymentIntentListParamsCreated,
    RefundCreateParams,
    TransferCreateParams,
    TransferCreateReversalParams,
)

from service.domain.stripe_objects import IntentRequest, TransferRequest
from service.gateway.reasons import cancellation_reason, refund_reason

WITH_CHARGE: dict[str, list[str]] = {"expand": ["latest_charge.balance_transaction"]}
"""Includes an intent's charge and its settlement in the answer (Stripe API reference, "Expanding responses")."""


SETTLED: dict[str, list[str]] = {"expand": ["data.balance_transaction"]}
"""Includes the settlement of each object of a list."""

WITH_SOURCE: dict[str, list[str]] = {"expand": ["data.source"]}
"""Includes the source of each balance transaction."""

OF_CHARGE: dict[str, list[str]] = {"expand": ["data.charge", "data.balance_transaction"]}
DISPUTED: dict[str, list[str]] = {"expand": ["data.charge"]}
SENT: dict[str, list[str]] = {"expand": ["data.source_transaction"]}
"""Includes the charge of each refund, dispute or transfer, because its metadata name the payment."""


def transfer_group(order_id: str) -> str:
    """The transfer group that ties an order's charge and transfers together at Stripe."""
    return f"order_{order_id}"


def hold(request: IntentRequest) -> PaymentIntentCreateParams:
    """A PaymentIntent that is confirmed at once and captured later.

    With a return URL, Stripe may redirect the customer for authentication. Without one, no payment method that
    redirects is accepted, and Stripe.js does 3-D Secure with the client secret (Stripe API reference, "Create a
    PaymentIntent": ``return_url``, ``automatic_payment_methods``, ``use_stripe_sdk``).
    """
    params: PaymentIntentCreateParams = {
        "amount": request.amount,
        "currency": request.currency,
        "payment_method": request.payment_method_id,
        "capture_method": "manual",
        "confirm": True,
        "transfer_group": transfer_group(request.order_id),
        "metadata": {
            "payment_id": request.payment_id,
            "order_id": request.order_id,
            "customer_id": request.customer_id,
        },
    }
    if request.stripe_customer_id:
        params["customer"] = request.stripe_customer_id
    if request.description:
        params["description"] = request.description
    if request.return_url:
        params["return_url"] = request.return_url
        params["automatic_payment_methods"] = {"enabled": True}
    else:
        params["use_stripe_sdk"] = True
        params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    return params


def cancellation(reason: str) -> PaymentIntentCancelParams:
    """A hold's cancellation; ``reason`` is free text."""
    return {"cancellation_reason": cancellation_reason(reason)}


def payout(request: TransferRequest) -> TransferCreateParams:
    """A transfer to a connected account. From a charge, it does not depend on the available balance (Stripe API
    reference, "Create a transfer", ``source_transaction``)."""
    params: TransferCreateParams = {
        "amount": request.amount,
        "currency": request.currency,
        "destination": request.destination,
        "transfer_group": transfer_group(request.order_id),
        "metadata": {"payment_id": request.payment_id, "order_id": request.order_id},
    }
    if request.charge_id is not None:
        params["source_transaction"] = request.charge_id
    return params


def full_refund(intent_id: str, reason: str, payment_id: str) -> RefundCreateParams:
    """A refund of all that is left of an intent; ``reason`` is free text."""
    return {"payment_intent": intent_id, "reason": refund_reason(reason), "metadata": {"payment_id": payment_id}}


def full_reversal(payment_id: str) -> TransferCreateReversalParams:
    """A reversal of all that is left of a transfer."""
    return {"metadata": {"payment_id": payment_id}}


def created(start: datetime, end: datetime | None) -> PaymentIntentListParamsCreated:
    """A filter for objects made from ``start`` on and before ``end``."""
    window: PaymentIntentListParamsCreated = {"gte": int(start.timestamp())}
    if end is not None:
        window["lt"] = int(end.timestamp())
    return window
