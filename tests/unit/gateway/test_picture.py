"""The complete picture of one intent's money, with as few requests as possible."""

from dataclasses import replace
from typing import Any

import pytest

from service.domain.stripe_objects import Picture
from service.gateway.translate import dispute_of, intent_of, refund_of, reversal_of, transfer_of
from tests.unit.gateway.fake_stripe import (
    CHARGE,
    DISPUTE,
    INTENT,
    REFUND,
    REVERSAL,
    TRANSFER,
    Asked,
    FakeStripe,
    gateway,
    page,
)

TAKEN: dict[str, Any] = {
    **INTENT,
    "status": "succeeded",
    "amount_received": 2000,
    "latest_charge": CHARGE,
    "transfer_group": "order_o-1",
}


def reversals(newest: int, oldest: int) -> list[dict[str, Any]]:
    return [{**REVERSAL, "id": f"trr_{number}", "amount": 100} for number in range(newest, oldest - 1, -1)]


def seen(*answers: object) -> tuple[Picture, list[Asked]]:
    side = FakeStripe(*answers)
    return gateway(side).look_at("pi_1"), side.asked


@pytest.mark.parametrize(
    "intent", [INTENT, {**INTENT, "status": "canceled"}, {**INTENT, "status": "requires_action", "latest_charge": None}]
)
def test_uncaptured_intent_needs_one_request(intent: dict[str, Any]) -> None:
    picture, asked = seen(intent)
    assert picture == Picture(intent_of(intent), whole=True)
    assert [(one.path, one.params) for one in asked] == [
        ("/v1/payment_intents/pi_1", {"expand[0]": "latest_charge.balance_transaction"})
    ]


def test_captured_intent_is_read_with_disputes_transfers_and_refunds() -> None:
    picture, asked = seen(TAKEN, page(REFUND), page(DISPUTE), page(TRANSFER))
    assert picture == Picture(
        intent_of(TAKEN), (refund_of(REFUND),), (dispute_of(DISPUTE),), (transfer_of(TRANSFER),), True
    )
    assert [(one.path, one.params) for one in asked[1:]] == [
        ("/v1/refunds", {"limit": "100", "payment_intent": "pi_1", "expand[0]": "data.balance_transaction"}),
        ("/v1/disputes", {"limit": "100", "payment_intent": "pi_1"}),
        ("/v1/transfers", {"limit": "100", "transfer_group": "order_o-1"}),
    ]
    assert {one.method for one in asked} == {"get"}


def test_transfers_of_another_charge_of_the_order_are_left_out() -> None:
    other = {**TRANSFER, "id": "tr_2", "source_transaction": "ch_2"}
    theirs = {**TRANSFER, "id": "tr_3", "metadata": {}}
    picture, _ = seen(TAKEN, page(), page(), page(other, theirs, TRANSFER))
    assert [sent.id for sent in picture.transfers] == ["tr_3", "tr_1"], "a stranger's transfer of the charge is seen"


def test_own_transfer_from_the_balance_is_in_the_picture() -> None:
    unsourced = {**TRANSFER, "source_transaction": None}
    others = [{**unsourced, "amount": 500}, {**unsourced, "currency": "usd"}, {**unsourced, "metadata": {}}]
    picture, _ = seen(TAKEN, page(), page(), page(*others, unsourced))
    assert picture.transfers == (transfer_of(unsourced),)


def test_transfers_are_not_listed_for_an_intent_without_a_group() -> None:
    picture, asked = seen({**TAKEN, "transfer_group": None}, page(), page())
    assert picture.transfers == ()
    assert [one.path for one in asked] == ["/v1/payment_intents/pi_1", "/v1/refunds", "/v1/disputes"]


@pytest.mark.parametrize("number", [1, 9])
def test_a_few_reversals_are_shown_inside_their_transfer(number: int) -> None:
    sent = {**TRANSFER, "reversals": page(*reversals(number, 1))}
    picture, asked = seen(TAKEN, page(), page(), page(sent))
    assert len(picture.transfers[0].reversals) == number
    assert len(asked) == 4


def test_reversals_of_a_transfer_with_ten_are_listed() -> None:
    sent = {**TRANSFER, "reversals": page(*reversals(12, 3), more=True)}
    listed = page(*reversals(12, 7), more=True), page(*reversals(6, 1))
    picture, asked = seen(TAKEN, page(), page(), page(sent), *listed)
    whole = tuple(reversal_of(item) for item in reversals(12, 1))
    assert picture.transfers == (replace(transfer_of(sent), reversals=whole),)
    assert [(one.path, one.params.get("starting_after")) for one in asked[4:]] == [
        ("/v1/transfers/tr_1/reversals", None),
        ("/v1/transfers/tr_1/reversals", "trr_7"),
    ]
