"""The relay while everything around it dies: nothing skipped, nothing twice, each key in order."""

import random
from pathlib import Path

import pytest

from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from tests.crash.besieged import StubbornCrowd, besieged
from tests.integration.relay.writers import append, session, write

pytestmark = [pytest.mark.postgres, pytest.mark.real_kafka]

ROWS = 6000


def test_relays_survive_kills_of_servers_during_transactions(
    mortal_database_url: str, mortal_postgres: EmbeddedPostgres, mortal_kafka: ApacheKafka, tmp_path: Path
) -> None:
    """Small batches without pauses, so that a transaction is always in progress."""
    with besieged(mortal_database_url, mortal_kafka, tmp_path, batch_size=50) as rig:
        write(rig.url, rig.topics.events, ROWS)
        rig.start()
        rig.wait_for_events(ROWS // 10)
        mortal_kafka.kill()
        mortal_kafka.start()
        rig.wait_for_events(ROWS // 2)
        mortal_postgres.kill()
        mortal_postgres.start()
        rig.check()


def test_relays_survive_all_faults_at_once(
    mortal_database_url: str,
    mortal_postgres: EmbeddedPostgres,
    mortal_kafka: ApacheKafka,
    tmp_path: Path,
) -> None:
    """Writers with slow commits and rollbacks, a long transaction, three relays that are killed, frozen past their
    takeover and without receipt and checkpoint, and kills of both servers."""
    chooser = random.Random(1)
    with besieged(mortal_database_url, mortal_kafka, tmp_path, relays=3, batch_size=20) as rig:
        crowd = StubbornCrowd(rig.url, rig.topics.events, writers=6, transactions=400, keys=8)
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
        mortal_kafka.kill()
        mortal_postgres.kill()
        mortal_postgres.start()
        mortal_kafka.start()
        crowd.join()
        rig.check()
