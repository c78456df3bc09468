"""``payment audit``: which window, how much, in which currency, and who owes what."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.integration.commandline.auditing import Books, sums_of

pytestmark = pytest.mark.postgres

DAY = 86400.0


@pytest.fixture
def paid(books: Books) -> UUID:
    """Released; everything is heard."""
    payment = books.core.authorize()
    books.core.release(payment)
    books.core.hear()
    return payment


def later(**passed: float) -> str:
    """A time for an option."""
    return (datetime.now(UTC) + timedelta(**passed)).isoformat()


def test_more_than_a_page_of_objects(books: Books) -> None:
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


def test_a_charge_of_an_earlier_window_that_moved_in_this_one(books: Books) -> None:
    payment = books.core.authorize()
    books.core.stripe.advance(2 * DAY)
    books.core.release(payment)
    books.core.stripe.dashboard("refund", books.core.intent(payment), amount=1)
    window = ("--since", later(days=1), "--until", later(days=3))
    assert (books.only_difference(*window)["kind"], books.only_difference(*window)["stripe_amount"]) == ("refund", 1)
    books.core.hear()
    assert sums_of(books.agree(*window), "stripe") == {"capture": 1500, "transfer": 1500, "refund": 1}


def test_what_moved_after_the_window_is_another_windows(books: Books) -> None:
    payment = books.core.authorize()
    books.core.stripe.advance(2 * DAY)
    books.core.stripe.dashboard("capture", books.core.intent(payment))
    assert sums_of(books.agree("--since", "1h", "--until", later(days=1)), "stripe") == {"hold": 1500}
    assert books.only_difference("--since", later(days=1), "--until", later(days=3))["kind"] == "capture"


def test_a_hold_of_an_earlier_window_that_ended_in_this_one(books: Books) -> None:
    payment = books.core.authorize()
    books.core.stripe.advance(2 * DAY)
    books.core.revert(payment)
    books.core.hear()
    found = books.agree("--since", later(days=1), "--until", later(days=3))
    assert sums_of(found, "stripe") == sums_of(found, "ours") == {"hold_gone": 1500}


def test_what_no_list_of_the_window_shows_is_looked_for(books: Books, paid: UUID) -> None:
    """A dispute that was opened before, and ends without moving anything."""
    dispute = books.core.stripe.dispute(books.core.payment(paid)["stripe_charge_id"])
    books.core.stripe.advance(2 * DAY)
    books.core.stripe.end_dispute(dispute["id"], "lost")
    books.core.hear()
    books.learnt_later("dispute_closed", days=2)
    assert books.agree("--since", later(days=1), "--until", later(days=3))["compared"] == 1


def test_a_row_of_a_payment_with_nothing_else_in_the_window_is_found(books: Books, paid: UUID) -> None:
    books.core.sql(
        "INSERT INTO movements (kind, proof, payment_id, amount, currency, by_us, cause, happened_at) "
        "VALUES ('refund', 're_made_up', :p, 200, 'sgd', true, 'test', now() - interval '2 hours')",
        p=paid,
    )
    found = books.only_difference("--since", "3h", "--until", "1h")
    assert (found["what"], found["proof"]) == ("missing_at_stripe", "re_made_up")


def test_money_that_is_settled_in_another_currency(books: Books) -> None:
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
    def test_what_an_open_release_has_done_is_no_difference(self, books: Books) -> None:
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

    def test_what_an_open_command_does_not_do_is_a_difference(self, books: Books) -> None:
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
    def test_a_transfer_that_outlived_its_charge_is_owed_to_the_platform(self, books: Books, paid: UUID) -> None:
        books.core.stripe.dashboard("refund", books.core.intent(paid))
        books.core.hear()
        owed = books.agree()["owed"]["sgd"]
        assert (owed["platform"]["amount"], owed["platform"]["payments"][0]["payment_id"]) == (1500, str(paid))
        assert owed["customer"]["count"] == owed["runner"]["count"] == owed["undecided"]["count"] == 0

    def test_a_transfer_that_was_taken_back_is_owed_to_the_runner(self, books: Books, paid: UUID) -> None:
        books.core.stripe.dashboard("reverse_transfer", books.core.intent(paid))
        books.core.hear()
        assert books.agree()["owed"]["sgd"]["runner"]["amount"] == 1500

    def test_what_a_second_intent_took_is_owed_to_the_customer(self, books: Books, paid: UUID) -> None:
        intent = books.core.late_intent(paid)
        books.core.stripe.dashboard("capture", intent)
        books.core.deliver(*books.core.owed())
        owed = books.agree()["owed"]["sgd"]["customer"]
        assert (owed["amount"], owed["payments"][0]["payment_id"]) == (1500, str(paid))
        books.core.settle()
        assert books.agree()["owed"] == {}
