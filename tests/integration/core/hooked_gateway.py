"""A gateway between the core and the simulated Stripe, with hooks for tests."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import Any, Self, TypeVar

from devstack.stripe_simulator.client import SimulatorControl
from service.domain.ports import PaymentGateway
from service.domain.stripe_objects import Intent, IntentRequest, Picture, Refund, Reversal, Transfer, TransferRequest
from service.domain.stripe_requests import Note
from service.gateway.stripe_gateway import StripeGateway
from service.storage.engine import refuse_inside_transaction
from tests.support.core import core_settings

T = TypeVar("T")
Hook = Callable[[], None]


class ProcessDeathError(BaseException):
    """The death of the process. No code catches this exception."""


class HookedGateway:
    """Passes every call on. ``before`` and ``after``: hooks of a call, run once; ``always``: a hook of every call."""

    def __init__(self, real: PaymentGateway) -> None:
        self._real = real
        self.before: dict[str, Hook] = {}
        self.after: dict[str, Hook] = {}
        self.always: Hook = _nothing
        self.calls: list[str] = []

    def _through(self, name: str, call: Callable[[], T]) -> T:
        self.calls.append(name)
        self.before.pop(name, _nothing)()
        self.always()
        try:
            return call()
        finally:
            self.after.pop(name, _nothing)()

    def noting(self, note: Note) -> Self:
        mine = copy(self)
        mine._real = self._real.noting(note)
        return mine

    def create_intent(self, request: IntentRequest, key: str) -> Intent:
        return self._through("create_intent", lambda: self._real.create_intent(request, key))

    def retrieve_intent(self, intent_id: str) -> Intent:
        return self._through("retrieve_intent", lambda: self._real.retrieve_intent(intent_id))

    def find_intent(
        self, payment_id: str, stripe_customer_id: str | None, since: datetime, is_ours: Callable[[Intent], bool]
    ) -> Intent | None:
        def real() -> Intent | None:
            return self._real.find_intent(payment_id, stripe_customer_id, since, is_ours)

        return self._through("find_intent", real)

    def capture(self, intent_id: str, key: str) -> Intent:
        return self._through("capture", lambda: self._real.capture(intent_id, key))

    def cancel(self, intent_id: str, key: str, reason: str) -> Intent:
        return self._through("cancel", lambda: self._real.cancel(intent_id, key, reason))

    def transfer(self, request: TransferRequest, key: str) -> Transfer:
        return self._through("transfer", lambda: self._real.transfer(request, key))

    def find_transfer(self, request: TransferRequest) -> Transfer | None:
        return self._through("find_transfer", lambda: self._real.find_transfer(request))

    def reverse_transfer(self, transfer_id: str, key: str, payment_id: str) -> Reversal:
        return self._through("reverse_transfer", lambda: self._real.reverse_transfer(transfer_id, key, payment_id))

    def find_reversal(self, transfer_id: str) -> Reversal | None:
        return self._through("find_reversal", lambda: self._real.find_reversal(transfer_id))

    def refund(self, intent_id: str, key: str, reason: str, payment_id: str) -> Refund:
        return self._through("refund", lambda: self._real.refund(intent_id, key, reason, payment_id))

    def find_refund(self, intent_id: str) -> Refund | None:
        return self._through("find_refund", lambda: self._real.find_refund(intent_id))

    def is_disputed(self, charge_id: str) -> bool:
        return self._through("is_disputed", lambda: self._real.is_disputed(charge_id))

    def look_at(self, intent_id: str, named: Collection[str] = ()) -> Picture:
        return self._through("look_at", lambda: self._real.look_at(intent_id, named))

    def next_action(self, intent_id: str) -> dict[str, Any] | None:
        return self._through("next_action", lambda: self._real.next_action(intent_id))


def hooked(database_url: str, stripe_control: SimulatorControl, **changed: Any) -> HookedGateway:
    """The real gateway to the simulated Stripe, with hooks."""
    settings = core_settings(database_url, stripe_control.base_url, **changed)
    return HookedGateway(StripeGateway(settings, refuse_inside_transaction))


def _nothing() -> None:
    """No hook."""


def die() -> None:
    """A hook that kills the process."""
    raise ProcessDeathError


@contextmanager
def killed() -> Iterator[None]:
    """Expect the process to die within the block; fail if it does not."""
    try:
        yield
    except ProcessDeathError:
        return
    raise AssertionError("the process outlived the call it was to die at")
