"""Webhooks over HTTP, signed as Stripe signs them ("Verify webhook signatures": scheme v1)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time

import urllib3

from devstack.stripe_simulator.deliveries import Deliveries, Delivery

_LOG = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 10.0
_THREADS = 8


def sign(payload: str, secrets: str, at: int) -> str:
    """The `Stripe-Signature` header: one v1 signature for each of the comma-separated secrets."""
    signed = f"{at}.{payload}".encode()
    parts = [hmac.new(s.strip().encode(), signed, hashlib.sha256).hexdigest() for s in secrets.split(",")]
    return ",".join([f"t={at}", *(f"v1={part}" for part in parts)])


class Sender:
    """Threads that deliver webhooks until stopped."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._http = urllib3.PoolManager(maxsize=_THREADS, retries=False, timeout=_TIMEOUT_SECONDS)
        self._threads = [
            threading.Thread(target=self._work, name=f"webhooks-{number}", daemon=True) for number in range(_THREADS)
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is under way; what still waits is not delivered."""
        self._deliveries.close()
        for thread in self._threads:
            thread.join()
        self._http.clear()

    def _work(self) -> None:
        while (delivery := self._deliveries.take()) is not None:
            self._deliveries.settle(delivery, accepted=self._post(delivery))

    def _post(self, delivery: Delivery) -> bool:
        # Real time, also when the simulator's clock was moved: receivers compare it with their own.
        signature = sign(delivery.payload, delivery.endpoint.secret, int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            reply = self._http.request(
                "POST", delivery.endpoint.url, body=delivery.payload.encode(), headers=headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            _LOG.info("webhook %s not delivered: %s", delivery.event_id, error)
            return False
        return 200 <= reply.status < 300
