"""Objects at Stripe, found without our own record of them.

Lists come first: a search lags by up to a minute, so an object may exist that it does not show (Stripe documentation,
"Search"). A search only finds objects older than the list's beginning.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from service.domain.ours import is_of_charge, is_our_transfer
from service.domain.stripe_objects import Intent, Picture, Refund, Reversal, Transfer, TransferRequest
from service.gateway import fields, translate
from service.gateway.calls import Calls, items_of
from service.gateway.params import SETTLED, WITH_CHARGE, created, transfer_group

_SHOWN_INSIDE = 10
_WINDOWS = (timedelta(minutes=20), timedelta(hours=2))
"""Lengths of the first periods to list: most intents are made soon after their command."""


def intent(
    calls: Calls, payment_id: str, customer: str | None, since: datetime, is_ours: Callable[[Intent], bool]
) -> Intent | None:
    """The newest intent of ours with this payment id; other programs' intents are skipped."""
    only: dict[str, Any] = {} if customer is None else {"customer": customer}
    # a customer has few intents, an account may have thousands per hour
    periods = _periods(since) if customer is None else [(since, None)]
    for start, end in periods:
        for found in calls.all("payment_intents", created=created(start, end), **only):
            if translate.payment_id_of(found) == payment_id and is_ours(read := translate.intent_of(found)):
                return read
    return _older_intent(calls, payment_id, is_ours)


def _older_intent(calls: Calls, payment_id: str, is_ours: Callable[[Intent], bool]) -> Intent | None:
    """An intent older than our records, which the database has lost since. A search finds it."""
    page = calls.get("payment_intents", "search", query=f"metadata['payment_id']:'{payment_id}'")
    found = map(translate.intent_of, items_of(page))
    return next(filter(is_ours, found), None)


def transfer(calls: Calls, request: TransferRequest) -> Transfer | None:
    """Our transfer of this charge; one that was not reversed is preferred."""
    listed = map(translate.transfer_of, calls.all("transfers", transfer_group=transfer_group(request.order_id)))
    found = [item for item in listed if is_our_transfer(request, item)]
    return min(found, key=lambda item: item.reversal_id is not None, default=None)


def reversal(calls: Calls, transfer_id: str) -> Reversal | None:
    """The newest reversal, if the whole transfer was taken back."""
    sent = translate.transfer_of(calls.get("transfers", transfer_id))
    return sent.reversals[0] if sent.reversal_id is not None else None


def refund(calls: Calls, intent_id: str) -> Refund | None:
    """The newest refund, if all that was captured is refunded; failed refunds do not count.

    This service never refunds a part, so a smaller refund is not its own.
    """
    effective = [item for item in refunds(calls, intent_id) if not (item.failed or item.of_hold)]
    if not effective:
        return None
    captured = translate.received(calls.get("payment_intents", intent_id))
    return effective[0] if sum(item.amount for item in effective) >= captured else None


def refunds(calls: Calls, intent_id: str) -> list[Refund]:
    """All that Stripe shows as refunds of this intent, newest first."""
    return [translate.refund_of(item) for item in calls.all("refunds", payment_intent=intent_id, **SETTLED)]


def picture(calls: Calls, intent_id: str, named: Collection[str] = ()) -> Picture:
    """One intent and everything that became of its money. Without a capture, the intent alone shows all.

    Stripe lists transfers by group, not by charge. A transfer of another group is read only if it is ``named``.
    """
    data = calls.get("payment_intents", intent_id, **WITH_CHARGE)
    intent = translate.intent_of(data)
    if not intent.received or intent.charge_id is None:
        return Picture(intent, whole=True)
    disputes = map(translate.dispute_of, calls.all("disputes", payment_intent=intent_id))
    group = fields.optional_text(data, "transfer_group")
    return Picture(
        intent,
        refunds=tuple(refunds(calls, intent_id)),
        disputes=tuple(disputes),
        transfers=tuple(
            with_all_reversals(calls, item) for item in _transfers(calls, group, named) if is_of_charge(intent, item)
        ),
        whole=True,
    )


def _transfers(calls: Calls, group: str | None, named: Collection[str]) -> Iterator[Transfer]:
    listed = [] if group is None else list(map(translate.transfer_of, calls.all("transfers", transfer_group=group)))
    yield from listed
    for other in sorted({*named} - {transfer.id for transfer in listed}):
        yield translate.transfer_of(calls.get("transfers", other))


def with_all_reversals(calls: Calls, sent: Transfer) -> Transfer:
    """The transfer with all its reversals: within the transfer, Stripe shows only the newest ten."""
    if len(sent.reversals) < _SHOWN_INSIDE:
        return sent
    return replace(sent, reversals=tuple(map(translate.reversal_of, calls.all("transfers", sent.id, "reversals"))))


def _periods(since: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    start = since
    for window in _WINDOWS:
        yield start, since + window
        start = since + window
    yield start, None
