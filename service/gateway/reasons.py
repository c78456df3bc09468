"""Free-text reasons as Stripe's enums. The payment keeps the whole text."""

import re
from typing import Literal

CancellationReason = Literal["abandoned", "duplicate", "fraudulent", "requested_by_customer"]
RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]

_FRAUD = frozenset({"fraudulent", "fraud", "suspected fraud"})
_DUPLICATE = re.compile(r"\bduplicate[ds]?\b")
_ABANDONED = re.compile(r"\b(abandon(ed)?|expired?|timed? ?out|timeout)\b")


def refund_reason(text: str) -> RefundReason:
    """Stripe's ``reason`` of a refund for this text.

    Only a text that names fraud and nothing else counts as fraud, because Stripe then blocks the card and the e-mail
    address (Stripe API reference, "Create a refund").
    """
    words = _words(text)
    if words in _FRAUD:
        return "fraudulent"
    return "duplicate" if _DUPLICATE.search(words) else "requested_by_customer"


def cancellation_reason(text: str) -> CancellationReason:
    """Stripe's ``cancellation_reason`` of a PaymentIntent for this text; only this enum has ``abandoned``."""
    reason = refund_reason(text)
    if reason == "requested_by_customer" and _ABANDONED.search(_words(text)):
        return "abandoned"
    return reason


def _words(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).strip().lower()
