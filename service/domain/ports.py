"""The ports to Stripe: what the use cases need, and the gateway implements."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any, Protocol, Self

from service.domain.books import Entry, Line, Window
from service.domain.stripe_objects import Intent, IntentRequest, Picture, Refund, Reversal, Transfer, TransferRequest
from service.domain.stripe_requests import Note


class Books(Protocol):
    """Stripe's lists of objects that bound or moved money in a window, and looks at single objects. Reads only.

    Every call retries passing faults for a while; then it raises the errors of PaymentGateway.
    """

    def charges(self, window: Window) -> Iterator[Entry]: ...
    def refunds(self, window: Window) -> Iterator[Entry]: ...
    def transfers(self, window: Window) -> Iterator[Entry]: ...
    def disputes(self, window: Window) -> Iterator[Entry]: ...
    def lines(self, window: Window) -> Iterator[tuple[Line, Entry | None]]:
        """Balance transactions, each with the object that caused it, however old; None if that is no entry."""
        ...

    def find(self, id_: str) -> Entry | None:
        """One charge or transfer; None if Stripe has no such object."""
        ...

    def look_at(self, intent_id: str) -> Picture:
        """The intent, and everything that became of its money."""
        ...


class PaymentGateway(Protocol):
    """Steps and looks at Stripe. Calls block; inside a database transaction they raise TransactionOpenError.

    Calls raise StripeUnknownError (the effect is unknown), StripeBusyError (nothing was done; try again later) or
    StripeRefusedError (refused for good). ``key`` is the idempotency key of the step.
    """

    def noting(self, note: Note) -> Self:
        """The same gateway for one piece of work, whose requests are noted."""
        ...

    def create_intent(self, request: IntentRequest, key: str) -> Intent: ...
    def retrieve_intent(self, intent_id: str) -> Intent: ...
    def find_intent(
        self, payment_id: str, stripe_customer_id: str | None, since: datetime, is_ours: Callable[[Intent], bool]
    ) -> Intent | None:
        """The newest intent of ours with this payment id in its metadata, if any.

        Intents made at or after ``since`` (UTC) are listed; older ones are found by Stripe's search, which lags.
        """
        ...

    def capture(self, intent_id: str, key: str) -> Intent: ...
    def cancel(self, intent_id: str, key: str, reason: str) -> Intent: ...
    def transfer(self, request: TransferRequest, key: str) -> Transfer: ...
    def find_transfer(self, request: TransferRequest) -> Transfer | None:
        """Our transfer of this charge, to any destination, if there is one."""
        ...

    def reverse_transfer(self, transfer_id: str, key: str, payment_id: str) -> Reversal:
        """Reverse all that is left of a transfer."""
        ...

    def find_reversal(self, transfer_id: str) -> Reversal | None:
        """The newest reversal, if the whole transfer was taken back."""
        ...

    def refund(self, intent_id: str, key: str, reason: str, payment_id: str) -> Refund: ...
    def find_refund(self, intent_id: str) -> Refund | None:
        """The intent's newest refund, if all that was captured is refunded; failed refunds do not count."""
        ...

    def is_disputed(self, charge_id: str) -> bool:
        """Whether a dispute of the charge is open or lost. A charge with only won disputes is not disputed."""
        ...

    def look_at(self, intent_id: str, named: Collection[str] = ()) -> Picture:
        """The intent, and everything that became of its money if it was captured.

        ``named``: further transfers to read, beside those of the intent's group.
        """
        ...

    def next_action(self, intent_id: str) -> dict[str, Any] | None:
        """The customer's next action (redirect URL or client secret), or ``unavailable`` after 2 s; None: nothing.

        Raises TransactionOpenError only.
        """
        ...
