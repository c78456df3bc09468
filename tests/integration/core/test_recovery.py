"""Recovery after a restore: no command whose outcome was published acts again, and nothing is numbered twice."""

from typing import Any

import pytest

from service.domain.command_reader import read
from service.domain.received_records import InvalidCommand, UnreadableMessage
from tests.integration.core.invariants import check_settled
from tests.integration.core.kept_topics import PAYMENT, Topics
from tests.integration.core.restoring import Loss
from tests.support.core import Core


def _events(core: Core) -> list[tuple[Any, ...]]:
    rows = core.sql("SELECT event_id, sequence, type, value FROM outbox ORDER BY key, sequence")
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("killed_after", [None, 1, 3])
@pytest.mark.parametrize("kept", [0, 1])
def test_recovery_restores_the_state_that_readers_have_seen(
    loss: Loss, kept_topics: Topics, kept: int, killed_after: int | None
) -> None:
    """The histories include an order's second payment, which was possible only after the first was reverted."""
    kept_topics.authorize_before_or_after_the_dump(loss, kept=bool(kept))
    with loss.before() as core:
        kept_topics.release(core)
        kept_topics.revert(core)
        kept_topics.authorize(core, "c-again")
        kept_topics.published(core)
        before, moved, row = _events(core), core.stripe.ledger(), core.payment(PAYMENT)
    with loss.after(hours=25) as core:
        if killed_after is not None:
            kept_topics.recover(core, killed_after)
        assert {finding.result for finding in kept_topics.recover(core)} <= {"repaired", "agrees"}
        assert _events(core) == before
        assert core.stripe.ledger() == moved
        same = ("status", "stripe_transfer_id", "stripe_refund_id", "event_sequence", "release_correlation_id")
        assert {name: core.payment(PAYMENT)[name] for name in same} == {name: row[name] for name in same}
        check_settled(core)
        for origin in kept_topics.records:
            command = read(origin.value, "sgd")
            assert not isinstance(command, InvalidCommand | UnreadableMessage)
            core.engine.handle(command, origin)
        assert (_events(core), core.stripe.ledger()) == (before, moved)
        assert kept_topics.losses(core).by_payment == {}
        acts = core.sql("SELECT detail FROM operator_actions WHERE action = 'payment.recover' ORDER BY id")
        assert acts[0]["detail"] == {"commands": 4 - kept, "messages": 4 - kept, "payments": 2}
        assert len(acts) == (1 if killed_after in {None, 4 - kept} else 2)


@pytest.mark.parametrize("kept", ["nothing", "the open command"])
def test_recovered_failed_command_makes_no_hold(loss: Loss, kept_topics: Topics, kept: str) -> None:
    """Stripe had refused the command for a reason that no longer holds."""
    with loss.before() as core:
        if kept == "the open command":
            core.stripe.fault("drop_before", "payment_intents.create", times=1)
            kept_topics.authorize(core)
    loss.dump()
    with loss.before() as core:
        core.stripe.fault("refuse", "payment_intents.create", times=None, status=400, type="invalid_request_error")
        if kept == "nothing":
            kept_topics.authorize(core)
        core.settle()
        kept_topics.published(core)
        before = _events(core)
        assert core.status(PAYMENT) == "FAILED"
        core.stripe.clear_faults()
    with loss.after(hours=25) as core:
        kept_topics.recover(core)
        assert (core.status(PAYMENT), _events(core)) == ("FAILED", before)
        assert core.stripe.ledger() == []


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("kept", [0, 1])
def test_hold_that_the_lost_revert_canceled_is_no_news_to_earlier_commands(
    loss: Loss, kept_topics: Topics, kept: int, refused: bool
) -> None:
    """The authorize comes back first, then a refused release. Both find at Stripe what the revert has done since."""
    kept_topics.authorize_before_or_after_the_dump(loss, kept=bool(kept))
    with loss.before() as core:
        if refused:
            core.stripe.fault("refuse", "payment_intents.capture", times=1, status=400, type="invalid_request_error")
            kept_topics.release(core)
        kept_topics.revert(core)
        kept_topics.published(core)
        before, moved = _events(core), core.stripe.ledger()
        ends, row = core.sql("SELECT kind, by_us FROM movements ORDER BY kind"), core.payment(PAYMENT)
    with loss.after(hours=25) as core:
        assert {finding.result for finding in kept_topics.recover(core)} <= {"repaired", "agrees"}
        assert (_events(core), core.stripe.ledger(), core.status(PAYMENT)) == (before, moved, "REVERTED")
        assert core.sql("SELECT kind, by_us FROM movements ORDER BY kind") == ends
        same = ("event_sequence", "held", "revert_correlation_id", "failure")
        assert {name: core.payment(PAYMENT)[name] for name in same} == {name: row[name] for name in same}
        assert kept_topics.losses(core).by_payment == {}


def test_news_events_are_recovered_and_new_events_numbered_after_them(loss: Loss, kept_topics: Topics) -> None:
    with loss.before() as core:
        kept_topics.authorize(core)
    loss.dump()
    with loss.before() as core:
        kept_topics.release(core)
        core.stripe.dashboard("refund", core.intent(PAYMENT), amount=400)
        core.hear()
        kept_topics.published(core)
        before = _events(core)
        assert [sequence for _, sequence, _, _ in before] == [1, 2, 3]
    with loss.after(hours=1) as core:
        kept_topics.recover(core)
        assert _events(core) == before
        core.revert(PAYMENT, "c-new")
        assert core.outcome("revert_payment", "c-new").sequence == 4


def test_recovered_command_without_its_authorize_is_not_refused(loss: Loss, kept_topics: Topics) -> None:
    """PAYMENT_NOT_FOUND would be final. The command is named until its authorize arrives again."""
    loss.dump()
    with loss.before() as core:
        core.authorize()
        kept_topics.release(core)
        kept_topics.published(core)
        moved = core.stripe.ledger()
    with loss.after(hours=25, look_first="on") as core:
        (finding,) = kept_topics.recover(core)
        assert (finding.result, finding.payment_id) == ("lost", str(PAYMENT))
        assert core.events() == []
        core.authorize()
        assert {finding.result for finding in kept_topics.recover(core)} == {"repaired"}
        assert (core.status(PAYMENT), core.stripe.ledger()) == ("SUCCEEDED", moved)


def test_reconciliation_that_misses_nothing_leaves_the_relay_its_trust(loss: Loss, kept_topics: Topics) -> None:
    """A relay in doubt ends its term, publishes nothing until it has compared, and raises an alert."""
    with loss.before() as core:
        kept_topics.authorize(core)
        kept_topics.published(core)
        core.sql(
            "INSERT INTO relay_checkpoints (relay, low, system_identifier, timeline) "
            "SELECT 'payment-relay', max(position), 1, 1 FROM outbox"
        )
        assert {finding.result for finding in kept_topics.recover(core)} == {"agrees"}
        assert core.sql("SELECT doubt FROM relay_checkpoints") == [{"doubt": None}]
        core.sql("DELETE FROM relay_checkpoints")
