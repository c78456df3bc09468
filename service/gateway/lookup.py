"""What stands at Stripe, found without our own record of it.

Lists first: a search lags by up to a minute, and what it does not show may be there all the same (Stripe
documentation, "Search"). What is older than the list begins is searched for.
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
"""Ends of the first stretches of time that are looked through: most intents are made soon after they were wanted."""


def intent(
    calls: Calls, payment_id: str, customer: str | None, since: datetime, is_ours: Callable[[Intent], bool]
) -> Intent | None:
    """The newest intent of ours that carries this payment id; strangers' are passed over."""
    only: dict[str, Any] = {} if customer is None else {"customer": customer}
    # a customer has few intents, an account may have thousands an hour
    stretches = _stretches(since) if customer is None else [(since, None)]
    for start, end in stretches:
        for found in calls.all("payment_intents", created=created(start, end), **only):
            if translate.payment_id_of(found) == payment_id and is_ours(read := translate.intent_of(found)):
                return read
    return _older_intent(calls, payment_id, is_ours)


def _older_intent(calls: Calls, payment_id: str, is_ours: Callable[[Intent], bool]) -> Intent | None:
    """One made before our records say that it was wanted: by a database that lost them since. A search shows it."""
    page = calls.get("payment_intents", "search", query=f"metadata['payment_id']:'{payment_id}'")
    found = map(translate.intent_of, items_of(page))
    return next(filter(is_ours, found), None)


def transfer(calls: Calls, request: TransferRequest) -> Transfer | None:
    """Our transfer of this charge; one that still stands before one that was taken back."""
    listed = map(translate.transfer_of, calls.all("transfers", transfer_group=transfer_group(request.order_id)))
    found = [item for item in listed if is_our_transfer(request, item)]
    return min(found, key=lambda item: item.reversal_id is not None, default=None)


def reversal(calls: Calls, transfer_id: str) -> Reversal | None:
    """The reversal that took the last of this transfer back."""
    sent = translate.transfer_of(calls.get("transfers", transfer_id))
    return sent.reversals[0] if sent.reversal_id is not None else None


def refund(calls: Calls, intent_id: str) -> Refund | None:
    """The newest refund, once all that was captured is given back: a part is no refund of ours."""
    standing = [item for item in refunds(calls, intent_id) if not (item.failed or item.of_hold)]
    if not standing:
        return None
    captured = translate.received(calls.get("payment_intents", intent_id))
    return standing[0] if sum(item.amount for item in standing) >= captured else None


def refunds(calls: Calls, intent_id: str) -> list[Refund]:
    """Everything that Stripe shows as a refund of this intent, newest first."""
    return [translate.refund_of(item) for item in calls.all("refunds", payment_intent=intent_id, **SETTLED)]


def picture(calls: Calls, intent_id: str, named: Collection[str] = ()) -> Picture:
    """One intent and everything that became of its money: of one that was not captured nothing could.

    Stripe lists transfers by their group, not by their charge; one of another group that a stranger made is seen if it
    is ``named``.
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
    """A transfer with all its reversals: inside it Stripe shows the newest ten."""
    if len(sent.reversals) < _SHOWN_INSIDE:
        return sent
    return replace(sent, reversals=tuple(map(translate.reversal_of, calls.all("transfers", sent.id, "reversals"))))


def _stretches(since: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    start = since
    for window in _WINDOWS:
        yield start, since + window
        start = since + window
    yield start, None
