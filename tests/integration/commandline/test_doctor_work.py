"""``doctor`` finds in the database that a process is missing, positions repeat, or a pooler is in between."""

from datetime import timedelta

import pytest

from commandline import check_work
from devstack.kafka import Kafka
from devstack.ports import free_port
from devstack.topics import Topics
from service.storage import operator_sessions
from tests.integration.commandline.history import History
from tests.integration.commandline.test_doctor import doctor
from tests.integration.commandline.test_outbox import settle
from tests.integration.relay.running import RunningRelay, settings_for
from tests.integration.relay.writers import append, execute, session, write
from tests.support.probes import wait_until_metrics_say
from tests.support.transaction_pooler import TransactionPooler

pytestmark = pytest.mark.postgres


@pytest.fixture
def env(database_url: str, topics: Topics) -> dict[str, str]:
    """The database is the only server that answers."""
    return {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "KAFKA_CONFIG": "no.such.setting=1",
        "STRIPE_SECRET_KEY": "sk_test_1",
        "STRIPE_API_BASE": "http://127.0.0.1:1",
        **topics.environment,
    }


def found(env: dict[str, str], check: str) -> list[tuple[bool, bool, str]]:
    return [(each["ok"], each["warning"], each["detail"]) for each in doctor(env)[1] if each["check"] == check]


WRONG, WARNING, RIGHT = (False, False), (True, True), (True, False)


def test_missing_relay_is_found(env: dict[str, str], database_url: str, topics: Topics) -> None:
    name = env["RELAY_NAME"]
    assert found(env, "relay") == [(*WARNING, f"none called {name} works, and nothing waits")]
    write(database_url, topics.events, 2)
    assert found(env, "relay") == [(*WRONG, f"none called {name} works, and 2 rows wait")]


@pytest.mark.kafka
def test_working_and_stuck_relays_are_distinguished(
    env: dict[str, str], database_url: str, kafka: Kafka, topics: Topics
) -> None:
    port = free_port("127.0.0.1")
    write(database_url, topics.events, 2)
    settings = settings_for(
        database_url, kafka, topics, relay_name=env["RELAY_NAME"], relay_delivery="at-least-once", ops_port=port
    )
    with RunningRelay(settings):
        wait_until_metrics_say(port, 'relay_stage{relay_stage="sleeping"} 1.0')
        assert found(env, "relay") == [(*RIGHT, "one works, 0 rows wait")]
        execute(database_url, "UPDATE relay_checkpoints SET low = 0, ranges = '[]'")
        execute(database_url, "ALTER TABLE outbox DISABLE TRIGGER USER")
        execute(database_url, "UPDATE outbox SET created_at = created_at - interval '1 hour'")
        execute(database_url, "ALTER TABLE outbox ENABLE TRIGGER USER")
        [(ok, _, detail)] = found(env, "relay")
    assert not ok
    assert detail.startswith("one works, and 2 rows wait, the first since ")


@pytest.mark.parametrize(
    ("broken", "mended", "said"),
    [
        ("CACHE 20", "CACHE 1", "positions are drawn with cache 20"),
        ("RESTART 1", "RESTART 3", "positions up to 0 are handed out again below 2"),
    ],
)
def test_sequence_that_may_repeat_positions_is_found(
    env: dict[str, str], database_url: str, topics: Topics, broken: str, mended: str, said: str
) -> None:
    write(database_url, topics.events, 2)
    assert found(env, "sequence") == [(*RIGHT, "positions only rise")]
    execute(database_url, f"ALTER SEQUENCE outbox_position_seq {broken}")
    try:
        [(ok, _, detail)] = found(env, "sequence")
    finally:
        execute(database_url, f"ALTER SEQUENCE outbox_position_seq {mended}")
    assert not ok
    assert detail.startswith(said)


def test_sequence_that_the_role_may_not_read_is_no_sign_of_repeated_positions(
    env: dict[str, str], database_url: str, topics: Topics, reader: str
) -> None:
    write(database_url, topics.events, 2)
    assert found({**env, "DATABASE_URL": reader}, "sequence") == [
        (*WRONG, "the role may not read the sequence of the outbox's positions")
    ]


def test_a_held_gap_is_named_with_the_transaction_that_holds_it(
    env: dict[str, str], history: History, monkeypatch: pytest.MonkeyPatch, topics: Topics, reader: str
) -> None:
    with session(env["DATABASE_URL"]) as writer:
        writer.cursor().execute("SET application_name = 'psql of otto'")
        append(writer, topics.events)
        write(env["DATABASE_URL"], topics.events, 1, key="other")
        settle(history.engine, 0, [[2, 2]])
        assert found(env, "gap") == [], "a transaction of the service is as young"
        hidden = found({**env, "DATABASE_URL": reader}, "gap")
        monkeypatch.setattr(operator_sessions, "OLD_SECONDS", 0)
        young = found(env, "gap")
        monkeypatch.setattr(check_work, "_PATIENCE", timedelta())
        (old,) = [each for each in doctor(env)[1] if each["check"] == "gap"]
        pid = writer.info.backend_pid
        writer.rollback()
    assert found(env, "gap") == []
    said = f"position 1 waits for process {pid} (psql of otto), idle in transaction, 0 s old"
    assert young == [(*WARNING, said)]
    assert (old["ok"], old["detail"]) == (False, said)
    assert f"SELECT pg_terminate_backend({pid})" in old["mend"]
    assert hidden == [(*WARNING, f"position 1 waits for process {pid} (psql of otto), of unknown age")]


def test_stuck_commands_and_open_dead_letters_are_found(
    env: dict[str, str], database_url: str, history: History
) -> None:
    history.accept("order-1", "c-1")
    assert found(env, "commands") == [(*RIGHT, "none is overdue")]
    assert found(env, "dead letters") == []
    execute(database_url, "UPDATE commands SET next_attempt_at = now() - interval '3 minutes'")
    history.add_dead_letter(7, b"{")
    [(ok, _, detail)] = found(env, "commands")
    assert not ok
    assert detail.startswith("1 command is overdue, the first since ")
    assert found(env, "dead letters") == [(*WARNING, "1 is open")]
    (letters,) = [each for each in doctor(env)[1] if each["check"] == "dead letters"]
    assert letters["mend"] == "cli.py dead-letter list, then retry, resend or discard"


def test_pooler_with_transaction_pooling_is_found(env: dict[str, str], database_url: str) -> None:
    assert found(env, "pooler") == []
    with TransactionPooler(database_url) as pooler:
        findings = found({**env, "DATABASE_URL": pooler.url}, "pooler")
    assert [(ok, warning) for ok, warning, _ in findings] == [WRONG, WARNING]
    assert "lends sessions by transaction" in findings[0][2]
    assert "settings of a session do not reach" in findings[1][2]
