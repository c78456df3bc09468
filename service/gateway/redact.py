"""Stripe's messages without API keys, client secrets and card numbers, and request ids, fit to be stored and logged."""

import re

from runtime.printable import printable

_SECRETS = re.compile(
    r"\b(?:sk|rk|ek)_(?:test|live)_[\w*]+"  # API keys
    r"|\bwhsec_\w+"  # webhook secrets
    r"|(?<=_)secret_\w+"  # client secrets: pi_…_secret_…
    r"|\b\d(?:[ -]?\d){11,18}\b"  # card numbers: Stripe repeats a bad parameter in its message
)


_LONGEST_ID = 64
"""Characters of a request id that are kept. Stripe's ids have about 20."""


def redact(message: str) -> str:
    """The message with every secret replaced by ``[redacted]``."""
    return _SECRETS.sub("[redacted]", message)


def request_id_of(sent: str | None) -> str | None:
    """A request id without control characters, cut to length. A proxy in Stripe's place may send any text."""
    return printable(sent[:_LONGEST_ID])[:_LONGEST_ID] if sent else None
