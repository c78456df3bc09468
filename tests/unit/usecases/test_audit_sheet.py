"""Stripe's side of an audit: its lists miss no movement of the window."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from service.domain.books import Entry, Line, Mark, Stored, Tie, Window, tie
from service.domain.stripe_objects import IntentStatus, Picture, Refund
from service.usecases.operations.audit_sheet import Sheet, complete, gather
from tests.unit.domain.facts import NOW, OURS, PAYMENT_ID, intent, refund, reversal, transfer

WINDOW = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
OURS_IN_MARK = Mark(OURS)
CAPTURED = Entry(
    "ch_1",
    intent(IntentStatus.SUCCEEDED, charge_id="ch_1"),
    intent_id="pi_1",
    charge_id="ch_1",
    mark=OURS_IN_MARK,
)
HELD = replace(CAPTURED, subject=intent(charge_id="ch_1"))
REFUND = Entry("re_1", refund(), charge_id="ch_1")
LINE = Line("txn_1", "charge", 1500, "sgd", "ch_1", NOW)
NOBODY = Stored({}, frozenset())
OWNED = Stored({"ch_1": PAYMENT_ID}, frozenset())


@dataclass
class FakeBooks:
    """Lists that a test fills; ``older``: objects that only ``find`` returns."""

    listed: dict[str, list[Entry]] = field(default_factory=dict)
    moved: list[tuple[Line, Entry | None]] = field(default_factory=list)
    older: dict[str, Entry] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)

    def charges(self, window: Window) -> Iterator[Entry]:
        return iter(self.listed.get("charges", []))

    def refunds(self, window: Window) -> Iterator[Entry]:
        return iter(self.listed.get("refunds", []))

    def transfers(self, window: Window) -> Iterator[Entry]:
        return iter(self.listed.get("transfers", []))

    def disputes(self, window: Window) -> Iterator[Entry]:
        return iter(self.listed.get("disputes", []))

    def lines(self, window: Window) -> Iterator[tuple[Line, Entry | None]]:
        return iter(self.moved)

    def find(self, id_: str) -> Entry | None:
        self.found.append(id_)
        return self.older.get(id_)

    def look_at(self, intent_id: str) -> Picture:
        raise AssertionError("nothing is looked at while lists are read")


def nobody_listens(kind: str, more: int) -> None:
    """A progress callback that does nothing."""


def gathered(books: FakeBooks) -> Sheet:
    return gather(books, WINDOW, nobody_listens)


def completed(books: FakeBooks, known: Stored = NOBODY) -> Sheet:
    sheet = gathered(books)
    complete(sheet, known, books, nobody_listens)
    return sheet


def kinds(sheet: Sheet, entry: Entry) -> list[str]:
    return [moved.kind.value for moved in sheet.proved(entry)]


class TestLines:
    def test_source_of_a_balance_transaction_is_an_entry_however_old(self) -> None:
        sheet = gathered(FakeBooks(moved=[(LINE, CAPTURED)]))
        assert (list(sheet.entries), sheet.unexplained(OWNED)) == (["ch_1"], [])

    def test_change_after_the_lines_were_read_is_explained_by_the_lists(self) -> None:
        """The lists are read after the lines, so they are newer."""
        sheet = gathered(FakeBooks({"charges": [CAPTURED]}, [(LINE, HELD)]))
        assert (kinds(sheet, sheet.entries["ch_1"]), sheet.unexplained(OWNED)) == (["hold", "capture"], [])

    def test_unproved_change_is_reported(self) -> None:
        (found,) = gathered(FakeBooks(moved=[(LINE, HELD)])).unexplained(OWNED)
        assert (found.what, found.kind, found.proof, found.stripe_amount) == ("unexplained", "capture", "ch_1", 1500)
        assert "txn_1" in found.detail

    def test_change_without_an_object_is_reported(self) -> None:
        found = gathered(FakeBooks(moved=[(replace(LINE, source=None), None)])).unexplained(NOBODY)
        assert [each.proof for each in found] == ["txn_1"]

    def test_unproved_change_by_a_foreign_object_is_not_reported(self) -> None:
        stranger = replace(HELD, mark=Mark())
        assert gathered(FakeBooks(moved=[(LINE, stranger)])).unexplained(NOBODY) == []

    def test_own_money_of_the_platform_is_no_movement(self) -> None:
        sheet = gathered(FakeBooks(moved=[(replace(LINE, category="payout"), None)]))
        assert (sheet.lines, sheet.entries) == ([], {})

    def test_balance_gives_the_time_of_a_movement(self) -> None:
        failed = Refund("re_1", 1500, "sgd", "failed", created_at=NOW - timedelta(days=3))
        line = replace(LINE, category="refund_failure", source="re_1")
        sheet = gathered(FakeBooks(moved=[(line, replace(REFUND, subject=failed))]))
        assert kinds(sheet, sheet.entries["re_1"]) == ["refund_failed"]


class TestMarks:
    def test_refund_has_the_mark_of_its_listed_charge(self) -> None:
        books = FakeBooks({"charges": [CAPTURED], "refunds": [REFUND]})
        assert (completed(books).entries["re_1"].mark, books.found) == (OURS_IN_MARK, [])

    def test_older_charge_is_read_once(self) -> None:
        books = FakeBooks({"refunds": [REFUND, replace(REFUND, id="re_2")]}, older={"ch_1": CAPTURED})
        assert [entry.mark for entry in completed(books).entries.values()] == [OURS_IN_MARK, OURS_IN_MARK]
        assert books.found == ["ch_1"]

    def test_entry_of_a_known_payment_is_not_read_again(self) -> None:
        books = FakeBooks({"refunds": [REFUND]})
        completed(books, OWNED)
        assert books.found == []

    def test_reversal_has_the_mark_of_its_transfers_charge(self) -> None:
        sent = Entry("tr_1", transfer(), charge_id="ch_1", transfer_id="tr_1")
        books = FakeBooks(
            moved=[
                (
                    replace(LINE, category="transfer_reversal", source="trr_1"),
                    Entry("trr_1", reversal(), transfer_id="tr_1"),
                )
            ],
            older={"tr_1": sent, "ch_1": CAPTURED},
        )
        assert completed(books).entries["trr_1"].mark == OURS_IN_MARK
        assert books.found == ["tr_1", "ch_1"]

    def test_entry_of_a_missing_object_has_an_empty_mark(self) -> None:
        sheet = completed(FakeBooks({"refunds": [REFUND]}))
        assert tie(sheet.entries["re_1"], NOBODY) == (Tie.FOREIGN, None)


def test_progress_is_reported_for_each_list() -> None:
    counts: dict[str, int] = {}

    def report(kind: str, more: int) -> None:
        counts[kind] = counts.get(kind, 0) + more

    gather(FakeBooks({"charges": [CAPTURED]}, [(LINE, CAPTURED)]), WINDOW, report)
    assert counts == {"balance transactions": 1, "charges": 1, "refunds": 0, "transfers": 0, "disputes": 0}


def test_each_id_is_listed_once() -> None:
    sheet = Sheet(WINDOW, {"ch_1": CAPTURED, "re_1": REFUND})
    assert (sheet.ids, sheet.named) == (["ch_1", "pi_1", "re_1"], [PAYMENT_ID])
