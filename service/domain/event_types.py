"""The Stripe events to which a webhook endpoint must be subscribed (Stripe API reference, "Types of events")."""

from service.domain.intent_state import SEEN_BY_EVENT

MONEY_EVENTS = (
    "payment_intent.partially_funded",
    "charge.captured",
    "charge.expired",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "transfer.created",
    "transfer.updated",
    "transfer.reversed",
)
"""Other events about money. A look at Stripe follows if they report anything new."""

NOTED_EVENTS = (
    "radar.early_fraud_warning.created",
    "review.opened",
    "review.closed",
    "account.updated",
    "account.application.deauthorized",
    "capability.updated",
)
"""Events that are recorded and shown in their payment's timeline, if they have one. They change nothing."""

SUBSCRIBED = (*SEEN_BY_EVENT, *MONEY_EVENTS, *NOTED_EVENTS)
"""All events to subscribe to."""
