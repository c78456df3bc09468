"""Stripe's messages without API keys, client secrets and card numbers, fit to be stored, logged and sent."""

import re

_SECRETS = re.compile(
    r"\b(?:sk|rk|ek)_(?:test|live)_[\w*]+"  # API keys
    r"|\bwhsec_\w+"  # webhook secrets
    r"|(?<=_)secret_\w+"  # client secrets: pi_…_secret_…
    r"|\b\d(?:[ -]?\d){11,18}\b"  # card numbers: Stripe repeats a bad parameter in its message
)


def redact(message: str) -> str:
    """The message with every secret replaced by ``[redacted]``."""
    return _SECRETS.sub("[redacted]", message)
