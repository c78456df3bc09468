"""The objects at Stripe that count as the service's own."""

from typing import Any

import pytest

from service.domain.stripe_objects import Refund, Reversal, Transfer
from tests.unit.gateway.fake_stripe import (
    INTENT,
    PAYOUT,
    REFUND,
    REVERSAL,
    SINCE,
    TRANSFER,
    FakeStripe,
    any_intent,
    gateway,
    page,
)

REVERSED = {
    **TRANSFER,
    "reversed": True,
    "reversals": page({**REVERSAL, "id": "trr_2", "amount": 1500}, {**REVERSAL, "amount": 500}),
}


TAKEN_BACK = (Reversal("trr_2", 1500, "sgd", PAYOUT.payment_id), Reversal("trr_1", 500, "sgd", PAYOUT.payment_id))


def sent(id_: str, destination: str, reversals: tuple[Reversal, ...] = ()) -> Transfer:
    """The service's transfer of the charge."""
    return Transfer(id_, 2000, "sgd", destination, "ch_1", PAYOUT.payment_id, reversals)


def given_back(id_: str, amount: int = 2000, status: str = "succeeded") -> Refund:
    """The service's refund of the charge."""
    return Refund(id_, amount, "sgd", status, "requested_by_customer", PAYOUT.payment_id)


def test_every_page_is_read() -> None:
    others = [{**INTENT, "id": f"pi_{n}", "metadata": {}} for n in range(100)]
    side = FakeStripe(page(*others, more=True), page(INTENT))
    found = gateway(side).find_intent(INTENT["metadata"]["payment_id"], "cus_1", SINCE, any_intent)
    assert found is not None
    assert [asked.params.get("starting_after") for asked in side.asked] == [None, "pi_99"]
    assert side.asked[1].params["customer"] == "cus_1"


def test_older_metadata_name_counts() -> None:
    old = {**INTENT, "metadata": {"payment_record_id": "p-9"}}
    found = gateway(FakeStripe(page(old))).find_intent("p-9", "cus_1", SINCE, any_intent)
    assert found is not None
    assert found.payment_id == "p-9"


def test_foreign_intent_is_skipped() -> None:
    theirs = {**INTENT, "id": "pi_theirs", "amount": 900}
    found = gateway(FakeStripe(page(theirs, INTENT))).find_intent(
        INTENT["metadata"]["payment_id"], "cus_1", SINCE, lambda intent: intent.amount == 2000
    )
    assert found is not None
    assert found.id == "pi_1"


@pytest.mark.parametrize(
    "changed", [{"metadata": {}}, {"metadata": {"payment_id": "p-theirs"}}, {"source_transaction": "ch_theirs"}]
)
def test_transfer_of_another_program_from_the_charge_is_foreign(changed: dict[str, Any]) -> None:
    assert gateway(FakeStripe(page({**TRANSFER, **changed}))).find_transfer(PAYOUT) is None


def test_transfer_of_another_charge_of_the_order_is_foreign() -> None:
    assert gateway(FakeStripe(page({**TRANSFER, "source_transaction": "ch_2"}))).find_transfer(PAYOUT) is None


@pytest.mark.parametrize(
    ("changed", "found"),
    [({}, True), ({"amount": 500}, False), ({"currency": "usd"}, False), ({"metadata": {}}, False)],
)
def test_transfer_from_the_balance_is_recognized_by_payment_and_amount(changed: dict[str, Any], found: bool) -> None:
    """Such a transfer is made after an earlier one from the charge was reversed."""
    unsourced = {**TRANSFER, "source_transaction": None, **changed}
    assert (gateway(FakeStripe(page(unsourced))).find_transfer(PAYOUT) is not None) == found


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([TRANSFER], sent("tr_1", "acct_1")),
        ([{**TRANSFER, "source_transaction": {"id": "ch_1"}}], sent("tr_1", "acct_1")),
        ([{**TRANSFER, "destination": "acct_2"}], sent("tr_1", "acct_2")),
        ([REVERSED], sent("tr_1", "acct_1", TAKEN_BACK)),
        ([REVERSED, {**TRANSFER, "id": "tr_0"}], sent("tr_0", "acct_1")),
    ],
    ids=["plain", "expanded", "other destination", "taken back", "a standing one first"],
)
def test_the_transfer_of_the_charge_is_found(listed: list[dict[str, Any]], expected: Transfer) -> None:
    side = FakeStripe(page(*listed))
    assert gateway(side).find_transfer(PAYOUT) == expected
    assert side.asked[0].params["transfer_group"] == "order_o-1"


def test_only_a_whole_reversal_counts() -> None:
    part = {**TRANSFER, "reversals": page({**REVERSAL, "amount": 1500})}
    assert gateway(FakeStripe(TRANSFER)).find_reversal("tr_1") is None
    assert gateway(FakeStripe(part)).find_reversal("tr_1") is None
    assert gateway(FakeStripe(REVERSED)).find_reversal("tr_1") == TAKEN_BACK[0]


@pytest.mark.parametrize(
    ("refunds", "expected"),
    [
        ([], None),
        ([{**REFUND, "status": "failed"}, {**REFUND, "status": "canceled"}], None),
        ([{**REFUND, "amount": 500}], None),
        ([REFUND], given_back("re_1")),
        ([{**REFUND, "status": "pending"}], given_back("re_1", status="pending")),
        ([{**REFUND, "id": "re_2", "amount": 1500}, {**REFUND, "amount": 500}], given_back("re_2", 1500)),
        ([{**REFUND, "status": "failed"}, {**REFUND, "id": "re_2"}], given_back("re_2")),
    ],
    ids=["none", "lost ones", "a part", "whole", "pending", "in two parts", "lost, then whole"],
)
def test_refund_counts_only_if_all_is_refunded(refunds: list[dict[str, Any]], expected: Refund | None) -> None:
    side = FakeStripe(page(*refunds), {**INTENT, "amount_received": 2000})
    assert gateway(side).find_refund("pi_1") == expected
    assert side.asked[0].params["payment_intent"] == "pi_1"
    assert side.asked[0].params["expand[0]"] == "data.balance_transaction"
