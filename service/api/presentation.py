"""Payments and totals as JSON: payments in snake_case and camelCase, totals in camelCase."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from service.domain.messages import rfc3339
from service.domain.money import THREE_DECIMAL, ZERO_DECIMAL
from service.usecases.queries import History, PaymentView

Unit = Literal["minor", "major"]
"""The unit of a user's totals."""

_UNDERSCORE = re.compile(r"_([a-z0-9])")
_FAILURE_FIELDS = ("error", "message", "stripe_code")
_MONEY = ("held", "captured", "refunded", "disputed", "transferred", "reversed", "transfer_currency")
"""The sums of a payment that callers see. Contested money is not among them, because it has not moved."""


def payment_json(view: PaymentView) -> dict[str, Any]:
    """The payment in snake_case, and again under ``payment`` in camelCase."""
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
    """``value`` with every key in camelCase, nested objects included."""
    if isinstance(value, dict):
        return {_camel_name(name): camel(each) for name, each in value.items()}
    return value


@lru_cache(maxsize=256)
def _camel_name(name: str) -> str:
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name)


def history_json(history: History, unit: Unit) -> dict[str, Any]:
    """A user's totals; both units are exact."""
    return {
        "userId": history.user_id,
        "totalSpent": _in_unit(history.total_spent, history.currency, unit),
        "totalEarned": _in_unit(history.total_earned, history.currency, unit),
        "spentCount": history.spent_count,
        "earnedCount": history.earned_count,
        "byCurrency": {
            each.currency: {
                "totalSpent": _in_unit(each.spent, each.currency, unit),
                "totalEarned": _in_unit(each.earned, each.currency, unit),
                "spentCount": each.spent_count,
                "earnedCount": each.earned_count,
            }
            for each in history.by_currency
        },
    }


def _in_unit(minor: int, currency: str, unit: Unit) -> int | Decimal:
    """Minor units as an integer, or major units as a decimal number with Stripe's decimal places for the currency."""
    if unit == "minor":
        return minor
    places = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return Decimal(f"{minor}E-{places}")
