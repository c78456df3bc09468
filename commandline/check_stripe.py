"""``doctor``: the connection to Stripe, by two reads that change nothing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from commandline.check_endpoints import CHECK, compare
from commandline.checks import Finding, clock
from runtime.plurals import number_of

if TYPE_CHECKING:
    from service.gateway.probe import Reply
    from service.settings import ServiceSettings, StripeSettings

_ANSWER_SECONDS = 5.0


def check_stripe(settings: "StripeSettings") -> Iterator[Finding]:
    """Reachable on the way that the service takes, the key is taken, and the account's webhook endpoints send what is
    needed.

    Reads the balance; 403 is a restricted key that may not, and is known all the same (Stripe API reference,
    "Errors").
    """
    from service.domain.errors import StripeUnknownError
    from service.gateway.probe import api_base, read, way

    base = api_base(settings) + way(settings)
    try:
        reply = read(settings, "balance", seconds=_ANSWER_SECONDS)
        judged = _judge(base, reply.status, live="_live_" in settings.stripe_secret_key.get_secret_value())
        yield judged
        if "Date" in reply.headers:
            yield clock("Stripe", parsedate_to_datetime(reply.headers["Date"]), datetime.now(UTC))
        if judged.ok:
            yield from _endpoints(read(settings, "webhook_endpoints?limit=100", seconds=_ANSWER_SECONDS))
    except StripeUnknownError as error:
        mend = "let this machine reach it, or correct STRIPE_API_BASE, HTTPS_PROXY and NO_PROXY"
        yield Finding("Stripe", f"{base}: {error}", mend)


def _endpoints(reply: "Reply") -> Iterator[Finding]:
    """The service works without reading its endpoints: where they can't be compared, nothing is wrong."""
    if reply.status in {401, 403}:
        detail = "the key may not read the account's webhook endpoints: they were not compared"
        mend = "let the key read them, or compare them with what cli.py stripe-events prints"
        yield Finding(CHECK, detail, mend, warning=True)
    elif (listed := _listed(reply)) is not None:
        yield from compare(listed)
    else:
        detail = f"Stripe answers {reply.status}: the account's webhook endpoints were not compared"
        yield Finding(
            CHECK, detail, "run doctor again, or compare them with what cli.py stripe-events prints", warning=True
        )


def _listed(reply: "Reply") -> list[Any] | None:
    try:
        listed = json.loads(reply.body)["data"]
    except (ValueError, LookupError, TypeError):
        return None
    return listed if reply.status == 200 and isinstance(listed, list) else None


def _judge(base: str, status: int, *, live: bool) -> Finding:
    if status == 401:
        return Finding("Stripe", f"{base} does not know the key", "correct STRIPE_SECRET_KEY")
    if status not in {200, 403}:
        return Finding("Stripe", f"{base} answers {status}", "correct STRIPE_API_BASE, or wait until it recovers")
    return Finding("Stripe", f"{base} answers and knows the key ({'live' if live else 'test'} mode)")


def check_webhook_secret(settings: "ServiceSettings") -> Iterator[Finding]:
    """Without one every webhook is answered 503."""
    count = len(settings.webhook_secrets())
    detail = number_of(count, "signing secret") if count else "no signing secret: all answered 503"
    mend = None if count else "set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret (whsec_…)"
    yield Finding("webhooks", detail, mend)
