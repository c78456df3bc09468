"""A payment that is authorized with the real library."""

from typing import TYPE_CHECKING

import stripe

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams


def authorization(card: str = "pm_card_visa") -> "PaymentIntentCreateParams":
    return {
        "amount": 2000,
        "currency": "sgd",
        "capture_method": "manual",
        "confirm": True,
        "payment_method": card,
        "return_url": "https://shop.example/back",
        "metadata": {"payment_id": "p1"},
    }


def authorize(client: stripe.StripeClient, key: str = "authorize") -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(authorization(), {"idempotency_key": key})
