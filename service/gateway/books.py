"""Everything that moved money at Stripe in a stretch of time, list by list (Stripe API reference, "Pagination").

Charges tell of holds; balance transactions of everything that changed the balance, also on objects that are older than
the stretch. Refunds, transfers and disputes are listed too, for some of them wait for their balance transaction.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from service.domain.auditing import Sighting
from service.domain.movements import of_dispute, of_intent, of_refund, of_reversal, of_transfer
from service.domain.stripe_objects import About
from service.gateway import fields, translate
from service.gateway.calls import Calls
from service.gateway.fields import Json
from service.gateway.hearing import about
from service.gateway.lookup import with_all_reversals
from service.gateway.params import SETTLED, created

_SOURCES = {"expand": ["data.source"]}
_LISTS = ("charges", "refunds", "transfers", "disputes")


def sightings(calls: Calls, since: datetime, until: datetime, seen: Callable[[], None]) -> Iterator[Sighting]:
    """Every movement that the lists show; one may come more than once. ``seen`` is called for each object."""
    window = created(since, until)
    for name in _LISTS:
        for item in calls.all(name, created=window, **(SETTLED if name in {"charges", "refunds"} else {})):
            seen()
            yield from of_object(calls, item)
    for item in calls.all("balance_transactions", created=window, **_SOURCES):
        seen()
        source = item.get("source")
        if isinstance(source, Mapping) and item.get("reporting_category") != translate.OF_HOLD:
            yield from of_object(calls, source)


def of_object(calls: Calls, item: Json) -> Iterator[Sighting]:
    """The movements that one object proves. Raises UnreadableError."""
    read = _READERS.get(fields.text(item, "object"))
    return iter(()) if read is None else read(calls, item)


def _charge(_: Calls, item: Json) -> Iterator[Sighting]:
    order = translate.order_id_of(item)
    for movement in of_intent(translate.intent_behind(item)):
        yield Sighting(movement, about(item) or About(), order)


def _refund(_: Calls, item: Json) -> Iterator[Sighting]:
    refund = translate.refund_of(item)
    # A canceled hold shows as a refund that never touched the balance.
    if item.get("balance_transaction") is None and refund.status == "succeeded":
        return
    for movement in of_refund(None, refund):
        yield Sighting(movement, about(item) or About())


def _dispute(_: Calls, item: Json) -> Iterator[Sighting]:
    for movement in of_dispute(translate.dispute_of(item)):
        yield Sighting(movement, about(item) or About())


def _transfer(calls: Calls, item: Json) -> Iterator[Sighting]:
    named, order = about(item) or About(), translate.order_id_of(item)
    for movement in of_transfer(None, with_all_reversals(calls, translate.transfer_of(item))):
        yield Sighting(movement, named, order)


def _reversal(_: Calls, item: Json) -> Iterator[Sighting]:
    yield Sighting(
        of_reversal(None, translate.reversal_of(item)), About(transfer_id=fields.optional_id(item, "transfer"))
    )


_READERS: dict[str, Callable[[Calls, Json], Iterator[Sighting]]] = {
    "charge": _charge,
    "refund": _refund,
    "dispute": _dispute,
    "transfer": _transfer,
    "transfer_reversal": _reversal,
}
