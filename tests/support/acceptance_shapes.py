"""The forms that a command may have."""

import json
from typing import Any

from devstack.saga_client import enveloped
from tests.support.acceptance import Shape


def inner(kind: str, correlation_id: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The correlation id in the payload only."""
    return {"type": kind, "payload": {**payload, "correlation_id": correlation_id}}


def flat(kind: str, correlation_id: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The fields beside the type."""
    return {"type": kind, "correlation_id": correlation_id, **payload}


def twice(kind: str, correlation_id: str, payload: dict[str, Any]) -> str:
    """A JSON string that holds JSON."""
    return json.dumps(enveloped(kind, correlation_id, payload))


def nested(fields: dict[str, Any]) -> dict[str, Any]:
    """An authorize's payload in the form of CampusG's create-order saga, without a currency."""
    return {
        "order_id": fields["order_id"],
        "customer": {
            "clerkUserId": fields["customer_id"],
            "stripeCustomerId": None,
            "userStripeCard": {"payment_method_id": fields["payment_method_id"], "last4": "4242", "brand": "visa"},
        },
        "order": {"amount": fields["amount"], "description": "Chicken rice, no chilli"},
        "return_url": "http://localhost:5173/orders",
    }


SHAPES: dict[str, Shape] = {"envelope": enveloped, "inner": inner, "flat": flat, "twice": twice}
