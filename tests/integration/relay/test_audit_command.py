"""``outbox audit`` finds missing events in a real topic and repairs them."""

import json

import psycopg2
import pytest
from click.testing import CliRunner, Result

from commandline.main import cli
from devstack.kafka import Kafka
from devstack.topics import Topics
from relay.settings import RelaySettings
from tests.integration.relay.running import RunningRelay, settings_for
from tests.integration.relay.writers import wait_for, without_rules

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka, pytest.mark.usefixtures("quiet")]


def _append(url: str, topic: str, count: int) -> None:
    with psycopg2.connect(url) as session, session.cursor() as cursor:
        for number in range(1, count + 1):
            cursor.execute(
                "INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers) "
                "SELECT id, %s, 'k', 't', %s, '{}', json_build_array(json_build_array('ce_id', id::text)) "
                "FROM gen_random_uuid() AS id",
                (topic, number),
            )


def _audit(settings: RelaySettings, *words: str) -> Result:
    env = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "RELAY_NAME": settings.relay_name,
    }
    return CliRunner(env=env).invoke(cli, ["outbox", "audit", "--since", "1h", "--json", *words])


def _wait_until_settled(url: str, position: int) -> None:
    wait_for(url, f"SELECT 1 FROM relay_checkpoints WHERE low >= {position}")


def test_audit_finds_and_repairs_missing_events(database_url: str, kafka: Kafka, topics: Topics) -> None:
    settings = settings_for(database_url, kafka, topics)
    without_rules(database_url, "position_counts")
    _append(database_url, topics.events, 3)
    with RunningRelay(settings):
        _wait_until_settled(database_url, 3)
        agreed = _audit(settings)
        assert (agreed.exit_code, json.loads(agreed.stdout)["missing"]) == (0, [])

        with psycopg2.connect(database_url) as session, session.cursor() as cursor:
            # A row that the relay counts as published, as after a broker failover with losses.
            cursor.execute("LOCK relay_checkpoints")
            cursor.execute(
                "INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers, position) "
                "OVERRIDING SYSTEM VALUE VALUES (gen_random_uuid(), %s, 'k', 't', 9, '{}', '[]', 0)",
                (topics.events,),
            )
        differs = _audit(settings)
        assert (differs.exit_code, len(json.loads(differs.stdout)["missing"])) == (1, 1)

        repaired = _audit(settings, "--repair", "--reason", "test", "--yes")
        assert (repaired.exit_code, json.loads(repaired.stdout)["repaired"]) == (0, 1)

        with psycopg2.connect(database_url) as session, session.cursor() as cursor:
            cursor.execute("SELECT kind, compared >= 3, differences, repaired FROM audits ORDER BY id")
            kept = [("outbox", True, *found) for found in ((0, 0), (1, 0), (0, 1))]
            assert cursor.fetchall()[:3] == kept, "what a repair mended is no difference"
