"""Stripe's side of an audit, gathered from its lists: nothing that moved in the window is overlooked."""

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
    """Lists that a test fills; ``older``: what is only found when it is asked for."""

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


def nobody_listens(what: str, more: int) -> None:
    """Progress that nobody sees."""


def gathered(books: FakeBooks) -> Sheet:
    return gather(books, WINDOW, nobody_listens)


def completed(books: FakeBooks, known: Stored = NOBODY) -> Sheet:
    sheet = gathered(books)
    complete(sheet, known, books, nobody_listens)
    return sheet


def kinds(sheet: Sheet, entry: Entry) -> list[str]:
    return [moved.kind.value for moved in sheet.proved(entry)]


class TestLines:
    def test_what_changed_the_balance_is_an_entry_however_old(self) -> None:
        sheet = gathered(FakeBooks(moved=[(LINE, CAPTURED)]))
        assert (list(sheet.entries), sheet.unexplained(OWNED)) == (["ch_1"], [])

    def test_an_object_that_changed_after_its_list_was_read_explains_the_change(self) -> None:
        """The lists come later than the lines; what they show is newer."""
        sheet = gathered(FakeBooks({"charges": [CAPTURED]}, [(LINE, HELD)]))
        assert (kinds(sheet, sheet.entries["ch_1"]), sheet.unexplained(OWNED)) == (["hold", "capture"], [])

    def test_a_change_that_no_object_proves_is_told(self) -> None:
        (found,) = gathered(FakeBooks(moved=[(LINE, HELD)])).unexplained(OWNED)
        assert (found.what, found.kind, found.proof, found.stripe_amount) == ("unexplained", "capture", "ch_1", 1500)
        assert "txn_1" in found.detail

    def test_a_change_without_an_object_is_told(self) -> None:
        found = gathered(FakeBooks(moved=[(replace(LINE, source=None), None)])).unexplained(NOBODY)
        assert [each.proof for each in found] == ["txn_1"]

    def test_what_a_strangers_object_does_not_prove_is_the_strangers(self) -> None:
        stranger = replace(HELD, mark=Mark())
        assert gathered(FakeBooks(moved=[(LINE, stranger)])).unexplained(NOBODY) == []

    def test_the_platforms_own_money_is_no_movement(self) -> None:
        sheet = gathered(FakeBooks(moved=[(replace(LINE, category="payout"), None)]))
        assert (sheet.lines, sheet.entries) == ([], {})

    def test_the_balance_says_when_it_moved(self) -> None:
        failed = Refund("re_1", 1500, "sgd", "failed", created_at=NOW - timedelta(days=3))
        line = replace(LINE, category="refund_failure", source="re_1")
        sheet = gathered(FakeBooks(moved=[(line, replace(REFUND, subject=failed))]))
        assert kinds(sheet, sheet.entries["re_1"]) == ["refund_failed"]


class TestMarks:
    def test_a_charge_of_the_window_says_whose_its_refund_is(self) -> None:
        books = FakeBooks({"charges": [CAPTURED], "refunds": [REFUND]})
        assert (completed(books).entries["re_1"].mark, books.found) == (OURS_IN_MARK, [])

    def test_an_older_charge_is_asked_for_once(self) -> None:
        books = FakeBooks({"refunds": [REFUND, replace(REFUND, id="re_2")]}, older={"ch_1": CAPTURED})
        assert [entry.mark for entry in completed(books).entries.values()] == [OURS_IN_MARK, OURS_IN_MARK]
        assert books.found == ["ch_1"]

    def test_what_a_payment_knows_is_not_asked_for(self) -> None:
        books = FakeBooks({"refunds": [REFUND]})
        completed(books, OWNED)
        assert books.found == []

    def test_a_reversal_is_of_a_transfer_that_is_of_a_charge(self) -> None:
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

    def test_what_is_not_there_any_more_names_nobody(self) -> None:
        sheet = completed(FakeBooks({"refunds": [REFUND]}))
        assert tie(sheet.entries["re_1"], NOBODY) == (Tie.FOREIGN, None)


def test_progress_is_told_by_list() -> None:
    told: dict[str, int] = {}

    def tell(what: str, more: int) -> None:
        told[what] = told.get(what, 0) + more

    gather(FakeBooks({"charges": [CAPTURED]}, [(LINE, CAPTURED)]), WINDOW, tell)
    assert told == {"balance transactions": 1, "charges": 1, "refunds": 0, "transfers": 0, "disputes": 0}


def test_ids_are_asked_for_once() -> None:
    sheet = Sheet(WINDOW, {"ch_1": CAPTURED, "re_1": REFUND})
    assert (sheet.ids, sheet.named) == (["ch_1", "pi_1", "re_1"], [PAYMENT_ID])
