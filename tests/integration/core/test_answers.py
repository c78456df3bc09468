"""The answers to commands that cannot be carried out, or that were carried out before."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from service.domain.commands.revert import Revert
from tests.integration.core.invariants import check_settled
from tests.support.core import CHALLENGED, DECLINED, RUNNER, TRACE, Core, authorization

Arrange = Callable[[Core], UUID]


def _authorized(core: Core) -> UUID:
    return core.authorize()


def _released(core: Core) -> UUID:
    payment = core.authorize()
    core.release(payment, "c-first-release")
    return payment


def _reverted(core: Core) -> UUID:
    payment = core.authorize()
    core.revert(payment, "c-first-revert")
    return payment


def _refunded(core: Core) -> UUID:
    payment = _released(core)
    core.revert(payment, "c-first-revert")
    return payment


def _failed(core: Core) -> UUID:
    payment = core.authorize(card=DECLINED)
    core.settle()
    return payment


def _challenged(core: Core) -> UUID:
    return core.authorize(card=CHALLENGED)


def _captured_at_once(core: Core) -> UUID:
    """A payment captured without a hold, as older intents are."""
    payment = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment))
    core.stripe.dashboard("capture", core.intent(payment))
    (heard,) = [e for e in core.stripe_events(core.intent(payment)) if e.type == "payment_intent.succeeded"]
    assert heard.intent is not None
    core.deliver(replace(heard, intent=replace(heard.intent, capture_method="automatic")))
    return payment


RELEASED = "release_payment: payment.released SUCCEEDED"
REVERTED = "revert_payment: payment.reverted REVERTED"
ON_RELEASE: dict[Arrange, str] = {
    _authorized: RELEASED,
    _captured_at_once: RELEASED,
    _released: RELEASED,
    _reverted: "release_payment: payment.failed INVALID_STATE",
    _refunded: "release_payment: payment.failed INVALID_STATE",
    _failed: "release_payment: payment.failed INVALID_STATE",
    _challenged: "release_payment: payment.failed INVALID_STATE",
}
ON_REVERT: dict[Arrange, str] = {
    _authorized: REVERTED,
    _captured_at_once: REVERTED,
    _released: REVERTED,
    _reverted: REVERTED,
    _refunded: REVERTED,
    _failed: "revert_payment: payment.failed INVALID_STATE",
    _challenged: REVERTED,
}


@pytest.mark.parametrize("arrange", ON_RELEASE, ids=lambda made: made.__name__)
def test_answer_to_a_release_in_each_state(core: Core, arrange: Arrange) -> None:
    payment = arrange(core)
    before = core.effects()
    core.release(payment, "c-asked")
    assert core.outcome("release_payment", "c-asked").summary == ON_RELEASE[arrange]
    if arrange is _released:
        first, again = (core.outcome("release_payment", c).payload for c in ("c-first-release", "c-asked"))
        assert {**first, "correlation_id": ""} == {**again, "correlation_id": ""}
    if arrange is _captured_at_once:
        assert core.effects() == [*before, "transfer"]
    elif arrange is not _authorized:
        assert core.effects() == before
    check_settled(core)


@pytest.mark.parametrize("arrange", ON_REVERT, ids=lambda made: made.__name__)
def test_answer_to_a_revert_in_each_state(core: Core, arrange: Arrange) -> None:
    payment = arrange(core)
    before = core.effects()
    core.revert(payment, "c-asked")
    assert core.outcome("revert_payment", "c-asked").summary == ON_REVERT[arrange]
    if arrange in {_reverted, _refunded, _failed}:
        assert core.effects() == before
    if arrange is _refunded:
        first, again = (core.outcome("revert_payment", c).payload for c in ("c-first-revert", "c-asked"))
        assert first["refund_id"] == again["refund_id"]
    check_settled(core)


def test_payment_captured_at_once_is_announced_as_succeeded(core: Core) -> None:
    payment = _captured_at_once(core)
    assert core.summaries() == ["authorize_payment: payment.authorized SUCCEEDED"]
    assert core.status(payment) == "SUCCEEDED"


def test_release_to_another_account_is_refused(core: Core) -> None:
    payment = _released(core)
    core.release(payment, "c-other", "acct_other")
    event = core.outcome("release_payment", "c-other")
    assert event.summary == "release_payment: payment.failed ALREADY_RELEASED"
    assert "revert" in event.payload["message"]
    assert core.payment(payment)["runner_connect_account_id"] == RUNNER
    check_settled(core)


@pytest.mark.parametrize("arrange", [_authorized, _released, _challenged, _captured_at_once], ids=lambda m: m.__name__)
def test_second_authorize_of_a_live_order_is_refused(core: Core, arrange: Arrange) -> None:
    payment = arrange(core)
    sequence = core.payment(payment)["event_sequence"]
    assert core.authorize("c-again", amount=990) == payment
    event = core.outcome("authorize_payment", "c-again")
    assert event.summary == "authorize_payment: payment.failed ORDER_ALREADY_PAID"
    assert (event.key, event.sequence, event.headers["ce_subject"]) == (str(payment), sequence + 1, str(payment))
    assert event.payload["payment_id"] == str(payment)
    assert len(core.sql("SELECT 1 FROM payments")) == 1


@pytest.mark.parametrize("arrange", [_reverted, _refunded, _failed], ids=lambda made: made.__name__)
def test_order_without_a_live_payment_may_be_authorized_again(core: Core, arrange: Arrange) -> None:
    ended = arrange(core)
    again = core.authorize("c-again")
    assert again != ended
    event = core.outcome("authorize_payment", "c-again")
    assert (event.summary, event.sequence) == ("authorize_payment: payment.authorized AUTHORIZED", 1)
    check_settled(core)


@pytest.mark.parametrize("kind", ["release_payment", "revert_payment"])
def test_command_for_an_unknown_payment_is_refused(core: Core, kind: str) -> None:
    unknown = uuid.uuid4()
    for _ in range(2):
        core.release(unknown, "c-1") if kind == "release_payment" else core.revert(unknown, "c-1")
    (event,) = core.events()
    assert event.summary == f"{kind}: payment.failed PAYMENT_NOT_FOUND"
    assert (event.key, event.sequence, event.payload["payment_id"]) == ("c-1", None, str(unknown))
    assert not {"ce_subject", "sequence"} & set(event.headers)
    assert event.headers["traceparent"] == TRACE


def test_outcome_event_continues_the_trace_of_its_command(core: Core) -> None:
    payment = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment))
    core.deliver_all(payment)
    assert core.events()[0].headers["traceparent"] == TRACE


@pytest.mark.parametrize("sent", [TRACE, None])
def test_news_event_continues_the_trace_of_its_command(core: Core, sent: str | None) -> None:
    headers: list[tuple[str, bytes | None]] = [] if sent is None else [("traceparent", sent.encode())]
    core.engine.handle(authorization("c-auth", "order-1"), replace(core.origin(), headers=headers))
    payment = core.payment_id("order-1")
    core.stripe.dashboard("cancel", core.intent(payment))
    core.deliver_all(payment)
    outcome, news = core.events()
    assert "command_type" not in news.headers
    assert news.headers["traceparent"] == outcome.headers["traceparent"]
    assert sent in {None, news.headers["traceparent"]}


def test_reason_of_a_revert_is_stored_unchanged(core: Core) -> None:
    payment = core.authorize()
    reason = "duplicate order — \N{SNOWMAN} " + "x" * 400
    core.handle(Revert("c-1", payment, reason))
    assert core.payment(payment)["revert_reason"] == reason
