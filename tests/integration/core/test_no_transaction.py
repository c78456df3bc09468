"""Stripe is never called while a transaction is open, and a call holds no connection."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service.domain.errors import TransactionOpenError
from service.domain.stripe_objects import IntentRequest, TransferRequest
from service.gateway.stripe_gateway import StripeGateway
from service.storage.engine import refuse_inside_transaction, transaction
from tests.integration.core.hooked_gateway import HookedGateway
from tests.support.core import CHALLENGED, DECLINED, Core

_REQUEST = IntentRequest("p", "o", "c", 1500, "sgd", "pm_card_visa", None, None, None)
_TRANSFER = TransferRequest("p", "o", 1500, "sgd", "acct_x", "ch_x")
CALLS: dict[str, tuple[Any, ...]] = {
    "create_intent": (_REQUEST, "key"),
    "retrieve_intent": ("pi_x",),
    "find_intent": ("p", None, datetime(2026, 1, 1, tzinfo=UTC), bool),
    "capture": ("pi_x", "key"),
    "cancel": ("pi_x", "key", ""),
    "transfer": (_TRANSFER, "key"),
    "find_transfer": (_TRANSFER,),
    "reverse_transfer": ("tr_x", "key", "p"),
    "find_reversal": ("tr_x",),
    "refund": ("pi_x", "key", "", "p"),
    "find_refund": ("pi_x",),
    "is_disputed": ("ch_x",),
    "look_at": ("pi_x",),
    "next_action": ("pi_x",),
}


CALL_NOTHING = {"use_key", "noting"}


def test_table_has_every_call() -> None:
    assert {*CALLS, *CALL_NOTHING} == {name for name in vars(StripeGateway) if not name.startswith("_")}


@pytest.mark.parametrize("call", CALLS)
def test_gateway_refuses_calls_inside_a_transaction(core: Core, call: str) -> None:
    gateway = StripeGateway(core.settings, refuse_inside_transaction)
    before = len(core.stripe.requests())
    with transaction(core.database), pytest.raises(TransactionOpenError):
        getattr(gateway, call)(*CALLS[call])
    assert len(core.stripe.requests()) == before


def test_no_session_is_in_a_transaction_during_a_call(hooked_core: Core, gateway: HookedGateway) -> None:
    core = hooked_core
    seen: list[list[dict[str, Any]]] = []
    busy = (
        "SELECT state, query FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND (state <> 'idle' OR xact_start IS NOT NULL)"
    )
    gateway.always = lambda: seen.append(core.sql(busy))
    payment = core.authorize()
    core.release(payment)
    core.revert(payment)
    core.authorize("c-2", "order-2", CHALLENGED)
    core.revert(core.payment_id("order-2"), "c-2")
    core.authorize("c-3", "order-3", DECLINED)
    core.stripe.fault("error_after", "*", times=3)
    core.revert(core.authorize("c-4", "order-4"), "c-4")
    core.settle()
    assert len(seen) > 10
    assert [sessions for sessions in seen if sessions] == []
