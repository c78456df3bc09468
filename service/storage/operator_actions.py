"""The record of operators' acts: appended in the transaction of their effects, logged after it, and read."""

from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from runtime.logs import get_logger
from service.domain.operator_acts import Act
from service.storage.engine import Connection, after_commit
from service.storage.models import OperatorAction
from service.storage.operator_session import Record, whole_records

_log = get_logger(__name__)


def record(connection: Connection, act: Act) -> int:
    """Append the act in the caller's transaction, that of its effect; returns the row's id."""
    values: dict[str, Any] = {
        "operator": act.operator,
        "channel": act.channel,
        "action": act.action,
        "payment_id": act.payment_id,
        "correlation_id": act.correlation_id,
        "command_type": act.command_type,
        "dead_letter_id": act.dead_letter_id,
        "reason": act.reason,
        "detail": dict(act.detail),
    }
    names = {name: values[name] for name in ("payment_id", "correlation_id", "command_type", "dead_letter_id")}
    named = {
        name: value if isinstance(value, int) else str(value) for name, value in names.items() if value is not None
    }
    about = {name: str(values[name]) for name in ("action", "operator", "channel", "reason")}
    after_commit(partial(_log.info, "operator_act", **about, **named))
    return int(connection.execute(insert(OperatorAction).values(values).returning(OperatorAction.id)).scalar_one())


def actions_of(connection: Connection, payment_id: UUID) -> list[Record]:
    """The acts on a payment and on its commands, in order."""
    mine = OperatorAction.payment_id == payment_id
    return whole_records(connection, select(OperatorAction).where(mine).order_by(OperatorAction.id))
