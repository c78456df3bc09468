"""``doctor``: Stripe, as far as one harmless read can tell."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from commandline.checks import Finding, clock

if TYPE_CHECKING:
    from service.settings import ServiceSettings, StripeSettings

_API_BASE = "https://api.stripe.com"
_ANSWER_SECONDS = 5.0


def check_stripe(settings: "StripeSettings") -> Iterator[Finding]:
    """Reachable, and the key is taken.

    Reads the balance; 403 is a restricted key that may not, and is known all the same (Stripe API reference,
    "Errors").
    """
    import urllib3

    base = settings.stripe_api_base or _API_BASE
    key = settings.stripe_secret_key.get_secret_value()
    try:
        reply = urllib3.request(
            "GET",
            f"{base}/v1/balance",
            headers={"Authorization": f"Bearer {key}"},
            timeout=_ANSWER_SECONDS,
            retries=False,
        )
    except urllib3.exceptions.HTTPError as error:
        reason = type(error).__name__
        yield Finding("Stripe", f"{base}: {reason}", "let this machine reach it, or correct STRIPE_API_BASE")
        return
    yield _judge(base, reply.status, live="_live_" in key)
    if "Date" in reply.headers:
        yield clock("Stripe", parsedate_to_datetime(reply.headers["Date"]), datetime.now(UTC))


def _judge(base: str, status: int, *, live: bool) -> Finding:
    if status == 401:
        return Finding("Stripe", f"{base} does not know the key", "correct STRIPE_SECRET_KEY")
    if status not in {200, 403}:
        return Finding("Stripe", f"{base} answers {status}", "correct STRIPE_API_BASE, or wait until it recovers")
    return Finding("Stripe", f"{base} answers and knows the key ({'live' if live else 'test'} mode)")


def check_webhook_secret(settings: "ServiceSettings") -> Iterator[Finding]:
    """Without one every webhook is answered 503."""
    count = len(settings.webhook_secrets())
    detail = f"{count} signing secret{'s' if count > 1 else ''}" if count else "no signing secret: all answered 503"
    mend = None if count else "set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret (whsec_…)"
    yield Finding("webhooks", detail, mend)
