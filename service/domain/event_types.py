"""The Stripe events that a webhook endpoint must be subscribed to (Stripe API reference, "Types of events")."""

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
"""What else tells of money: followed by a look at Stripe where it says anything new."""

NOTED_EVENTS = (
    "radar.early_fraud_warning.created",
    "review.opened",
    "review.closed",
    "account.updated",
    "account.application.deauthorized",
    "capability.updated",
)
"""Counted and shown in the timeline of their payment, where they have one; nothing follows from them."""

SUBSCRIBED = (*SEEN_BY_EVENT, *MONEY_EVENTS, *NOTED_EVENTS)
"""All of them."""
