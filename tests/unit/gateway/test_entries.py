"""Stripe's objects as entries of its books: their movements, and their ties to payments."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from service.domain.books import Entry, Mark
from service.domain.stripe_objects import Intent, IntentStatus, Refund
from service.gateway import entries
from tests.unit.gateway.fake_stripe import CHARGE, DISPUTE, HOLD, REFUND, REVERSAL, TRANSFER

OURS: dict[str, Any] = {
    **CHARGE,
    "captured": True,
    "refunded": False,
    "status": "succeeded",
    "metadata": {"payment_id": HOLD.payment_id, "order_id": "o-1"},
    "transfer_group": "order_o-1",
}
MARK = Mark(HOLD.payment_id, in_order_group=True)
LINE: dict[str, Any] = {
    "id": "txn_1",
    "reporting_category": "refund",
    "amount": -5,
    "currency": "usd",
    "created": 1767312000,
}


class TestEntries:
    def charge(self, **changed: Any) -> Intent:
        subject = entries.charge({**OURS, **changed}).subject
        assert isinstance(subject, Intent)
        return subject

    def test_a_captured_charge(self) -> None:
        entry = entries.charge(OURS)
        assert (entry.id, entry.intent_id, entry.charge_id, entry.mark) == ("ch_1", "pi_1", "ch_1", MARK)
        found = self.charge()
        assert (found.status, found.amount, found.received) == (IntentStatus.SUCCEEDED, 2000, 2000)

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"captured": False}, IntentStatus.REQUIRES_CAPTURE),
            ({"captured": False, "refunded": True, "amount_refunded": 2000}, IntentStatus.CANCELED),
            ({"captured": False, "status": "failed"}, IntentStatus.REQUIRES_PAYMENT_METHOD),
        ],
        ids=["held", "set free", "failed"],
    )
    def test_a_charge_that_is_not_captured(self, changed: dict[str, Any], status: IntentStatus) -> None:
        found = self.charge(amount_captured=0, balance_transaction=None, **changed)
        assert (found.status, found.received) == (status, 0)

    def test_charge_without_an_intent_is_foreign(self) -> None:
        entry = entries.charge({**OURS, "payment_intent": None, "metadata": {}, "transfer_group": None})
        assert (entry.intent_id, entry.mark) == (None, Mark())

    @pytest.mark.parametrize("read", [entries.refund, entries.dispute])
    def test_object_of_a_charge_has_the_charges_mark(self, read: Callable[[object], Entry]) -> None:
        of = DISPUTE if read is entries.dispute else {**REFUND, "payment_intent": "pi_1"}
        shown, hidden = read({**of, "charge": OURS}), read({**of, "charge": "ch_1"})
        assert (shown.intent_id, shown.charge_id, shown.mark) == ("pi_1", "ch_1", MARK)
        assert (hidden.charge_id, hidden.mark) == ("ch_1", None)

    def test_a_refund_of_a_charge_that_was_never_captured_is_of_a_hold(self) -> None:
        assert self.of_hold({**REFUND, "charge": {**OURS, "captured": False}})
        assert not self.of_hold({**REFUND, "charge": OURS})

    def of_hold(self, data: dict[str, Any]) -> bool:
        subject = entries.refund(data).subject
        assert isinstance(subject, Refund)
        return subject.of_hold

    def test_transfer_has_its_charges_mark_or_its_own(self) -> None:
        assert entries.transfer({**TRANSFER, "source_transaction": {**OURS, "metadata": {}}}).mark == Mark()
        alone = entries.transfer({**TRANSFER, "source_transaction": None, "transfer_group": "order_o-1"})
        assert (alone.charge_id, alone.transfer_id, alone.mark) == (None, "tr_1", MARK)

    def test_reversal_names_its_transfer(self) -> None:
        entry = entries.reversal({**REVERSAL, "transfer": "tr_1"})
        assert (entry.parent_id, entry.mark) == ("tr_1", None)


class TestLines:
    def test_a_line_has_its_source(self) -> None:
        line, entry = entries.line({**LINE, "source": {**REFUND, "charge": "ch_1"}})
        assert (line.id, line.source, line.amount, line.at) == ("txn_1", "re_1", -5, datetime(2026, 1, 2, tzinfo=UTC))
        assert entry is not None
        assert (entry.id, entry.charge_id) == ("re_1", "ch_1")

    def test_uncaptured_rest_is_the_end_of_a_hold(self) -> None:
        category = {"reporting_category": "partial_capture_reversal"}
        _, entry = entries.line({**LINE, **category, "source": {**REFUND, "charge": "ch_1"}})
        assert entry is not None
        assert isinstance(entry.subject, Refund)
        assert entry.subject.of_hold

    @pytest.mark.parametrize("source", [None, "po_1", {"id": "po_1", "object": "payout"}])
    def test_other_sources_are_no_entries(self, source: object) -> None:
        assert entries.line({**LINE, "source": source})[1] is None
