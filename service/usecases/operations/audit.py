"""The audit: compares all movements at Stripe in a window with the payments' ledgers. It changes nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any
from uuid import UUID

from service.domain.audit_sums import Strangers, Sums
from service.domain.auditing import Comparison, Difference, DifferenceKind, Record, difference_in, is_under_way
from service.domain.books import Entry, Stored, Tie, Window, movements_of, tie
from service.domain.ledger import Movement, Proof
from service.domain.ours import Ownership
from service.domain.ports import Books
from service.storage import operator_audit as reads
from service.storage import operator_money
from service.storage.engine import Engine
from service.storage.operator_session import reading
from service.usecases.operations.audit_look import Look, look
from service.usecases.operations.audit_sheet import OnProgress, Sheet, complete, gather

_AT_ONCE = 500
"""Number of payments whose ledgers one transaction reads."""


@dataclass(slots=True)
class Report:
    """The result of an audit."""

    window: Window
    differs: list[Difference] = field(default_factory=list)
    under_way: list[Difference] = field(default_factory=list)
    foreign: Strangers = field(default_factory=Strangers)
    sums: Sums = field(default_factory=Sums)
    owed: list[dict[str, Any]] = field(default_factory=list)
    undecided: list[dict[str, Any]] = field(default_factory=list)
    compared: int = 0


@dataclass(frozen=True, slots=True)
class MoneyAudit:
    """Compares Stripe with the ledgers and changes neither; ``reconcile`` repairs."""

    engine: Engine
    books: Books
    ownership: Ownership

    def run(self, window: Window, on_progress: OnProgress) -> Report:
        """Audit the window; ``on_progress`` receives the numbers of objects read.

        Raises StripeUnknownError, StripeBusyError, StripeRefusedError or the database's error: then nothing is proved.
        Stripe is read before the ledgers, because a movement is at Stripe before it is in a ledger.
        """
        sheet, report = gather(self.books, window, on_progress), Report(window)
        with reading(self.engine) as connection:
            known = reads.stored(connection, sheet.ids, [])
        complete(sheet, known, self.books, on_progress)
        with reading(self.engine) as connection:
            known = reads.stored(connection, sheet.ids, sheet.named)
            moved = reads.moved_in(connection, window)
        report.differs += sheet.unexplained(known)
        mine = self._sort(sheet, known, report)
        for some in _chunks(moved | mine.keys()):
            with reading(self.engine) as connection:
                found = reads.records(connection, some)
            for record in found.values():
                on_progress("payments", 1)
                self._compare(record, mine[record.payment.payment_id], sheet, known, report, on_progress)
        with reading(self.engine) as connection:
            report.owed, report.undecided = operator_money.owed(connection), operator_money.undecided(connection)
        return report

    def _sort(self, sheet: Sheet, known: Stored, report: Report) -> defaultdict[UUID, list[Entry]]:
        """Entries by payment. Entries that belong to none go into the report."""
        mine: defaultdict[UUID, list[Entry]] = defaultdict(list)
        for entry in sheet.entries.values():
            proved, (kind, payment_id) = sheet.proved(entry), tie(entry, known)
            if payment_id is not None and proved:
                mine[payment_id].append(entry)
            elif kind is Tie.FOREIGN:
                report.foreign.add(proved)
            elif kind is Tie.LOST:
                self._lost(entry, proved, report)
        return mine

    def _lost(self, entry: Entry, proved: list[Movement], report: Report) -> None:
        mark = entry.mark
        named = "its order" if mark is None or mark.payment_id is None else f"payment {mark.payment_id}"
        for moved in proved:
            report.sums.add("stripe", moved)
            found = difference_in(DifferenceKind.NO_PAYMENT, None, moved)
            report.differs.append(replace(found, detail=f"names {named}"))

    def _compare(
        self, record: Record, entries: list[Entry], sheet: Sheet, known: Stored, report: Report, on_progress: OnProgress
    ) -> None:
        report.compared += 1
        first = self._comparison(record, entries, Look(), sheet)
        found = first.differences()
        if not found:
            first.count(report.sums)
            return
        named = [entry for entry in entries if tie(entry, known)[0] is Tie.NAMED]
        on_progress("second looks", 1)
        seen = look(self.books, self.ownership, record.payment, named, found)
        with reading(self.engine) as connection:
            again = reads.records(connection, [record.payment.payment_id])[record.payment.payment_id]
        for entry in seen.foreign:
            report.foreign.add(sheet.proved(entry))
        mine = [entry for entry in entries if entry not in seen.foreign]
        self._judge(self._comparison(again, mine, seen, sheet), seen, report)

    def _comparison(self, record: Record, entries: list[Entry], seen: Look, sheet: Sheet) -> Comparison:
        shown: dict[Proof, Movement] = {
            moved.key: moved for entry in entries for moved in movements_of(entry, record.payment)
        }
        # The look is newer than the lists.
        return Comparison(record, {**shown, **seen.movements}, sheet.window, sheet.moments)

    def _judge(self, comparison: Comparison, seen: Look, report: Report) -> None:
        comparison.count(report.sums)
        record = comparison.record
        found = comparison.differences()
        missing = [each for each in found if each.what is DifferenceKind.MISSING_HERE]
        with reading(self.engine) as connection:
            proofs = [(each.kind or "", each.proof or "") for each in missing]
            others = reads.holders(connection, proofs) if proofs else {}
        detail = seen.detail(record)
        if not found and detail:
            found = [Difference(DifferenceKind.OTHER_FACTS, record.payment.payment_id, None, None)]
        for each in found:
            key = (each.kind or "", each.proof or "")
            difference = replace(each, detail="; ".join(filter(None, (each.detail, detail))))
            if key in others:
                holder = f"it is in the ledger of payment {others[key]}"
                difference = replace(difference, what=DifferenceKind.OTHER_PAYMENT, detail=holder)
            under_way = is_under_way(difference, record.opened, comparison.seen.get(key))
            (report.under_way if under_way else report.differs).append(difference)


def _chunks(payment_ids: Collection[UUID]) -> Iterator[list[UUID]]:
    rest = iter(sorted(payment_ids))
    while some := list(islice(rest, _AT_ONCE)):
        yield some
