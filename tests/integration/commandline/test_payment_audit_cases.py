"""``payment audit`` with unusual movements, and with movements by people and other programs."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from devstack.stripe_simulator.client import RefundStatus
from tests.integration.commandline.auditing import Books, sums_of
from tests.support.core import DECLINED, RUNNER

pytestmark = pytest.mark.postgres


@pytest.fixture
def held(books: Books) -> UUID:
    payment = books.core.authorize()
    books.core.hear()
    return payment


@pytest.fixture
def paid(books: Books, held: UUID) -> UUID:
    """A released payment, whose webhooks are all delivered."""
    books.core.release(held)
    books.core.hear()
    return held


def test_books_with_every_kind_of_movement_agree(books: Books, paid: UUID) -> None:
    core = books.core
    core.authorize("c-held", "order-held")
    core.authorize("c-declined", "order-declined", DECLINED)
    core.revert(core.authorize("c-canceled", "order-canceled"), "r-canceled")
    part = core.authorize("c-part", "order-part")
    core.stripe.dashboard("capture", core.intent(part), amount_to_capture=400)
    core.hear()
    core.release(part, "l-part")
    reverted, refunded, disputed = (core.authorize(f"c-{n}", f"order-of-{n}") for n in range(3))
    for number, payment in enumerate((reverted, refunded, disputed)):
        core.release(payment, f"l-{number}")
    core.revert(reverted, "r-reverted")
    core.stripe.dashboard("refund", core.intent(refunded), amount=300)
    core.stripe.dispute(core.payment(disputed)["stripe_charge_id"])
    core.hear()
    found = books.agree()
    assert found["under_way"] == []
    assert sums_of(found, "stripe") == sums_of(found, "ours")
    assert sums_of(found, "ours")["capture"] == 4 * 1500 + 400


class TestOtherPrograms:
    def test_objects_of_other_programs_are_foreign(self, books: Books, paid: UUID) -> None:
        charge = books.stranger()["latest_charge"]
        books.core.ask_stripe("POST", "refunds", {"charge": charge, "amount": "200"})
        sent = {"amount": "300", "currency": "sgd", "destination": RUNNER, "source_transaction": charge}
        books.core.ask_stripe("POST", "transfers", sent)
        books.core.stripe.dispute(charge, amount=100)
        found = books.agree()
        moved = {"capture": 700, "dispute_withdrawn": 100, "hold": 700, "refund": 200, "transfer": 300}
        assert found["foreign"] == {"sgd": {"objects": 4, **moved}}
        assert sums_of(found, "stripe") == {"hold": 1500, "capture": 1500, "transfer": 1500}

    def test_object_that_only_names_a_payment_is_foreign(self, books: Books, paid: UUID) -> None:
        books.stranger(**{"metadata[payment_id]": str(paid)})
        assert books.agree()["foreign"]["sgd"]["capture"] == 700

    def test_transfer_from_the_balance_that_only_names_a_payment_is_foreign(self, books: Books, paid: UUID) -> None:
        books.stranger(payment_method="pm_card_bypassPending")
        sent = {"amount": "5", "currency": "sgd", "destination": RUNNER, "metadata[payment_id]": str(paid)}
        made = books.core.ask_stripe("POST", "transfers", sent)
        assert "error" not in made
        assert books.agree()["foreign"]["sgd"]["transfer"] == 5

    def test_object_that_names_a_missing_payment_is_a_difference(self, books: Books) -> None:
        name = "7d9f0c5e-0d6b-4f0e-9d0a-0a5b6c7d8e9f"
        books.stranger(**{"metadata[payment_id]": name})
        found = books.differ()
        assert [each["what"] for each in found["differs"]] == ["no_payment", "no_payment"]
        assert found["foreign"] == {}

    def test_payment_id_of_another_format_names_no_payment(self, books: Books) -> None:
        books.stranger(**{"metadata[payment_id]": "4711"}, transfer_group="order_4711")
        assert books.agree()["foreign"]["sgd"]["objects"] == 1

    def test_order_id_and_its_transfer_group_count_as_the_services_mark(self, books: Books) -> None:
        books.stranger(**{"metadata[order_id]": "o-1"}, transfer_group="order_o-1")
        assert {each["what"] for each in books.differ()["differs"]} == {"no_payment"}

    def test_unknown_transfer_by_another_program_from_a_charge_is_found(self, books: Books, held: UUID) -> None:
        books.core.stripe.dashboard("capture", books.core.intent(held))
        books.core.hear()
        charge = books.core.payment(held)["stripe_charge_id"]
        sent = {"amount": "10", "currency": "sgd", "destination": "acct_stranger", "source_transaction": charge}
        made = books.core.ask_stripe("POST", "transfers", sent)
        found = books.only_difference()
        assert (found["kind"], found["proof"], found["payment_id"]) == ("transfer", made["id"], str(held))


def test_second_intent_belongs_to_its_payment(books: Books, paid: UUID) -> None:
    books.core.late_intent(paid)
    found = books.only_difference()
    assert (found["what"], found["kind"], found["payment_id"]) == ("missing_here", "hold", str(paid))
    books.core.hear()
    found = books.agree()
    assert sums_of(found, "stripe") == {"hold": 3000, "capture": 1500, "hold_gone": 1500, "transfer": 1500}


def test_movements_of_a_second_intent_belong_to_its_payment(books: Books, paid: UUID) -> None:
    intent = books.core.late_intent(paid)
    books.core.stripe.dashboard("capture", intent)
    books.core.stripe.dashboard("refund", intent, amount=100)
    found = books.differ()
    assert {(each["kind"], each["payment_id"]) for each in found["differs"]} == {
        (kind, str(paid)) for kind in ("hold", "capture", "refund")
    }
    assert found["foreign"] == {}


@pytest.mark.parametrize("heard", [True, False])
def test_partial_capture_agrees_once_its_webhook_is_delivered(books: Books, held: UUID, heard: bool) -> None:
    books.core.stripe.dashboard("capture", books.core.intent(held), amount_to_capture=1000)
    if not heard:
        found = books.differ()["differs"]
        assert {(each["kind"], each["stripe_amount"]) for each in found} == {("capture", 1000), ("hold_gone", 500)}
        return
    books.core.hear()
    assert sums_of(books.agree(), "stripe") == {"hold": 1500, "capture": 1000, "hold_gone": 500}


@pytest.mark.parametrize("how", ["revert", "dashboard", "expired"])
def test_ended_hold_agrees(books: Books, held: UUID, how: str) -> None:
    if how == "revert":
        books.core.revert(held)
    elif how == "dashboard":
        books.core.stripe.dashboard("cancel", books.core.intent(held))
    else:
        books.core.stripe.advance(timedelta(days=8).total_seconds())
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    if how != "revert":
        assert books.only_difference("--since", "1d", "--until", until)["kind"] == "hold_gone"
    books.core.hear()
    found = books.agree("--since", "1d", "--until", until)
    assert sums_of(found, "stripe") == sums_of(found, "ours") == {"hold": 1500, "hold_gone": 1500}


@pytest.mark.parametrize(("outcome", "back"), [("won", 1500), ("lost", 0), ("withdrawn", 1500)])
def test_dispute_and_its_end_agree(books: Books, paid: UUID, outcome: str, back: int) -> None:
    dispute = books.core.stripe.dispute(books.core.payment(paid)["stripe_charge_id"])
    kinds = {each["kind"] for each in books.differ()["differs"]}
    assert kinds == {"dispute_opened", "dispute_withdrawn"}
    books.core.hear()
    assert sums_of(books.agree(), "ours")["dispute_withdrawn"] == 1500
    books.core.stripe.end_dispute(dispute["id"], outcome)  # type: ignore[arg-type]
    assert {each["proof"] for each in books.differ()["differs"]} == {dispute["id"]}
    books.core.hear()
    assert sums_of(books.agree(), "ours").get("dispute_reinstated", 0) == back


def test_inquiry_without_movement_agrees(books: Books, paid: UUID) -> None:
    books.core.stripe.dispute(books.core.payment(paid)["stripe_charge_id"], inquiry=True)
    assert books.only_difference()["kind"] == "dispute_opened"
    books.core.hear()
    assert "dispute_withdrawn" not in sums_of(books.agree(), "stripe")


def test_reversals_beyond_those_inside_a_transfer_agree(books: Books, paid: UUID) -> None:
    for _ in range(12):
        books.core.stripe.dashboard("reverse_transfer", books.core.intent(paid), amount=100)
    assert len(books.differ()["differs"]) == 12
    books.core.hear()
    found = books.agree()
    assert sums_of(found, "stripe")["reversal"] == sums_of(found, "ours")["reversal"] == 1200
    assert found["owed"]["sgd"]["runner"] == {
        "amount": 1200,
        "count": 1,
        "payments": [{"payment_id": str(paid), "whom": "runner-1", "amount": 1200}],
    }


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_refund_that_fails_later_agrees(books: Books, paid: UUID, end: RefundStatus) -> None:
    books.core.stripe.plan_refund("pending", end)
    books.core.revert(paid)
    books.core.hear()
    assert sums_of(books.agree(), "ours")["refund"] == 1500
    books.core.stripe.settle_refunds()
    assert books.only_difference()["kind"] == "refund_failed"
    books.core.hear()
    found = books.agree()
    assert sums_of(found, "stripe")["refund_failed"] == 1500
    assert found["owed"]["sgd"]["customer"]["amount"] == 1500
