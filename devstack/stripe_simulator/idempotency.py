"""Idempotency keys ("Idempotent requests"): the first answer is kept for 24 hours and repeated, 500s included."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from devstack.stripe_simulator.clock import DAY, Clock
from devstack.stripe_simulator.errors import RefusedError, key_in_use, key_reused
from devstack.stripe_simulator.wire import Reply, Request

KEPT_SECONDS = DAY
_MAX_KEY = 255


@dataclass(slots=True)
class _Slot:
    fingerprint: str
    since: float
    request_id: str
    busy: bool = True
    reply: Reply | None = None


def fingerprint(request: Request) -> str:
    """Endpoint and parameters, in any order. They must be the same for a second use of a key."""
    parameters = b"&".join(sorted(request.body.split(b"&")))
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + parameters).hexdigest()


class Keys:
    """The account's idempotency keys, oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    def look_up(self, key: str, fingerprint: str) -> Reply | None:
        """The stored reply to repeat, or None when the key is new.

        Raises:
            RefusedError: 409 while the first request is in progress, 400 for other parameters or a key too long.
        """
        if not 1 <= len(key) <= _MAX_KEY:
            raise RefusedError(f"Idempotency keys have 1 to {_MAX_KEY} characters.", type_="idempotency_error")
        self._forget_old()
        slot = self._slots.get(key)
        if slot is None:
            return None
        if slot.fingerprint != fingerprint:
            raise key_reused(key)
        if slot.busy or slot.reply is None:
            raise key_in_use(key)
        again = {"Idempotent-Replayed": "true", "Original-Request": slot.request_id}
        return Reply(slot.reply.status, slot.reply.body, {**slot.reply.headers, **again})

    def reserve(self, key: str, fingerprint: str, request_id: str) -> None:
        """Note that the endpoint starts under this key."""
        self._slots[key] = _Slot(fingerprint, self._clock.now(), request_id)

    def store(self, key: str, reply: Reply) -> None:
        """Store the answer; the key stays in use until `release`."""
        if slot := self._slots.get(key):
            slot.reply = reply

    def release(self, key: str) -> None:
        """End the use of the key by this request."""
        if slot := self._slots.get(key):
            slot.busy = False

    def forget(self, key: str) -> None:
        """Forget the key after a failed validation, as if the request had never come."""
        self._slots.pop(key, None)

    def _forget_old(self) -> None:
        oldest_kept = self._clock.now() - KEPT_SECONDS
        while self._slots:
            key, slot = next(iter(self._slots.items()))
            if slot.busy or slot.since > oldest_kept:
                return
            del self._slots[key]
