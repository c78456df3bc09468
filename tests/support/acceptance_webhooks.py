"""Webhooks made by hand."""

import json
import time
import uuid
from typing import Any

from devstack.stripe_simulator.sender import sign


def event_of(kind: str = "payment_intent.succeeded", **intent: Any) -> bytes:
    """An event about a PaymentIntent, by default a foreign one."""
    about = {"id": f"pi_{uuid.uuid4().hex}", "object": "payment_intent", "status": "succeeded", "metadata": {}}
    return json.dumps(
        {
            "id": f"evt_{uuid.uuid4().hex}",
            "object": "event",
            "api_version": "2025-03-31.basil",
            "created": int(time.time()),
            "type": kind,
            "data": {"object": {**about, "amount": 1500, "currency": "sgd", **intent}},
        }
    ).encode()


def signature_of(payload: bytes, secret: str, age_seconds: int = 0) -> str:
    """The signature that Stripe would have made this number of seconds ago."""
    return sign(payload.decode(), secret, int(time.time()) - age_seconds)
