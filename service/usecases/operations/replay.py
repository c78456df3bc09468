"""Replay: publish events again, as new rows of the outbox with the old event ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from service.domain.operator_acts import Act, Grounds
from service.storage import operator_actions, operator_outbox, operator_replays
from service.storage.engine import Connection, Engine, transaction
from service.storage.operator_outbox import Extent, Selection
from service.storage.operator_reads import Span
from service.storage.operator_session import reading
from service.usecases.operations.errors import OperatorError

BATCH = 500
"""Number of rows of one transaction. Their payments stay locked until it ends."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A selection of outbox rows, fixed when it was planned: rows written later are not replayed.

    ``after``: the last position of the outbox before the replay began. ``done``: rows that are appended already.
    ``reason``: why it was begun; None before that.
    """

    selection: Selection
    extent: Extent
    after: int
    id: UUID = field(default_factory=uuid4)
    done: int = 0
    reason: str | None = None

    @classmethod
    def plan(cls, engine: Engine, selection: Selection) -> "Replay":
        """Find the rows to replay. Raises OperatorError for an event id, a payment or an order that does not exist."""
        with reading(engine) as connection:
            _refuse_unknown(connection, selection)
            after = operator_outbox.position_before(connection, None)
            return cls(selection, operator_outbox.extent(connection, selection), after)

    @classmethod
    def find(cls, engine: Engine, replay_id: UUID) -> "Replay":
        """A replay that was interrupted. Raises OperatorError when no replay has this id."""
        with reading(engine) as connection:
            begun = _begun(connection, replay_id)
            if begun is None:
                raise OperatorError(f"no replay {replay_id}")
            return begun

    def is_older_than(self, window: timedelta) -> bool:
        """Whether a row of it was written before the window."""
        return self.extent.oldest is not None and self.extent.oldest < self.extent.now - window

    def begin(self, engine: Engine, grounds: Grounds) -> "Replay":
        """Keep the act, from which the replay is resumed by its id; returns the replay to run.

        If one of this id was begun before, by a request at the same moment even, that is the one to run, and no act is
        kept. Raises OperatorError if that has another selection.
        """
        with transaction(engine) as connection:
            operator_replays.work_alone(connection, self.id)
            begun = _begun(connection, self.id)
            if begun is None:
                operator_actions.record(connection, self._act(grounds))
                return self
        if begun.selection != self.selection:
            raise OperatorError(f"replay {self.id} has another selection")
        return begun

    def _act(self, grounds: Grounds) -> Act:
        detail: dict[str, Any] = {
            "replay_id": str(self.id),
            "selection": _as_json(self.selection),
            "after": self.after,
            **{name: getattr(self.extent, name) for name in ("rows", "first", "last", "commands", "dead_letters")},
        }
        return grounds.act(operator_replays.REPLAY, payment_id=self.selection.payment_id, detail=detail)

    def resume(self, engine: Engine, grounds: Grounds) -> None:
        """Keep the act of going on."""
        detail = {"replay_id": str(self.id), "done": self.done, "rows": self.extent.rows}
        with transaction(engine) as connection:
            operator_actions.record(connection, grounds.act("outbox.resume_replay", detail=detail))

    def run(self, engine: Engine) -> Iterator[int]:
        """Append the rows again in order of position; yields the number of rows after each commit.

        It goes on after the last row that is appended, whoever appended it: no row is appended twice.
        """
        _mend_sequence(engine)
        while appended := self._append_some(engine):
            yield appended

    def _append_some(self, engine: Engine) -> int:
        if self.extent.first is None or self.extent.last is None:
            return 0
        with transaction(engine) as connection:
            operator_replays.work_alone(connection, self.id)
            reached = operator_replays.reached(connection, self.id, self.after)
            after = self.extent.first - 1 if reached is None else reached
            rows = operator_outbox.next_originals(
                connection, self.selection, after=after, last=self.extent.last, limit=BATCH
            )
            operator_replays.append_again(connection, rows, self.id)
        return len(rows)


def _begun(connection: Connection, replay_id: UUID) -> Replay | None:
    """The replay of this id, and how far it is."""
    act = operator_replays.replay_called(connection, replay_id)
    if act is None:
        return None
    detail = act["detail"]
    selection, after = _selection_of(detail["selection"]), int(detail["after"])
    extent = replace(
        operator_outbox.extent(connection, selection, last=detail["last"]),
        rows=int(detail["rows"]),
        first=detail["first"],
        last=detail["last"],
    )
    done = operator_replays.count_appended(connection, replay_id, after)
    return Replay(selection, extent, after, replay_id, done, act["reason"])


def _refuse_unknown(connection: Connection, selection: Selection) -> None:
    missing = operator_outbox.missing_ids(connection, selection.event_ids)
    if missing:
        raise OperatorError(f"no event {', '.join(str(event_id) for event_id in missing)} in the outbox")
    payment_id, order_id = selection.payment_id, selection.order_id
    if payment_id is not None and not operator_outbox.payment_exists(connection, payment_id):
        raise OperatorError(f"no payment {payment_id}")
    if order_id is not None and not operator_outbox.order_exists(connection, order_id):
        raise OperatorError(f"no payment of order {order_id}")


def _as_json(selection: Selection) -> dict[str, Any]:
    span = selection.span
    return {
        "ids": [str(event_id) for event_id in selection.event_ids],
        "payment_id": None if selection.payment_id is None else str(selection.payment_id),
        "order_id": selection.order_id,
        "type": selection.type,
        "since": None if span.since is None else span.since.isoformat(),
        "until": None if span.until is None else span.until.isoformat(),
    }


def _selection_of(kept: Mapping[str, Any]) -> Selection:
    payment_id = kept["payment_id"]
    return Selection(
        tuple(UUID(event_id) for event_id in kept["ids"]),
        None if payment_id is None else UUID(payment_id),
        kept["type"],
        Span(*(None if kept[name] is None else datetime.fromisoformat(kept[name]) for name in ("since", "until"))),
        kept["order_id"],
    )


def append_positions(engine: Engine, positions: Sequence[int], grounds: Grounds) -> Iterator[int]:
    """Append these rows again, in the given order; yields the number of rows after each commit."""
    _mend_sequence(engine)
    replay_id = uuid4()
    detail = {"replay_id": str(replay_id), "rows": len(positions), "first": min(positions), "last": max(positions)}
    with transaction(engine) as connection:
        operator_actions.record(connection, grounds.act("outbox.repair", detail=detail))
    for start in range(0, len(positions), BATCH):
        with transaction(engine) as connection:
            rows = operator_outbox.rows_at(connection, positions[start : start + BATCH])
            operator_replays.append_again(connection, rows, replay_id)
        yield len(rows)


def _mend_sequence(engine: Engine) -> None:
    with transaction(engine) as connection:
        operator_outbox.mend_sequence(connection)
