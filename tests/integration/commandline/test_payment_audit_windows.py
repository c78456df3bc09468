"""``payment audit``: its window, its sums by currency, and the money owed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.integration.commandline.auditing import Books, sums_of

pytestmark = pytest.mark.postgres

DAY = 86400.0


def later(**passed: float) -> str:
    """A time for an option."""
    return (datetime.now(UTC) + timedelta(**passed)).isoformat()


def test_more_objects_than_one_page_agree(books: Books) -> None:
    for number in range(101):
        payment = books.core.authorize(f"c-{number}", f"order-{number}")
    last = payment
    books.core.stripe.dashboard("cancel", books.core.intent(last))
    assert books.only_difference()["payment_id"] == str(last)
    books.core.hear()
    found = books.agree()
    assert (found["compared"], sums_of(found, "stripe")["hold"]) == (101, 101 * 1500)


def test_a_window_before_everything_is_empty(books: Books, paid: UUID) -> None:
    books.core.stripe.dashboard("refund", books.core.intent(paid), amount=1)
    found = books.agree("--since", "3h", "--until", "1h")
    assert (found["sums"], found["compared"]) == ({}, 0)
    begin, end = (datetime.fromisoformat(found["window"][name]) for name in ("since", "until"))
    assert end - begin in {timedelta(hours=2), timedelta(hours=2, seconds=1)}


def test_movement_of_an_older_charge_agrees(books: Books) -> None:
    payment = books.core.authorize()
    books.core.stripe.advance(2 * DAY)
    books.core.release(payment)
    books.core.stripe.dashboard("refund", books.core.intent(payment), amount=1)
    window = ("--since", later(days=1), "--until", later(days=3))
    assert (books.only_difference(*window)["kind"], books.only_difference(*window)["stripe_amount"]) == ("refund", 1)
    books.core.hear()
    assert sums_of(books.agree(*window), "stripe") == {"capture": 1500, "transfer": 1500, "refund": 1}


def test_movement_after_the_window_is_left_out(books: Books) -> None:
    payment = books.core.authorize()
    books.core.stripe.advance(2 * DAY)
    books.core.stripe.dashboard("capture", books.core.intent(payment))
    assert sums_of(books.agree("--since", "1h", "--until", later(days=1)), "stripe") == {"hold": 1500}
    assert books.only_difference("--since", later(days=1), "--until", later(days=3))["kind"] == "capture"


def test_end_of_an_older_hold_agrees(books: Books) -> None:
    payment = books.core.authorize()
    books.core.stripe.advance(2 * DAY)
    books.core.revert(payment)
    books.core.hear()
    found = books.agree("--since", later(days=1), "--until", later(days=3))
    assert sums_of(found, "stripe") == sums_of(found, "ours") == {"hold_gone": 1500}


def test_object_outside_the_lists_of_the_window_is_read(books: Books, paid: UUID) -> None:
    """A dispute that was opened before the window and ends inside it, without a movement."""
    dispute = books.core.stripe.dispute(books.core.payment(paid)["stripe_charge_id"])
    books.core.stripe.advance(2 * DAY)
    books.core.stripe.end_dispute(dispute["id"], "lost")
    books.core.hear()
    books.learnt_later("dispute_closed", days=2)
    assert books.agree("--since", later(days=1), "--until", later(days=3))["compared"] == 1


def test_wrong_movement_is_found_in_an_otherwise_empty_window(books: Books, paid: UUID) -> None:
    books.core.sql(
        "INSERT INTO movements (kind, proof, payment_id, amount, currency, by_us, cause, happened_at) "
        "VALUES ('refund', 're_made_up', :p, 200, 'sgd', true, 'test', now() - interval '2 hours')",
        p=paid,
    )
    found = books.only_difference("--since", "3h", "--until", "1h")
    assert (found["what"], found["proof"]) == ("missing_at_stripe", "re_made_up")


def test_money_settled_in_another_currency_agrees(books: Books) -> None:
    books.core.stripe.options(settlement_currency="usd", exchange_rate=0.75)
    payment = books.core.authorize()
    books.core.release(payment)
    books.core.hear()
    found = books.agree()
    assert sums_of(found, "stripe") == {"hold": 1500, "capture": 1500}
    assert sums_of(found, "stripe", "usd") == sums_of(found, "ours", "usd") == {"transfer": 1125}
    books.core.stripe.dashboard("reverse_transfer", books.core.intent(payment), amount=25)
    assert (books.only_difference()["stripe_amount"], books.only_difference()["stripe_currency"]) == (25, "usd")


class TestUnderWay:
    def test_movement_of_an_open_release_is_no_difference(self, books: Books) -> None:
        payment = books.core.authorize()
        books.core.stripe.fault("drop_after", "payment_intents.capture", times=1)
        books.core.stripe.fault("drop_before", "payment_intents.retrieve", times=None)
        books.core.release(payment)
        assert books.core.command("c-release", "release_payment")["state"] == "pending"
        books.core.stripe.clear_faults()
        found = books.agree()
        assert [(each["kind"], each["payment_id"]) for each in found["under_way"]] == [("capture", str(payment))]
        books.core.settle()
        assert books.agree()["under_way"] == []

    def test_movement_outside_an_open_command_is_a_difference(self, books: Books) -> None:
        payment = books.core.authorize()
        books.core.stripe.dashboard("capture", books.core.intent(payment))
        books.core.hear()
        books.core.stripe.fault("drop_before", "transfers.create", times=None)
        books.core.release(payment)
        assert books.core.command("c-release", "release_payment")["state"] == "pending"
        refund = books.core.stripe.dashboard("refund", books.core.intent(payment), amount=1)
        found = books.differ()
        assert [each["proof"] for each in found["differs"]] == [refund["id"]]
        assert found["under_way"] == []


class TestOwed:
    def test_transfer_of_a_refunded_charge_is_owed_to_the_platform(self, books: Books, paid: UUID) -> None:
        books.core.stripe.dashboard("refund", books.core.intent(paid))
        books.core.hear()
        owed = books.agree()["owed"]["sgd"]
        assert (owed["platform"]["amount"], owed["platform"]["payments"][0]["payment_id"]) == (1500, str(paid))
        assert owed["customer"]["count"] == owed["runner"]["count"] == owed["undecided"]["count"] == 0

    def test_reversed_transfer_is_owed_to_the_runner(self, books: Books, paid: UUID) -> None:
        books.core.stripe.dashboard("reverse_transfer", books.core.intent(paid))
        books.core.hear()
        assert books.agree()["owed"]["sgd"]["runner"]["amount"] == 1500

    def test_captured_second_intent_is_owed_to_the_customer(self, books: Books, paid: UUID) -> None:
        intent = books.core.late_intent(paid)
        books.core.stripe.dashboard("capture", intent)
        books.core.deliver(*books.core.owed())
        owed = books.agree()["owed"]["sgd"]["customer"]
        assert (owed["amount"], owed["payments"][0]["payment_id"]) == (1500, str(paid))
        books.core.settle()
        assert books.agree()["owed"] == {}
