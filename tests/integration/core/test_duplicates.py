"""The same command again: redelivered, with other content, or to several consumers at once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.errors import ErrorCode
from service.domain.received_records import InvalidCommand, UnreadableMessage
from tests.integration.core.invariants import check_settled
from tests.support.core import Core, authorization

WORKERS = 6


def _letters(core: Core) -> list[str]:
    return [str(row["reason"]) for row in core.sql("SELECT reason FROM dead_letters ORDER BY id")]


def test_redelivered_command_has_no_second_effect(core: Core) -> None:
    payment = core.authorize("c-1")
    for _ in range(3):
        core.authorize("c-1")
        core.release(payment, "c-2")
        core.revert(payment, "c-1")
    assert len(core.events()) == 3
    assert core.effects() == ["hold", "capture", "transfer", "reversal", "refund"]
    assert core.authorize("c-1") == payment, "the order is free again, yet this command was carried out before"
    assert _letters(core) == []
    check_settled(core)


def test_other_content_under_the_same_command_key_is_a_dead_letter(core: Core) -> None:
    payment = core.authorize("c-1")
    before = core.summaries()
    core.handle(authorization("c-1", "order-1", amount=1501))
    core.handle(authorization("c-1", "order-2"))
    core.release(payment, "c-2")
    core.release(payment, "c-2", "acct_other")
    assert core.summaries() == [*before, "release_payment: payment.released SUCCEEDED"]
    assert _letters(core) == ["CORRELATION_ID_REUSED"] * 3
    assert len(core.sql("SELECT 1 FROM outbox WHERE topic = 'payment_commands.dead_letter'")) == 3
    assert len(core.sql("SELECT 1 FROM payments")) == 1


def test_changed_free_text_is_the_same_command(core: Core) -> None:
    """Free text has no effect, also for a command that was answered at once."""
    payment, nothing = core.authorize("c-1", description="two coffees"), UUID(int=7)
    core.revert(payment, "c-2", "too late")
    core.revert(nothing, "c-3", "too late")
    before = core.summaries()
    core.authorize("c-1", description="two coffees, one of them black")
    core.revert(payment, "c-2", "the runner did not come")
    core.revert(nothing, "c-3")
    assert (core.summaries(), _letters(core)) == (before, [])


def test_command_stored_by_a_later_release_is_run_and_recognized(core: Core) -> None:
    """During a rolling update, rows have fields and steps that this release does not know."""
    payment = core.authorize("c-1")
    core.stripe.fault("drop_before", "payment_intents.cancel", times=None)
    core.revert(payment, "c-2")
    core.sql(
        "UPDATE commands SET payload = payload || '{\"refund_fee\": 5}', fingerprint = sha256('later'), "
        "recovery_point = 'later_step:later_mode'"
    )
    core.stripe.clear_faults()
    core.settle()
    before = core.summaries()
    core.authorize("c-1")
    core.revert(payment, "c-2")
    assert (core.summaries(), _letters(core)) == (before, [])
    assert core.effects() == ["hold", "cancel"]


def test_redelivered_dead_letter_is_kept_once(core: Core) -> None:
    origin = core.origin()
    for _ in range(2):
        core.engine.dead_letter(UnreadableMessage("NOT_JSON", "no JSON \0 at all"), origin)
    assert _letters(core) == ["NOT_JSON"]
    assert len(core.sql("SELECT 1 FROM outbox")) == 1


def test_invalid_command_is_answered_once_and_kept(core: Core) -> None:
    invalid = InvalidCommand("c-1", "release_payment", ErrorCode.INVALID_PAYLOAD, "runner_id is missing", b"-" * 32)
    origin = core.origin()
    for _ in range(2):
        core.engine.refuse(invalid, origin)
    (event,) = core.events()
    assert event.summary == "release_payment: payment.failed INVALID_PAYLOAD"
    assert (event.key, event.sequence) == ("c-1", None)
    assert _letters(core) == ["INVALID_PAYLOAD"]


def test_concurrent_authorizes_of_one_order_have_one_winner(core: Core) -> None:
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda n: core.handle(authorization(f"c-{n}", "order-1")), range(WORKERS)))
    summaries = sorted(core.summaries())
    assert summaries == ["authorize_payment: payment.authorized AUTHORIZED"] + [
        "authorize_payment: payment.failed ORDER_ALREADY_PAID"
    ] * (WORKERS - 1)
    assert core.effects() == ["hold"]
    check_settled(core)


def test_concurrent_deliveries_of_one_command_have_one_effect(core: Core) -> None:
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda _: core.handle(authorization("c-1", "order-1")), range(WORKERS)))
        payment = core.payment_id("order-1")
        list(pool.map(lambda _: core.handle(Release("c-2", payment, "runner-1", "acct_runner")), range(WORKERS)))
        list(pool.map(lambda _: core.handle(Revert("c-1", payment)), range(WORKERS)))
    assert len(core.events()) == 3
    assert core.effects() == ["hold", "capture", "transfer", "reversal", "refund"]
    check_settled(core)


def test_concurrent_orders_under_one_correlation_id_have_one_winner(core: Core) -> None:
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda n: core.handle(authorization("c-1", f"order-{n}")), range(WORKERS)))
    assert len(core.events()) == len(core.sql("SELECT 1 FROM payments")) == 1
    assert _letters(core) == ["CORRELATION_ID_REUSED"] * (WORKERS - 1)
    check_settled(core)
