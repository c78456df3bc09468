"""Replay: publish events again, as new rows of the outbox with the old event ids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.storage import operator_outbox
from service.storage.engine import Engine, transaction
from service.storage.operator_outbox import Extent, Selection
from service.storage.operator_session import reading
from service.usecases.operations.errors import OperatorError

BATCH = 500
"""Number of rows of one transaction. Their payments stay locked until it ends."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A selection of outbox rows, fixed when it was planned: rows written later are not replayed."""

    selection: Selection
    extent: Extent

    @classmethod
    def plan(cls, engine: Engine, selection: Selection) -> "Replay":
        """Find the rows to replay. Raises OperatorError for an event id or a payment that does not exist."""
        with reading(engine) as connection:
            missing = operator_outbox.missing_ids(connection, selection.event_ids)
            if missing:
                raise OperatorError(f"no event {', '.join(str(event_id) for event_id in missing)} in the outbox")
            payment_id = selection.payment_id
            if payment_id is not None and not operator_outbox.payment_exists(connection, payment_id):
                raise OperatorError(f"no payment {payment_id}")
            return cls(selection, operator_outbox.extent(connection, selection))

    def run(self, engine: Engine) -> Iterator[int]:
        """Append the rows again in order of position; yields the number of rows after each commit."""
        _mend_sequence(engine)
        position = (self.extent.first or 0) - 1
        while self.extent.last is not None and position < self.extent.last:
            with transaction(engine) as connection:
                rows = operator_outbox.next_originals(
                    connection, self.selection, after=position, last=self.extent.last, limit=BATCH
                )
                operator_outbox.append_again(connection, rows)
            if not rows:
                return
            position = rows[-1]["position"]
            yield len(rows)


def append_positions(engine: Engine, positions: Sequence[int]) -> Iterator[int]:
    """Append these rows again, in the given order; yields the number of rows after each commit."""
    _mend_sequence(engine)
    for start in range(0, len(positions), BATCH):
        with transaction(engine) as connection:
            rows = operator_outbox.rows_at(connection, positions[start : start + BATCH])
            operator_outbox.append_again(connection, rows)
        yield len(rows)


def _mend_sequence(engine: Engine) -> None:
    with transaction(engine) as connection:
        operator_outbox.mend_sequence(connection)
