"""Recovery after a restore: what the database lost comes back from the topics' messages and Stripe's objects.

It may be interrupted and repeated at any time: what is back is not missing any more.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from service.domain.books import Tie, Window, tie
from service.domain.commands.authorize import Authorize
from service.domain.commands.command import CommandKey
from service.domain.messages import DEAD_LETTER, OutgoingMessage, outcome_id
from service.domain.payment import as_uuid
from service.domain.ports import Books
from service.domain.received_records import InvalidCommand, UnreadableMessage
from service.storage import operator_actions, operator_audit, operator_outbox, operator_recovery
from service.storage.engine import Connection, Engine, transaction
from service.storage.operator_session import reading
from service.usecases.accept import CommandEngine
from service.usecases.operations.audit_sheet import OnProgress, complete, gather
from service.usecases.operations.losses import Losses, LostRecord, Pieces
from service.usecases.operations.sweep import Sweep
from service.usecases.reconcile import Finding

FAILED = "payment.failed"
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Recovery:
    """Brings one database's losses back. No command does anything at Stripe if its outcome is published."""

    engine: Engine
    commands: CommandEngine
    sweep: Sweep
    books: Books
    losses: Losses

    def moved_at_stripe(self, window: Window, on_progress: OnProgress) -> dict[UUID, str]:
        """Payments whose objects Stripe shows in the window; each with an object's id.

        Raises StripeUnknownError, StripeBusyError, StripeRefusedError or the database's error.
        """
        sheet = gather(self.books, window, on_progress)
        with reading(self.engine) as connection:
            known = operator_audit.stored(connection, sheet.ids, [])
        complete(sheet, known, self.books, on_progress)
        with reading(self.engine) as connection:
            known = operator_audit.stored(connection, sheet.ids, sheet.named)
        found: dict[UUID, str] = {}
        for entry in sheet.entries.values():
            kind, payment_id = tie(entry, known)
            if kind is Tie.LOST and entry.mark is not None:
                payment_id = as_uuid(entry.mark.payment_id)
            if payment_id is not None:
                found.setdefault(payment_id, entry.id)
        return found

    def touched(self) -> set[UUID]:
        """Payments that lost records and messages are about."""
        return set(self.losses.by_payment)

    def bring_back(self) -> Iterator[int]:
        """Run lost records again, in the order in which they were sent, and append lost messages; yields the work done.

        Raises the database's error.
        """
        with transaction(self.engine) as connection:
            self._keep_act(connection)
            operator_outbox.mend_sequence(connection)
            if self.losses.records or self.losses.messages:
                operator_recovery.doubt_checkpoints(connection)
            operator_recovery.raise_sequences(connection, self.losses.published.sequences)
        for record in self.losses.records:
            if self._may_run(record):
                self._run(record)
            yield 1

    def _keep_act(self, connection: Connection) -> None:
        lost, grounds = self.losses, self.sweep.grounds
        if grounds is not None and (lost.records or lost.messages):
            counts = {"commands": len(lost.records), "messages": len(lost.messages), "payments": len(lost.by_payment)}
            operator_actions.record(connection, grounds.act("payment.recover", detail=counts))

    def _may_run(self, record: LostRecord) -> bool:
        """Not a command whose payment is missing still: its answer would be PAYMENT_NOT_FOUND, for good."""
        payment_id = record.payment_id
        if payment_id is None or isinstance(record.subject, Authorize):
            return True
        with reading(self.engine) as connection:
            return bool(operator_recovery.existing_payments(connection, [payment_id])) or self._was_not_found(record)

    def _was_not_found(self, record: LostRecord) -> bool:
        key = record.key
        return key is not None and self.losses.published.outcome(key, key.correlation_id) is not None

    def _run(self, record: LostRecord) -> None:
        match record.subject:
            case UnreadableMessage() as unreadable:
                self.commands.dead_letter(unreadable, record.origin)
            case InvalidCommand() as invalid:
                self.commands.refuse(invalid, record.origin)
            case command:
                self.commands.handle(command, record.origin)

    def append_messages(self) -> None:
        """Append the published messages that no record brings back: news, and commands from callers and operators.

        Call it after every payment was compared with Stripe, which makes the news. Raises the database's error.
        """
        wanted = [message for message in self.losses.messages if _is_recovered_unchanged(message)]
        with transaction(self.engine) as connection:
            operator_recovery.raise_sequences(connection, self.losses.published.sequences)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            keys = {as_uuid(message.key) for message in some} - {None}
            with transaction(self.engine) as connection:
                there = operator_recovery.existing_payments(connection, [key for key in keys if key is not None])
                known = [message for message in some if as_uuid(message.key) in there]
                operator_recovery.append_missing(connection, known, there)

    def examine(self, payment_id: UUID, seen: Mapping[UUID, str], *, dry_run: bool) -> Finding:
        """Compare one payment with Stripe, as ``Sweep`` does; say what was lost of it."""
        lost = self.losses.by_payment.get(payment_id)
        try:
            finding = self.sweep.examine(payment_id, dry_run=dry_run)
        except LookupError:
            return self._of_no_row(payment_id, lost, seen, dry_run=dry_run)
        if lost is None:
            return finding
        mended = {True: "would_repair", False: "repaired"}[dry_run]
        result = mended if finding.result in {"agrees", "repaired", "would_repair"} else finding.result
        said = f"{'lost' if dry_run else 'brought back'}: {lost}"
        return replace(finding, result=result, detail="; ".join(filter(None, (finding.detail, said))))

    def _of_no_row(self, payment_id: UUID, lost: Pieces | None, seen: Mapping[UUID, str], *, dry_run: bool) -> Finding:
        if dry_run and lost is not None and lost.has_authorize:
            return Finding(str(payment_id), "", None, "would_repair", f"lost: {lost}")
        where = f"Stripe has {seen[payment_id]}" if payment_id in seen else f"the topics have {lost}"
        why = "the database has no such payment, and the commands topic no authorize of it; have it sent again"
        return Finding(str(payment_id), "", None, "lost", f"{why} ({where})")

    def others(self, *, dry_run: bool) -> Iterable[Finding]:
        """Lost records that are about no payment."""
        result, said = ("would_repair", "lost") if dry_run else ("repaired", "brought back")
        for record in self.losses.records:
            if record.payment_id is None:
                yield Finding("", "", None, result, f"{said}: {record.name}")


def _is_recovered_unchanged(message: OutgoingMessage) -> bool:
    """Nothing makes it anew: it is a command, news that a look at Stripe did not show any more, or the success of a
    command that an operator had reopened.
    """
    headers = dict(message.headers)
    if message.sequence is None or "command_type" not in headers:
        return message.type != DEAD_LETTER
    first = outcome_id(CommandKey(headers["command_type"], headers.get("correlation_id", "")))
    return message.event_id != first and message.type != FAILED
