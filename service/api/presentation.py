"""Payments and totals as JSON, in both spellings."""

import re
from functools import lru_cache
from typing import Any

from service.domain.messages import rfc3339
from service.usecases.queries import History, PaymentView

_UNDERSCORE = re.compile(r"_([a-z0-9])")
_FAILURE_FIELDS = ("error", "message", "stripe_code")
_MONEY = ("held", "captured", "refunded", "disputed", "transferred", "reversed", "transfer_currency")
"""Of the sums that a payment carries; what is contested has not moved."""


def payment_json(view: PaymentView) -> dict[str, Any]:
    """The payment in snake_case, and once more under ``payment`` in camelCase."""
    snake = _payment(view)
    return {"success": True, **snake, "payment": camel(snake)}


def _payment(view: PaymentView) -> dict[str, Any]:
    payment = view.payment
    failure = payment.failure
    return {
        "payment_id": str(payment.payment_id),
        "order_id": payment.order_id,
        "customer_id": payment.customer_id,
        "runner_id": payment.runner_id,
        "amount": payment.amount,
        "currency": payment.currency,
        "status": payment.status.value,
        "description": payment.description,
        "stripe_payment_intent_id": payment.stripe_payment_intent_id,
        "stripe_transfer_id": payment.stripe_transfer_id,
        "stripe_refund_id": payment.stripe_refund_id,
        "money": {name: getattr(payment, name) for name in _MONEY},
        "failure": None if failure is None else {name: failure.get(name) for name in _FAILURE_FIELDS},
        "next_action": view.next_action,
        "created_at": None if payment.created_at is None else rfc3339(payment.created_at),
        "updated_at": None if payment.updated_at is None else rfc3339(payment.updated_at),
    }


def camel(value: Any) -> Any:
    """``value`` with every key in camelCase, those of objects inside it too."""
    if isinstance(value, dict):
        return {_camel_name(name): camel(each) for name, each in value.items()}
    return value


@lru_cache(maxsize=256)
def _camel_name(name: str) -> str:
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name)


def history_json(history: History) -> dict[str, Any]:
    """Totals in minor units."""
    return {
        "userId": history.user_id,
        "totalSpent": history.total_spent,
        "totalEarned": history.total_earned,
        "spentCount": history.spent_count,
        "earnedCount": history.earned_count,
        "byCurrency": {
            each.currency: {
                "totalSpent": each.spent,
                "totalEarned": each.earned,
                "spentCount": each.spent_count,
                "earnedCount": each.earned_count,
            }
            for each in history.by_currency
        },
    }
