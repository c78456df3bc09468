"""The answers to a command: its outcome, also where only the outbox has it, and the events that carry it."""

import json
from typing import Any

from service.domain.commands.command import CommandKey, sent_type
from service.domain.messages import outcome_id
from service.storage import operator_outbox
from service.storage.engine import Connection
from service.storage.operator_session import Record


def with_answers(connection: Connection, command: Record) -> Record:
    """The command with ``outcome`` and ``events``: one event for each time that it was answered.

    A command that was refused at once keeps no outcome in its row. An event that was pruned is missing.
    """
    key = CommandKey(sent_type(command["command_type"]), command["correlation_id"])
    rows = [
        row
        for reopened in range(command["reopened"] + 1)
        for row in operator_outbox.rows_called(connection, outcome_id(key, reopened))[:1]
    ]
    events = [{name: row[name] for name in ("event_id", "position", "sequence", "published")} for row in rows]
    last = outcome_id(key, command["reopened"])
    published = next((_outcome(row) for row in rows if row["event_id"] == last), None)
    return {**command, "outcome": command["outcome"] or published, "events": events}


def _outcome(row: Record) -> dict[str, Any]:
    event = json.loads(row["value"])
    return {"type": event["type"], **event["payload"]}
