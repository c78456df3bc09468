"""Answers and takeovers are counted once they are committed."""

from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from service.domain.commands.release import Release
from service.storage import outbox
from service.storage.engine import SQLAlchemyError
from service.storage.prepared import Prepared
from tests.support.core import RUNNER, Core

pytestmark = pytest.mark.postgres

AUTHORIZE = "authorize_payment"


def test_an_answer_is_counted_by_outcome_once_it_is_committed(core: Core) -> None:
    before = _answers()
    payment = core.authorize()
    core.authorize("c-2", "order-1")
    core.handle(Release("c-3", uuid4(), "runner", RUNNER))
    core.authorize("c-2", "order-1")
    core.revert(payment)
    assert _new(before) == {
        (AUTHORIZE, "payment.authorized"): 1,
        (AUTHORIZE, "ORDER_ALREADY_PAID"): 1,
        ("release_payment", "PAYMENT_NOT_FOUND"): 1,
        ("revert_payment", "payment.reverted"): 1,
    }


def test_an_answer_that_was_rolled_back_is_not_counted(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _answers()
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "appending", lambda messages: [(Prepared(text("SELECT 1 / 0")), {})])
        with pytest.raises(SQLAlchemyError):
            core.authorize()
    assert _new(before) == {}
    core.expire_leases()
    core.settle()
    assert _new(before) == {(AUTHORIZE, "payment.authorized"): 1}


def test_the_takeover_of_an_expired_lease_is_counted(core: Core) -> None:
    before = REGISTRY.get_sample_value("payment_leases_expired_total") or 0
    core.stripe.fault("drop_before", "payment_intents.create")
    core.authorize()
    core.sql("UPDATE commands SET lease_token = gen_random_uuid(), lease_expires_at = now()")
    core.expire_leases()
    core.settle()
    assert REGISTRY.get_sample_value("payment_leases_expired_total") == before + 1


def _answers() -> dict[tuple[str, str], float]:
    return {
        (sample.labels["command_type"], sample.labels["outcome"]): sample.value
        for family in REGISTRY.collect()
        if family.name == "payment_commands_answered"
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def _new(before: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    return {key: number - before.get(key, 0) for key, number in _answers().items() if number != before.get(key, 0)}
