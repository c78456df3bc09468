"""The relay while everything around it dies: nothing skipped, nothing twice, each key in order."""

import random
from pathlib import Path

import pytest

from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from tests.crash.relays_under_faults import PersistentWriters, relays_under_faults
from tests.integration.relay.writers import append, session, write

pytestmark = [pytest.mark.postgres, pytest.mark.real_kafka]

ROWS = 6000


def test_relays_survive_kills_of_servers_during_transactions(
    killable_database_url: str, killable_postgres: EmbeddedPostgres, killable_kafka: ApacheKafka, tmp_path: Path
) -> None:
    """Small batches without pauses, so that a transaction is always in progress."""
    with relays_under_faults(killable_database_url, killable_kafka, tmp_path, batch_size=50) as rig:
        write(rig.url, rig.topics.events, ROWS)
        rig.start()
        rig.wait_for_events(ROWS // 10)
        killable_kafka.kill()
        killable_kafka.start()
        rig.wait_for_events(ROWS // 2)
        killable_postgres.kill()
        killable_postgres.start()
        rig.check()


def test_relays_survive_all_faults_at_once(
    killable_database_url: str,
    killable_postgres: EmbeddedPostgres,
    killable_kafka: ApacheKafka,
    tmp_path: Path,
) -> None:
    """Writers with slow commits and rollbacks, a long transaction, three relays that are killed, frozen past their
    takeover and without receipt and checkpoint, and kills of both servers."""
    chooser = random.Random(1)
    with relays_under_faults(killable_database_url, killable_kafka, tmp_path, relays=3, batch_size=20) as rig:
        crowd = PersistentWriters(rig.url, rig.topics.events, writers=6, transactions=400, keys=8)
        crowd.start()
        rig.start()
        with session(rig.url) as slow:
            append(slow, rig.topics.events, "slow")
            for seen in (50, 150, 250):
                rig.wait_for_events(seen)
                victim = chooser.choice(rig.relays)
                victim.kill()
                victim.start()
            zombies = chooser.sample(rig.relays, 2)
            for zombie in zombies:
                rig.freeze(zombie)
            rig.wait_for_events(400)
            for zombie in zombies:
                rig.thaw(zombie)
            rig.wait_for_events(500)
            rig.kill_all()
            rig.forget()
            rig.start()
            slow.commit()
        rig.wait_for_events(700)
        killable_kafka.kill()
        killable_postgres.kill()
        killable_postgres.start()
        killable_kafka.start()
        crowd.join()
        rig.check()
