"""A database that lost its rows: repeated commands are answered by the effects that Stripe has."""

from tests.integration.core.invariants import check_settled
from tests.support.core import OpenCore


def test_repeated_authorize_finds_the_hold_of_the_lost_row(new_database: OpenCore) -> None:
    with new_database() as before:
        payment = before.authorize()
        intent = before.payment(payment)["stripe_payment_intent_id"]
    with new_database() as after:
        assert after.authorize() == payment
        assert after.outcome("authorize_payment", "c-auth").type == "payment.authorized"
        assert after.payment(payment)["stripe_payment_intent_id"] == intent
        assert len(after.stripe.ledger("hold")) == 1


def test_idempotency_key_conflict_is_followed_by_a_look(new_database: OpenCore) -> None:
    """The saga changed its free text, so Stripe refuses the old idempotency key, though the hold exists."""
    with new_database() as before:
        payment = before.authorize(description="as it was")
        intent = before.payment(payment)["stripe_payment_intent_id"]
    with new_database() as after:
        assert after.authorize(description="as it is now") == payment
        after.settle()
        assert after.outcome("authorize_payment", "c-auth").type == "payment.authorized"
        assert after.payment(payment)["stripe_payment_intent_id"] == intent
        assert len(after.stripe.ledger("hold")) == 1
        check_settled(after)


def test_authorize_repeated_hours_later_finds_the_older_hold(new_database: OpenCore) -> None:
    with new_database() as before:
        payment = before.authorize(description="as it was")
        intent = before.payment(payment)["stripe_payment_intent_id"]
    with new_database() as after:
        after.stripe.advance(3 * 3600)
        after.authorize(description="as it is now")
        after.settle()
        assert after.payment(payment)["stripe_payment_intent_id"] == intent
        assert len(after.stripe.ledger("hold")) == 1


def test_repeated_release_finds_its_capture_and_transfer(new_database: OpenCore) -> None:
    with new_database() as before:
        payment = before.authorize()
        before.release(payment)
        transfer = before.payment(payment)["stripe_transfer_id"]
    with new_database() as after:
        assert after.authorize() == payment
        after.release(payment)
        after.settle()
        assert after.payment(payment)["stripe_transfer_id"] == transfer
        assert after.outcome("release_payment", "c-release").type == "payment.released"
        assert len(after.stripe.ledger("transfer")) == 1
        check_settled(after)
