"""Webhooks over HTTP, signed as Stripe signs them ("Verify webhook signatures": scheme v1)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time

from devstack.stripe_simulator.deliveries import Deliveries, Delivery
from devstack.stripe_simulator.webhook_http import Pool

_LOG = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 10.0
_AT_ONCE = 16


def sign(payload: str, secrets: str, at: int) -> str:
    """The `Stripe-Signature` header: one v1 signature for each of the comma-separated secrets."""
    signed = f"{at}.{payload}".encode()
    parts = [hmac.new(s.strip().encode(), signed, hashlib.sha256).hexdigest() for s in secrets.split(",")]
    return ",".join([f"t={at}", *(f"v1={part}" for part in parts)])


class Sender:
    """Delivers due webhooks on the running event loop, several at once."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._pool = Pool()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._drained = asyncio.Event()
        deliveries.on_change = self._pump

    async def drain(self, timeout: float) -> bool:
        """Wait until no delivery waits or is in progress; held ones stay. False after the time-out."""
        self._pump()
        try:
            async with asyncio.timeout(timeout):
                await self._drained.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Finish deliveries in progress; waiting ones are not delivered."""
        self._deliveries.on_change = lambda: None
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_TIMEOUT_SECONDS)
        self._pool.close()

    def _pump(self) -> None:
        while len(self._tasks) < _AT_ONCE and (delivery := self._deliveries.take()) is not None:
            task = asyncio.get_running_loop().create_task(self._deliver(delivery))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        if self._deliveries.idle():
            self._drained.set()
        else:
            self._drained.clear()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait = self._deliveries.seconds_to_next()
        busy = len(self._tasks) >= _AT_ONCE
        self._timer = None if wait is None or busy else asyncio.get_running_loop().call_later(wait, self._pump)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._deliveries.on_change()

    async def _deliver(self, delivery: Delivery) -> None:
        self._deliveries.settle(delivery, accepted=await self._post(delivery))

    async def _post(self, delivery: Delivery) -> bool:
        # Real time even if the simulator's clock was moved, because receivers compare it with their clock.
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(delivery.payload, delivery.endpoint.secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                status = await self._pool.post(delivery.endpoint.url, headers, delivery.payload.encode())
        except (OSError, EOFError, ValueError) as error:
            _LOG.info("webhook %s not delivered: %s", delivery.event_id, error)
            return False
        return 200 <= status < 300
