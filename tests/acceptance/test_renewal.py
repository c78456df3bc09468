"""SIGHUP: consumer and relay read their secrets again, with commands under way."""

import json
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from devstack.saga_client import until
from devstack.service_process import ServiceProcess
from tests.support.acceptance import World
from tests.support.secrets import Roles, SecretFiles, roles_of

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


@pytest.fixture
def roles(world: World) -> Iterator[Roles]:
    with roles_of(world.info.database_url) as both:
        yield both


@pytest.fixture
def files(roles: Roles, tmp_path: Path) -> SecretFiles:
    return SecretFiles(tmp_path, DATABASE_URL=roles.url(roles.old), STRIPE_SECRET_KEY="sk_test_old")


@pytest.fixture
def processes(world: World, files: SecretFiles, roles: Roles) -> Iterator[list[ServiceProcess]]:
    """A consumer, a relay and its standby with secrets in files, instead of the stack's own."""
    for name in ("consume", "relay"):
        world.application.services[name].stop()
    found = [world.application.another(name, files.environment) for name in ("consume", "relay", "relay")]
    for process in found:
        process.start()
    for process in found:
        process.wait_until_ready()
    yield found
    for process in found:
        process.stop()


def renewed(process: ServiceProcess) -> list[str]:
    """The names in its last line about a SIGHUP; none before."""
    lines = [json.loads(line) for line in process.log.read_text().splitlines() if "secrets_read_again" in line]
    found: list[str] = lines[-1]["renewed"] if lines else []
    return found


def test_commands_are_answered_during_and_after_a_renewal(
    world: World, processes: list[ServiceProcess], files: SecretFiles, roles: Roles
) -> None:
    sent = [world.authorize() for _ in range(10)]
    files.write(DATABASE_URL=roles.url(roles.new), STRIPE_SECRET_KEY="sk_test_new")
    for process in processes:
        process.run.send(signal.SIGHUP)
    sent += [world.authorize() for _ in range(10)]
    assert {world.outcome(each).summary for each in sent} == {"authorize_payment: payment.authorized AUTHORIZED"}
    consumer, *relays = processes
    assert until(lambda: renewed(consumer), "the consumer says so") == ["DATABASE_URL", "STRIPE_SECRET_KEY"]
    for relay in relays:
        assert until(partial(renewed, relay), "each relay says so") == ["DATABASE_URL"]
    until(roles.old_is_gone, "no session of the old role is left")
    roles.lock_out(roles.old)
    assert world.outcome(world.authorize()).summary == "authorize_payment: payment.authorized AUTHORIZED"
    files.write(STRIPE_SECRET_KEY="sk_test_expired")
    consumer.run.send(signal.SIGHUP)
    until(lambda: renewed(consumer) == ["STRIPE_SECRET_KEY"] or None, "the consumer has the key")
    world.authorize()
    until(lambda: "stripe_call_failed" in consumer.log.read_text() or None, "Stripe refuses the new key")
    files.write(STRIPE_SECRET_KEY="sk_test_newer")
    consumer.run.send(signal.SIGHUP)
    until(
        lambda: consumer.log.read_text().count("secrets_read_again") == 3 or None, "the consumer has a key that works"
    )
    assert world.outcome(world.authorize()).summary == "authorize_payment: payment.authorized AUTHORIZED"
