"""Stripe's books of a window: its lists, page after page, with retries."""

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import stripe

from service.domain.books import Entry, Line, Window
from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.domain.stripe_objects import Picture
from service.gateway import entries, lookup, params
from service.gateway.calls import Calls
from service.gateway.client import stripe_client
from service.gateway.contact import Contact
from service.gateway.faults import Fault, read
from service.gateway.fields import Json, UnexpectedObjectError
from service.gateway.pace import Pace
from service.settings import StripeSettings

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""Longest wait for the pace: no caller waits for a single request of an audit."""

MISSING = "resource_missing"
"""Stripe's code for an object that does not exist, or that our key may not see."""

PAUSES = (0.25, 1.0, 4.0)
"""Seconds before each retry of a read that Stripe did not answer, or put off."""


LONGEST_PAUSE = 10.0
"""Longest pause, in seconds, that Stripe may ask for. A fault that asks for more, such as a refused key, is raised."""


class PatientCalls(Calls):
    """Calls with retries of reads: a list of a thousand pages does not end at the first 429."""

    sleep: Callable[[float], None] = staticmethod(time.sleep)

    def get(self, *path: str, **params: Any) -> Json:
        """Read one object; retry passing faults."""
        for pause in PAUSES:
            try:
                return super().get(*path, **params)
            except StripeUnknownError:
                self.sleep(pause)
            except StripeBusyError as fault:
                if (fault.retry_after or 0.0) > LONGEST_PAUSE:
                    raise
                self.sleep(max(pause, fault.retry_after or 0.0))
        return super().get(*path, **params)

    @staticmethod
    def _fault(method: str, exc: stripe.StripeError) -> Fault:
        """A 404 is an answer for a reader. For a step it means a wrong key: see ``faults``."""
        if exc.http_status == 404:
            return StripeRefusedError(read(exc).message, kind="invalid_request_error", code=MISSING)
        return Calls._fault(method, exc)


class StripeBooks:
    """The port Books. ``guard`` is called before each request and raises when a database transaction is open.

    ``http_client`` replaces the transport. Every method raises as the port says.
    """

    def __init__(
        self, settings: StripeSettings, guard: Callable[[], None], *, http_client: stripe.HTTPClient | None = None
    ) -> None:
        seconds = settings.stripe_timeout.total_seconds()
        client = stripe_client(settings, seconds=seconds, http_client=http_client)
        self._calls = PatientCalls(client, guard, Pace(), Contact(), patience=PATIENCE_SECONDS)

    def charges(self, window: Window) -> Iterator[Entry]:
        """Charges made in the window, including failed ones."""
        return self._listed("charges", window, entries.charge, params.SETTLED)

    def refunds(self, window: Window) -> Iterator[Entry]:
        """Refunds made in the window."""
        return self._listed("refunds", window, entries.refund, params.OF_CHARGE)

    def transfers(self, window: Window) -> Iterator[Entry]:
        """Transfers made in the window. A transfer shows its newest ten reversals; the lines have all."""
        return self._listed("transfers", window, entries.transfer, params.SENT)

    def disputes(self, window: Window) -> Iterator[Entry]:
        """Disputes opened in the window."""
        return self._listed("disputes", window, entries.dispute, params.DISPUTED)

    def lines(self, window: Window) -> Iterator[tuple[Line, Entry | None]]:
        """Balance transactions of the window with their sources."""
        return self._listed("balance_transactions", window, entries.line, params.WITH_SOURCE)

    def find(self, id_: str) -> Entry | None:
        """One charge or transfer."""
        try:
            if id_.startswith("tr_"):
                sent = self._calls.get("transfers", id_, expand=["source_transaction"])
                return _read(entries.transfer, sent)
            return _read(entries.charge, self._calls.get("charges", id_, expand=["balance_transaction"]))
        except StripeRefusedError as refusal:
            if refusal.code == MISSING:
                return None
            raise

    def look_at(self, intent_id: str) -> Picture:
        """The intent, and everything that became of its money."""
        return _read(lambda id_: lookup.picture(self._calls, id_), intent_id)

    def _listed(self, name: str, window: Window, entry: Callable[[object], T], more: dict[str, Any]) -> Iterator[T]:
        within = params.created(window.since, window.until)
        return (_read(entry, item) for item in self._calls.all(name, created=within, **more))


def _read(reader: Callable[[Any], T], data: Any) -> T:
    """The object that ``reader`` makes. Raises StripeUnknownError with the object's id when it cannot be read.

    Without the object the audit would prove nothing.
    """
    try:
        return reader(data)
    except UnexpectedObjectError as exc:
        name = data if isinstance(data, str) else data.get("id")
        raise StripeUnknownError(f"Stripe's answer cannot be read: {name}: {exc}") from exc
