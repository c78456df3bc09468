"""Stripe: the only package of the service that imports Stripe's library. It implements the ports in ``domain.ports``.

Each request passes, in this order:

- ``stripe_gateway`` (steps and looks of commands) or ``books`` (the audit's lists): a port's method.
- ``params``: the request's parameters. ``reasons``: free text as one of Stripe's reasons.
- ``calls``: the guard against an open transaction, then the pace, then the request. ``call_seen``: its span, and its
  log line if it fails.
- ``pace``: the rate limit, which is found from Stripe's answers.
- ``client``: Stripe's library with a pinned API version and no retries, over ``direct`` or, if the operator has a
  proxy, over ``proxied``. ``deadline`` bounds a read that a customer waits for.
- ``faults``: an error as StripeUnknownError, StripeBusyError or StripeRefusedError.
- ``contact``: whether Stripe answers, for readiness and metrics. ``probe``: one read for ``doctor``, the same way.
- ``translate``, ``entries``: the answer's JSON as the domain's objects, over ``fields``, which also removes secrets.
  An answer that cannot be read is an unknown effect.

``lookup`` finds objects at Stripe without our own record of them. ``webhooks`` verifies and reads a delivery, and
``hearing`` reads the ids and proofs of its object; neither calls Stripe.

Outside of this package: retries of steps and their idempotency keys (``usecases``), and all decisions (``domain``).
"""

from runtime.lean_imports import without

with without("requests"):  # the default transport of Stripe's library; ``direct`` and ``proxied`` replace it
    import stripe  # noqa: F401
