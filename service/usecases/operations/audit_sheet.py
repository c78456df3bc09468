"""Stripe's side of an audit: every object of the window, and its owner."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from service.domain.auditing import Difference, DifferenceKind
from service.domain.books import Entry, Line, Mark, Stored, Tie, Window, movements_of, named_payments, proof_of, tie
from service.domain.ledger import Movement, Proof
from service.domain.ports import Books

T = TypeVar("T")
OnProgress = Callable[[str, int], None]
"""Called with the name of the work under way, and how many more pieces of it are done."""


@dataclass(slots=True)
class Sheet:
    """Stripe's objects and balance transactions of one window; ``entries`` by id.

    ``lines``: balance transactions of a kind that a movement explains, each with the movement's key and the id of its
    source. ``moments``: the times at which movements changed the balance.
    """

    window: Window
    entries: dict[str, Entry] = field(default_factory=dict)
    moments: dict[Proof, datetime] = field(default_factory=dict)
    lines: list[tuple[Line, Proof, str | None]] = field(default_factory=list)

    def proved(self, entry: Entry) -> list[Movement]:
        """The movements in the window that an object proves, whichever payment it belongs to."""
        return [moved for moved in movements_of(entry, None) if self._is_inside(moved)]

    def _is_inside(self, moved: Movement) -> bool:
        at = self.moments.get(moved.key) or moved.at
        return at is None or self.window.holds(at)

    def unexplained(self, known: Stored) -> list[Difference]:
        """Changes of the balance that no object proves, except those that come from another program's object."""
        proved = {moved.key for entry in self.entries.values() for moved in movements_of(entry, None)}
        return [
            _unexplained(line, proof)
            for line, proof, source in self.lines
            if proof not in proved and (source is None or tie(self.entries[source], known)[0] is not Tie.FOREIGN)
        ]

    @property
    def ids(self) -> list[str]:
        """All ids of Stripe's by which a payment may know an entry."""
        return list(dict.fromkeys(id_ for entry in self.entries.values() for id_ in entry.ids))

    @property
    def named(self) -> list[UUID]:
        """All payments that entries name."""
        return named_payments(self.entries.values())


def _unexplained(line: Line, proof: Proof) -> Difference:
    detail = f"balance transaction {line.id}, {line.category}"
    return Difference(DifferenceKind.UNEXPLAINED, None, *proof, line.amount, line.currency, detail=detail)


def gather(books: Books, window: Window, on_progress: OnProgress) -> Sheet:
    """Read the balance transactions and all lists. Raises StripeUnknownError, StripeBusyError, StripeRefusedError.

    The lists are read last, so that they show every object that has changed the balance.
    """
    sheet = Sheet(window)
    for line, source in _counted("balance transactions", books.lines(window), on_progress):
        _note(sheet, line, source)
    lists: dict[str, Callable[[Window], Iterator[Entry]]] = {
        "charges": books.charges,
        "refunds": books.refunds,
        "transfers": books.transfers,
        "disputes": books.disputes,
    }
    for name, listed in lists.items():
        for entry in _counted(name, listed(window), on_progress):
            sheet.entries[entry.id] = entry
    return sheet


def _note(sheet: Sheet, line: Line, source: Entry | None) -> None:
    proof = proof_of(line, source)
    if proof is None:
        return
    sheet.lines.append((line, proof, None if source is None else source.id))
    if line.at is not None:
        sheet.moments[proof] = line.at
    if source is not None:
        sheet.entries[source.id] = source


def _counted(name: str, found: Iterable[T], on_progress: OnProgress) -> Iterator[T]:
    on_progress(name, 0)
    for item in found:
        on_progress(name, 1)
        yield item


def complete(sheet: Sheet, known: Stored, books: Books, on_progress: OnProgress) -> None:
    """Find the marks of entries that no payment knows and that came without their charge or transfer.

    Raises StripeUnknownError, StripeBusyError, StripeRefusedError.
    """
    looked: dict[str, Mark] = {}
    for entry in list(sheet.entries.values()):
        if entry.mark is None and tie(entry, known)[0] is not Tie.STORED:
            sheet.entries[entry.id] = replace(entry, mark=_mark(sheet, entry, books, looked, on_progress))


def _mark(sheet: Sheet, entry: Entry, books: Books, looked: dict[str, Mark], on_progress: OnProgress) -> Mark:
    """The mark of the entry's charge, or else of its transfer: a reversal leads to a transfer, and that to a charge."""
    if entry.mark is not None:
        return entry.mark
    above = entry.parent_id
    if above is None or above == entry.id:
        return Mark()
    if above not in looked:
        parent = sheet.entries.get(above)
        if parent is None:
            on_progress("older charges and transfers", 1)
            parent = books.find(above)
        looked[above] = Mark() if parent is None else _mark(sheet, parent, books, looked, on_progress)
    return looked[above]
