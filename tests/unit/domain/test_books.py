"""The tie of an object at Stripe to a payment, and the movement that explains a change of the balance."""

from dataclasses import replace
from uuid import UUID

import pytest

from service.domain.books import Entry, Line, Mark, Stored, Tie, movements_of, named_payments, proof_of, tie
from service.domain.stripe_objects import IntentStatus
from tests.unit.domain.facts import OURS, PAYMENT_ID, dispute, intent, payment, refund, reversal, transfer

OTHER = "00000000-0000-4000-8000-0000000000ff"
CHARGE = Entry(
    "ch_1", intent(IntentStatus.SUCCEEDED, charge_id="ch_1"), intent_id="pi_1", charge_id="ch_1", mark=Mark(OURS)
)
REFUND = Entry("re_1", refund(), intent_id="pi_1", charge_id="ch_1", mark=Mark())
TRANSFER = Entry("tr_1", transfer(), charge_id="ch_1", transfer_id="tr_1", mark=Mark())
REVERSAL = Entry("trr_1", reversal(), transfer_id="tr_1")
ENTRIES = [CHARGE, REFUND, TRANSFER, REVERSAL]

NOTHING = Stored({}, frozenset())
PRESENT = Stored({}, frozenset({PAYMENT_ID}))


class TestTie:
    @pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
    def test_stored_id_decides(self, entry: Entry) -> None:
        for id_ in entry.ids:
            assert tie(replace(entry, mark=Mark(OTHER)), Stored({id_: PAYMENT_ID}, frozenset())) == (
                Tie.STORED,
                PAYMENT_ID,
            )

    def test_charge_decides_before_the_object_itself(self) -> None:
        stored = Stored({"re_1": UUID(OTHER), "ch_1": PAYMENT_ID}, frozenset())
        assert tie(REFUND, stored) == (Tie.STORED, PAYMENT_ID)

    def test_object_that_only_names_a_payment_needs_a_look(self) -> None:
        assert tie(CHARGE, PRESENT) == (Tie.NAMED, PAYMENT_ID)

    @pytest.mark.parametrize("mark", [Mark(OURS), Mark(in_order_group=True)])
    def test_object_that_names_us_without_a_payment_is_lost(self, mark: Mark) -> None:
        assert tie(replace(CHARGE, mark=mark), NOTHING) == (Tie.LOST, None)

    @pytest.mark.parametrize("mark", [Mark(), Mark("4711"), None])
    def test_all_other_objects_are_foreign(self, mark: Mark | None) -> None:
        assert tie(replace(CHARGE, mark=mark), NOTHING) == (Tie.FOREIGN, None)


def test_each_named_payment_is_listed_once() -> None:
    assert named_payments([CHARGE, CHARGE, REFUND, REVERSAL]) == [PAYMENT_ID]


class TestMovements:
    def proved(self, entry: Entry) -> list[tuple[str, str, int]]:
        return [(moved.kind.value, moved.proof, moved.amount) for moved in movements_of(entry, payment())]

    def test_a_charge_is_read_as_its_intent(self) -> None:
        assert self.proved(CHARGE) == [("hold", "ch_1", 1500), ("capture", "ch_1", 1500)]

    def test_a_refund_of_a_hold_is_the_end_of_the_hold(self) -> None:
        assert self.proved(replace(REFUND, subject=refund(amount=500, of_hold=True))) == [("hold_gone", "ch_1", 500)]
        assert self.proved(Entry("re_1", refund(of_hold=True))) == []

    def test_other_objects_prove_their_usual_movements(self) -> None:
        assert self.proved(REFUND) == [("refund", "re_1", 1500)]
        assert self.proved(REVERSAL) == [("reversal", "trr_1", 1500)]
        assert self.proved(TRANSFER) == [("transfer", "tr_1", 1500)]
        assert [kind for kind, _, _ in self.proved(Entry("dp_1", dispute()))] == [
            "dispute_opened",
            "dispute_withdrawn",
        ]


class TestLines:
    @pytest.mark.parametrize(
        ("category", "kind"),
        [
            ("charge", "capture"),
            ("refund", "refund"),
            ("refund_failure", "refund_failed"),
            ("dispute", "dispute_withdrawn"),
            ("dispute_reversal", "dispute_reinstated"),
            ("transfer", "transfer"),
            ("transfer_reversal", "reversal"),
        ],
    )
    def test_line_is_explained_by_a_movement_of_its_source(self, category: str, kind: str) -> None:
        line = Line("txn_1", category, -1, "sgd", "x_1", None)
        assert proof_of(line, None) == (kind, "x_1")

    def test_uncaptured_rest_is_explained_by_the_charge(self) -> None:
        line = Line("txn_1", "partial_capture_reversal", -500, "sgd", "re_1", None)
        assert proof_of(line, replace(REFUND, subject=refund(of_hold=True))) == ("hold_gone", "ch_1")

    @pytest.mark.parametrize("category", ["payout", "fee", "topup", "something_new"])
    def test_own_money_of_the_platform_needs_no_movement(self, category: str) -> None:
        assert proof_of(Line("txn_1", category, -1, "sgd", None, None), None) is None
