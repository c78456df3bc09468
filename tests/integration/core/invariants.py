"""The invariants, checked from outside: only on the outbox, the transitions and Stripe's ledger."""

from collections import Counter, defaultdict
from typing import Any

from proofs.money_books import by_payment, differing, done_twice, misplaced
from service.domain.payment import PaymentStatus, may_become
from tests.support.core import Core


def check_always(core: Core) -> None:
    """Check the invariants that hold at any moment, even during a step."""
    _one_outcome_a_command(core)
    _sequences_without_gaps(core)
    _transitions_are_chains(core)
    _effects_once(core)


def check_settled(core: Core) -> None:
    """Check all invariants, once every command is answered and every webhook is delivered."""
    check_always(core)
    _every_command_is_answered(core)
    effects = by_payment(core.stripe.ledger())
    for payment in core.sql("SELECT * FROM payments"):
        assert misplaced(payment, effects[str(payment["payment_id"])]) is None
        books_agree(core, payment)


def _one_outcome_a_command(core: Core) -> None:
    answered = Counter(event.answers for event in core.events() if event.answers is not None)
    rows = core.sql("SELECT command_type, correlation_id, reopened FROM commands WHERE reopened > 0")
    reopened = Counter({(row["command_type"], row["correlation_id"]): row["reopened"] for row in rows})
    assert {answers: times for answers, times in answered.items() if times > 1 + reopened[answers]} == {}


def _every_command_is_answered(core: Core) -> None:
    answered = {event.answers for event in core.events()}
    rows = core.sql("SELECT command_type, correlation_id FROM commands WHERE command_type NOT LIKE '%cancel_hold'")
    accepted = {(row["command_type"], row["correlation_id"]) for row in rows}
    waiting = core.sql("SELECT command_type, correlation_id FROM commands WHERE state = 'waiting'")
    assert accepted - answered == {(row["command_type"], row["correlation_id"]) for row in waiting}


def _sequences_without_gaps(core: Core) -> None:
    by_payment: dict[str, list[int | None]] = defaultdict(list)
    for event in core.events():
        if "ce_subject" in event.headers:
            by_payment[event.key].append(event.sequence)
    for key, sequences in by_payment.items():
        assert sequences == list(range(1, len(sequences) + 1)), key


def _transitions_are_chains(core: Core) -> None:
    at: dict[Any, str] = defaultdict(lambda: "INITIATING")
    for row in core.sql("SELECT * FROM payment_transitions ORDER BY id"):
        assert row["from_status"] == at[row["payment_id"]]
        assert may_become(PaymentStatus(row["from_status"]), PaymentStatus(row["to_status"]))
        at[row["payment_id"]] = row["to_status"]
    for payment in core.sql("SELECT payment_id, status FROM payments"):
        assert at[payment["payment_id"]] == payment["status"]


def _effects_once(core: Core) -> None:
    assert list(done_twice(core.stripe.ledger())) == []


def books_agree(core: Core, payment: dict[str, Any]) -> None:
    """Check that the payment's sums equal the money that Stripe shows, to the cent."""
    assert differing(payment, core.stripe.ledger()) is None
