"""The port PaymentGateway, on Stripe's API."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import Any, Self

import stripe

from runtime.logs import get_logger
from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.domain.stripe_objects import (
    HARMLESS_DISPUTE,
    Intent,
    IntentRequest,
    Picture,
    Refund,
    Reversal,
    Transfer,
    TransferRequest,
)
from service.domain.stripe_requests import Note
from service.gateway import fields, lookup, params, translate
from service.gateway.calls import Calls
from service.gateway.client import stripe_client
from service.gateway.contact import Contact
from service.gateway.deadline import within
from service.gateway.pace import Pace
from service.settings import StripeSettings

PATIENCE_SECONDS = 5.0
"""Longest wait for the pace when Stripe limits our requests; after that, the command is put off."""

NEXT_ACTION_SECONDS = 2.0
"""Longest wait for a customer's next action: the read of a payment does not depend on Stripe."""

UNAVAILABLE = {"type": "unavailable"}

_log = get_logger(__name__)


class StripeGateway:
    """The port PaymentGateway; one object serves all threads of a process.

    ``guard`` is called before each request and raises when a database transaction is open. ``http_client`` replaces the
    transport and ``pace`` the pace of this object's own. ``contact`` notes how each request was answered.
    """

    def __init__(
        self,
        settings: StripeSettings,
        guard: Callable[[], None],
        *,
        http_client: stripe.HTTPClient | None = None,
        pace: Pace | None = None,
        contact: Contact | None = None,
    ) -> None:
        pace, contact = pace or Pace(), contact or Contact()
        seconds = settings.stripe_timeout.total_seconds()
        client = stripe_client(settings, seconds=seconds, http_client=http_client)
        hasty = stripe_client(settings, seconds=min(seconds, NEXT_ACTION_SECONDS), http_client=http_client)
        self._guard = guard
        self._calls = Calls(client, guard, pace, contact, patience=PATIENCE_SECONDS)
        self._hasty_calls = Calls(hasty, guard, pace, contact, patience=NEXT_ACTION_SECONDS / 2)

    def use_key(self, settings: StripeSettings) -> None:
        """Make the next requests with the key in ``settings``, on the same connections."""
        key = settings.stripe_secret_key.get_secret_value()
        self._calls.use_key(key)
        self._hasty_calls.use_key(key)

    def noting(self, note: Note) -> Self:
        """The same gateway for one piece of work: ``note`` is called after each request of a step or look."""
        mine = copy(self)
        mine._calls = self._calls.noting(note)
        return mine

    def create_intent(self, request: IntentRequest, key: str) -> Intent:
        """Hold the amount: the status is ``requires_capture`` if it is held, ``requires_action`` if the customer must
        act."""
        with _readable():
            return translate.intent_of(self._calls.post("payment_intents", key=key, params=params.hold(request)))

    def retrieve_intent(self, intent_id: str) -> Intent:
        """The intent's present state, with its charge."""
        with _readable():
            return translate.intent_of(self._calls.get("payment_intents", intent_id, **params.WITH_CHARGE))

    def find_intent(
        self, payment_id: str, stripe_customer_id: str | None, since: datetime, is_ours: Callable[[Intent], bool]
    ) -> Intent | None:
        """The newest intent of ours with this payment id; ``since`` (UTC) is compared with Stripe's clock."""
        with _readable():
            return lookup.intent(self._calls, payment_id, stripe_customer_id, since, is_ours)

    def capture(self, intent_id: str, key: str) -> Intent:
        """Capture all that is held; the answer has the charge's settlement."""
        with _readable():
            asked = self._calls.post("payment_intents", intent_id, "capture", key=key, params=params.WITH_CHARGE)
            return translate.intent_of(asked)

    def cancel(self, intent_id: str, key: str, reason: str) -> Intent:
        """Cancel the hold; ``reason`` is free text."""
        with _readable():
            asked = params.cancellation(reason)
            return translate.intent_of(self._calls.post("payment_intents", intent_id, "cancel", key=key, params=asked))

    def transfer(self, request: TransferRequest, key: str) -> Transfer:
        """Transfer the charge's money to the connected account."""
        with _readable():
            return translate.transfer_of(self._calls.post("transfers", key=key, params=params.payout(request)))

    def find_transfer(self, request: TransferRequest) -> Transfer | None:
        """Our transfer of this charge, to any destination."""
        with _readable():
            return lookup.transfer(self._calls, request)

    def reverse_transfer(self, transfer_id: str, key: str, payment_id: str) -> Reversal:
        """Reverse all that is left of the transfer."""
        with _readable():
            asked = params.full_reversal(payment_id)
            return translate.reversal_of(self._calls.post("transfers", transfer_id, "reversals", key=key, params=asked))

    def find_reversal(self, transfer_id: str) -> Reversal | None:
        """The newest reversal, if the whole transfer was taken back."""
        with _readable():
            return lookup.reversal(self._calls, transfer_id)

    def refund(self, intent_id: str, key: str, reason: str, payment_id: str) -> Refund:
        """Refund all that is left; ``reason`` is free text. Transfers are not reversed."""
        with _readable():
            asked = params.full_refund(intent_id, reason, payment_id)
            return translate.refund_of(self._calls.post("refunds", key=key, params=asked))

    def find_refund(self, intent_id: str) -> Refund | None:
        """The intent's newest refund, if all that was captured is refunded; failed refunds do not count."""
        with _readable():
            return lookup.refund(self._calls, intent_id)

    def is_disputed(self, charge_id: str) -> bool:
        """Whether a dispute of the charge is open or lost."""
        with _readable():
            disputes = map(translate.dispute_of, self._calls.all("disputes", charge=charge_id))
            return any(dispute.status not in HARMLESS_DISPUTE for dispute in disputes)

    def look_at(self, intent_id: str, named: Collection[str] = ()) -> Picture:
        """The intent, and everything that became of its money; the transfers in ``named`` are read, too."""
        with _readable():
            return lookup.picture(self._calls, intent_id, named)

    def next_action(self, intent_id: str) -> dict[str, Any] | None:
        """``redirect_to_url`` with ``redirect_url``, or ``use_stripe_sdk`` with ``client_secret``; None: no action.

        ``unavailable`` if Stripe does not answer within 2 s. Raises TransactionOpenError only.
        """
        self._guard()
        try:
            with _readable():
                intent = within(NEXT_ACTION_SECONDS, lambda: self._hasty_calls.get("payment_intents", intent_id))
                return translate.next_action_of(intent)
        except (StripeUnknownError, StripeBusyError, StripeRefusedError, TimeoutError) as exc:
            _log.warning("next_action_unavailable", intent_id=intent_id, reason=str(exc) or type(exc).__name__)
            return dict(UNAVAILABLE)


@contextmanager
def _readable() -> Iterator[None]:
    """The effect is unknown if Stripe's answer cannot be read."""
    try:
        yield
    except fields.UnexpectedObjectError as exc:
        raise StripeUnknownError(f"Stripe's answer cannot be read: {exc}") from exc
