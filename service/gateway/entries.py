"""Stripe's objects as entries of its books, each with the ids and the mark that may tie it to a payment."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from service.domain.books import Entry, Line, Mark
from service.domain.stripe_objects import Refund
from service.gateway import translate
from service.gateway.fields import (
    Json,
    identifier,
    integer,
    mapping,
    optional_id,
    optional_text,
    optional_time,
    text,
)
from service.gateway.params import transfer_group


def charge(data: object) -> Entry:
    """A charge. A failed one proves no movement. Raises UnexpectedObjectError, as all readers here do."""
    body = mapping(data, "charge")
    id_, intent = identifier(body, "id"), translate.intent_behind(body)
    return Entry(id_, intent, optional_id(body, "payment_intent"), id_, mark=_mark(body))


def refund(data: object) -> Entry:
    """A refund. A refund of a charge that was never captured only shows the end of a hold."""
    body = mapping(data, "refund")
    read, of = translate.refund_of(body), body.get("charge")
    if isinstance(of, Mapping) and of.get("captured") is False:
        read = replace(read, of_hold=True)
    return Entry(read.id, read, optional_id(body, "payment_intent"), optional_id(body, "charge"), mark=_expanded(of))


def dispute(data: object) -> Entry:
    """A dispute or inquiry."""
    body = mapping(data, "dispute")
    read, of = translate.dispute_of(body), body.get("charge")
    return Entry(read.id, read, optional_id(body, "payment_intent"), optional_id(body, "charge"), mark=_expanded(of))


def transfer(data: object) -> Entry:
    """A transfer, with its newest reversals."""
    body = mapping(data, "transfer")
    read, of = translate.transfer_of(body), body.get("source_transaction")
    mark = _mark(body) if of is None else _expanded(of)
    return Entry(read.id, read, charge_id=read.charge_id, transfer_id=read.id, mark=mark)


def reversal(data: object) -> Entry:
    """A reversal. Its mark is its transfer's."""
    body = mapping(data, "reversal")
    read = translate.reversal_of(body)
    return Entry(read.id, read, transfer_id=optional_id(body, "transfer"))


_READERS: dict[str, Callable[[object], Entry]] = {
    "charge": charge,
    "refund": refund,
    "dispute": dispute,
    "transfer": transfer,
    "transfer_reversal": reversal,
}


def line(data: object) -> tuple[Line, Entry | None]:
    """A balance transaction, and its source if that is an entry."""
    body = mapping(data, "balance transaction")
    read, source = _line(body), body.get("source")
    if not isinstance(source, Mapping):
        return read, None
    reader = _READERS.get(str(source.get("object")))
    found = None if reader is None else reader(source)
    return read, _set_free(found) if found is not None and read.category == translate.OF_HOLD else found


def _set_free(found: Entry) -> Entry:
    subject = found.subject
    return replace(found, subject=replace(subject, of_hold=True)) if isinstance(subject, Refund) else found


def _expanded(of: object) -> Mark | None:
    return _mark(of) if isinstance(of, Mapping) else None


def _mark(data: Json) -> Mark:
    """The payment and order that a charge or transfer names."""
    order_id, group = translate.order_id_of(data), optional_text(data, "transfer_group")
    return Mark(
        translate.payment_id_of(data), in_order_group=order_id is not None and group == transfer_group(order_id)
    )


def _line(data: object) -> Line:
    """A balance transaction, with its source expanded or not."""
    body = mapping(data, "balance transaction")
    return Line(
        id=identifier(body, "id"),
        category=text(body, "reporting_category"),
        amount=integer(body, "amount"),
        currency=text(body, "currency"),
        source=optional_id(body, "source"),
        at=optional_time(body, "created"),
    )
