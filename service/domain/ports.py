"""What the use cases need of Stripe."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any, Protocol

from service.domain.books import Entry, Line, Window
from service.domain.stripe_objects import Intent, IntentRequest, Picture, Refund, Reversal, Transfer, TransferRequest


class Books(Protocol):
    """Stripe's lists of what bound or moved money in a window, and looks at single objects. Reads only.

    Each call is patient: what passes is tried again before it raises as PaymentGateway does.
    """

    def charges(self, window: Window) -> Iterator[Entry]: ...
    def refunds(self, window: Window) -> Iterator[Entry]: ...
    def transfers(self, window: Window) -> Iterator[Entry]: ...
    def disputes(self, window: Window) -> Iterator[Entry]: ...
    def lines(self, window: Window) -> Iterator[tuple[Line, Entry | None]]:
        """Balance transactions, each with the object that caused it, however old; None for what is no entry."""
        ...

    def find(self, id_: str) -> Entry | None:
        """One charge or transfer; None where Stripe has no such object."""
        ...

    def look_at(self, intent_id: str) -> Picture:
        """The intent with all that became of its money."""
        ...


class PaymentGateway(Protocol):
    """Stripe. Calls block; none may be made inside a database transaction (TransactionOpenError).

    Every call raises StripeUnknownError (effect unknown), StripeBusyError (nothing done, later) or
    StripeRefusedError (refused for good). ``key`` is the idempotency key of the one effect.
    """

    def create_intent(self, request: IntentRequest, key: str) -> Intent: ...
    def retrieve_intent(self, intent_id: str) -> Intent: ...
    def find_intent(
        self, payment_id: str, stripe_customer_id: str | None, since: datetime, is_ours: Callable[[Intent], bool]
    ) -> Intent | None:
        """The newest intent of ours with this payment id in its metadata, made at or after ``since`` (UTC), if any."""
        ...

    def capture(self, intent_id: str, key: str) -> Intent: ...
    def cancel(self, intent_id: str, key: str, reason: str) -> Intent: ...
    def transfer(self, request: TransferRequest, key: str) -> Transfer: ...
    def find_transfer(self, request: TransferRequest) -> Transfer | None:
        """The transfer made of this charge, whatever its destination, if any."""
        ...

    def reverse_transfer(self, transfer_id: str, key: str, payment_id: str) -> Reversal:
        """Take back all that is left of a transfer."""
        ...

    def find_reversal(self, transfer_id: str) -> Reversal | None:
        """The newest reversal of a transfer that was taken back whole, if any."""
        ...

    def refund(self, intent_id: str, key: str, reason: str, payment_id: str) -> Refund: ...
    def find_refund(self, intent_id: str) -> Refund | None:
        """The intent's refund that has not failed, if any."""
        ...

    def is_disputed(self, charge_id: str) -> bool:
        """Whether a dispute of the charge is open or lost; a charge whose disputes were won is not disputed."""
        ...

    def look_at(self, intent_id: str, named: Collection[str] = ()) -> Picture:
        """The intent with all that became of its money; only of a captured one more than the intent is asked for.

        ``named``: transfers that are looked at, too, if they are not of the intent's group.
        """
        ...

    def next_action(self, intent_id: str) -> dict[str, Any] | None:
        """What the customer must do (redirect URL or client secret), asked for with a time-out of 2 s."""
        ...
