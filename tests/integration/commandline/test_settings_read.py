"""Each command reads only the settings that its help names, and ignores faults in all others."""

import pytest
from click.testing import CliRunner

from commandline.main import cli
from consumer.settings import ConsumerSettings
from devstack.stripe_simulator.client import SimulatorControl
from relay.settings import RelaySettings
from service.settings import ServiceSettings
from tests.integration.commandline.history import History

pytestmark = pytest.mark.postgres

EVERY = {name.upper() for kind in (ServiceSettings, ConsumerSettings, RelaySettings) for name in kind.model_fields}
RUBBISH = {name: "tcp://10.0.0.7:9093" for name in EVERY if not name.startswith(("KAFKA_SASL", "KAFKA_SSL"))}
"""As Kubernetes sets variables for each service that it runs."""

WHY = ("--because", "ticket 81", "--yes")
STRIPE = ("STRIPE_SECRET_KEY", "STRIPE_API_BASE")


@pytest.mark.parametrize(
    ("words", "reads"),
    [
        ("payment list", ()),
        ("payment show order-1", ()),
        ("payment timeline order-1", ()),
        ("payment reconcile --dry-run", STRIPE),
        ("payment audit", STRIPE),
        ("command list", ()),
        ("command show saga-1", ()),
        ("dead-letter list", ()),
        ("dead-letter show 1", ()),
        ("outbox stats", ()),
        ("outbox list", ()),
        ("db current", ()),
        ("db check", ()),
    ],
)
def test_command_reads_no_other_setting(
    database_url: str, history: History, simulator: SimulatorControl, words: str, reads: tuple[str, ...], quiet: None
) -> None:
    history.authorize("order-1", "saga-1")
    history.add_dead_letter(1, b"{")
    known = {"DATABASE_URL": database_url, "STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_API_BASE": simulator.base_url}
    read = {name: known[name] for name in ("DATABASE_URL", *reads)}
    named = CliRunner().invoke(cli, [*words.split()[:2], "--help"], prog_name="cli.py").stdout
    assert [name for name in read if name not in named] == []
    rubbish = {name: value for name, value in RUBBISH.items() if name not in named}
    result = CliRunner(env={**rubbish, **read}).invoke(cli, words.split(), prog_name="cli.py")
    # Stripe does not have the payment of this history, so reconcile and audit may report it.
    assert result.exit_code in ({0, 1} if reads else {0}), result.output
    assert "tcp:" not in result.output


@pytest.mark.parametrize("verb", ["release order-1 --runner r --account acct_1", "revert order-1"])
def test_acts_read_the_topic_of_commands(database_url: str, history: History, verb: str, quiet: None) -> None:
    history.authorize("order-1", "saga-1")
    env = {**RUBBISH, "DATABASE_URL": database_url, "PAYMENT_COMMANDS_TOPIC": "commands_here"}
    result = CliRunner(env=env).invoke(cli, ["payment", *verb.split(), *WHY], prog_name="cli.py")
    assert result.exit_code == 0, result.output
