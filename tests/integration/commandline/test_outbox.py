"""``outbox list``, ``outbox show`` and ``outbox stats``."""

import secrets

import pytest
from sqlalchemy import insert, text

from devstack.postgres import Postgres
from service.domain.received_records import Origin, UnreadableMessage
from service.storage.engine import Engine, transaction
from service.storage.models import RelayCheckpoint
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import DEAD_LETTERS, History
from tests.integration.relay.writers import append, session

pytestmark = pytest.mark.postgres


def settle(engine: Engine, low: int, ranges: list[list[int]]) -> None:
    """The checkpoint of a relay."""
    row = {"relay": "payment-relay", "low": low, "ranges": ranges, "system_identifier": 1, "timeline": 1}
    with transaction(engine) as connection:
        connection.execute(insert(RelayCheckpoint), row)


def test_list_is_newest_first_and_limited(commandline: CommandLine, history: History) -> None:
    for number in range(3):
        history.authorize(f"order-{number}", f"saga-{number}")
    rows = commandline.json("outbox", "list")
    assert [row["position"] for row in rows] == [3, 2, 1]
    result = commandline.run("outbox", "list", "--limit", "2")
    assert "there are more" in result.stderr
    assert len(commandline.json("outbox", "list", "--limit", "2")) == 2


def test_filters_narrow_the_list(commandline: CommandLine, history: History) -> None:
    payment = history.authorize("order-1", "saga-1")
    history.authorize("order-2", "saga-2")
    history.canceled_at_stripe(payment)
    mine = commandline.json("outbox", "list", "--payment", str(payment.payment_id))
    assert [row["type"] for row in mine] == ["payment.failed", "payment.authorized"]
    assert len(commandline.json("outbox", "list", "--type", "payment.authorized")) == 2
    assert len(commandline.json("outbox", "list", "--since", "1h")) == 3
    assert commandline.json("outbox", "list", "--until", "1h") == []


def test_settled_rows_are_shown_as_published(commandline: CommandLine, history: History) -> None:
    for number in range(5):
        history.authorize(f"order-{number}", f"saga-{number}")
    settle(history.engine, 1, [[3, 4]])
    rows = commandline.json("outbox", "list")
    assert {row["position"]: row["published"] for row in rows} == {1: True, 2: False, 3: True, 4: True, 5: False}
    stats = commandline.json("outbox", "stats")
    assert (stats["rows"], stats["last_position"], stats["by_type"]) == (5, 5, {"payment.authorized": 5})
    assert [(relay["relay"], relay["waiting"]) for relay in stats["relays"]] == [("payment-relay", 2)]
    assert stats["relays"][0]["oldest_waiting_at"] == next(row["created_at"] for row in rows if row["position"] == 2)


def test_stats_work_without_a_relay(commandline: CommandLine, history: History) -> None:
    history.authorize("order-1", "saga-1")
    assert "no relay has published" in commandline.run("outbox", "stats").stdout


def test_stats_for_a_role_that_may_not_read_the_sequence_hold_no_doubt(history: History, reader: str) -> None:
    history.authorize("order-1", "saga-1")
    settle(history.engine, 1, [])
    relays = CommandLine(reader).json("outbox", "stats")["relays"]
    assert [(relay["waiting"], relay["doubt"]) for relay in relays] == [(0, None)]


def test_row_is_shown_by_event_id_and_by_position(commandline: CommandLine, history: History) -> None:
    history.authorize("order-1", "saga-1")
    row = commandline.json("outbox", "show", "1")
    assert row["value"]["type"] == "payment.authorized"
    assert row["headers"]["ce_id"] == row["event_id"]
    assert commandline.json("outbox", "show", row["event_id"])["position"] == 1


@pytest.mark.parametrize("id_", ["99", "x", "0b1c1c9e-4b6c-4f0e-8a50-6a5d4f6e6d11"])
def test_unknown_row_is_reported(commandline: CommandLine, id_: str) -> None:
    assert id_ in commandline.run("outbox", "show", id_, code=1).stderr


def test_stats_name_a_gap_and_the_transaction_that_holds_it(commandline: CommandLine, history: History) -> None:
    with transaction(history.engine) as connection:
        DEAD_LETTERS.add(connection, UnreadableMessage("NOT_JSON", "late"), Origin("t", 0, 0, None, b"late", []))
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        history.authorize("order-1", "saga-1")
        settle(history.engine, 0, [[2, 2]])
        found = commandline.json("outbox", "stats")
        assert found["gaps"] == [{"relay": "payment-relay", "position": 1}]
        assert [writer["pid"] for writer in found["writers"]] == [pid]
        said = commandline.run("outbox", "stats").stdout
        assert "gaps: 1 (1 in all)" in said
        assert str(pid) in said
    assert commandline.json("outbox", "stats")["gaps"] == []


def test_a_gaps_writers_are_those_of_its_database_hidden_ones_too(
    commandline: CommandLine, history: History, reader: str, postgres_server: Postgres, migrated_template: str
) -> None:
    """Databases that are copies of one have one number for the outbox; a role sees little of another's session."""
    name = f"copy_{secrets.token_hex(6)}"
    copy = postgres_server.databases.create(name, template=migrated_template)
    with session(commandline.database_url) as writer, session(copy) as elsewhere:
        append(elsewhere, "t")
        append(writer, "t")
        history.authorize("order-1", "saga-1")
        settle(history.engine, 0, [[2, 2]])
        writers = CommandLine(reader).json("outbox", "stats")["writers"]
        assert [(each["pid"], each["xact_start"]) for each in writers] == [(writer.info.backend_pid, None)]
    postgres_server.databases.drop(name)
