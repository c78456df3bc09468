"""`cli.py up` and `cli.py demo` start a stack for any client, and leave nothing behind."""

import json
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from devstack.kafka import Kafka
from devstack.stripe_simulator.client import SimulatorControl
from devstack.topics import Topics
from tests.support.acceptance import authorization, fresh
from tests.support.acceptance_http import Api
from tests.support.acceptance_kafka import saga_client
from tests.support.acceptance_programs import Program
from tests.support.readme import blocks, without_ids

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

KEYS = {
    "http_url",
    "database_url",
    "kafka_bootstrap_servers",
    "stripe_api_base",
    "stripe_webhook_secret",
    "api_token",
}
RUNNER = {"runner_id": "runner-1", "runner_connect_account_id": "acct_runner"}
OWN = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS")


@pytest.fixture
def empty_servers(empty_database_url: str, kafka: Kafka, topics: Topics) -> dict[str, str]:
    """The test run's servers for the stack, with an empty database and without topics."""
    given = {"DATABASE_URL": empty_database_url, "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    return {**given, **topics.environment}


@pytest.fixture
def stack(empty_servers: dict[str, str], tmp_path: Path) -> Iterator[tuple[Program, Path]]:
    """`up` when it is ready, and its state file."""
    state_file = tmp_path / "state.json"
    with Program("up", "--state-file", str(state_file), environment=empty_servers) as program:
        program.wait_for("Ctrl-C ends it")
        yield program, state_file


def test_up_serves_any_client(stack: tuple[Program, Path], kafka: Kafka, topics: Topics) -> None:
    program, state_file = stack
    assert stat.S_IMODE(state_file.stat().st_mode) == 0o600
    state = json.loads(state_file.read_text())
    assert state.keys() == KEYS
    psycopg2.connect(state["database_url"]).close()
    assert SimulatorControl(state["stripe_api_base"]).ledger() == []
    _drive(Api(state["http_url"], state["api_token"]), kafka, topics)
    family = program.family()
    assert len(family) >= 4, "serve, consume, relay and the simulator"
    program.ctrl_c()
    assert program.wait() == 0
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert program.family() == []
    assert program.left_behind() == []
    assert not state_file.exists()


def _drive(api: Api, kafka: Kafka, topics: Topics) -> None:
    """Authorize, then release, as a program that knows only the contract."""
    fields = authorization()
    with closing(saga_client(kafka, topics)) as client:
        held = client.outcome(*client.send("authorize_payment", fresh("saga"), fields).answers)
        queued = api.release(held.payment_id, RUNNER).body["correlation_id"]
        released = client.outcome("release_payment", queued)
    assert (held.type, released.type) == ("payment.authorized", "payment.released")
    assert api.status(fields["order_id"]).body["status"] == "SUCCEEDED"


def test_demo_runs_three_sagas_to_their_end() -> None:
    with Program("demo", without=OWN) as demo:
        demo.wait_for("Ready after")
        family = demo.family()
        assert demo.wait() == 0, demo.output()
        output = demo.output()
        assert psutil.wait_procs(family, timeout=10)[1] == []
        assert (demo.family(), demo.left_behind()) == ([], [])
    for title in ("Paid and released", "Authorized, then reverted", "3-d secure, finished by webhook"):
        assert output.lower().count(title.lower()) >= 2, f"{title} and its timeline are shown"
    assert "Three sagas, each answered once." in output
    assert shown_in_readme() - set(without_ids(output).splitlines()) == set()
    stories = output.partition("python cli.py payment timeline")[0]
    assert stories.count("payment.released: SUCCEEDED") == 2
    assert stories.count("payment.reverted: REVERTED") == 1
    assert stories.count("hold 12.50 SGD, capture 12.50 SGD, transfer 12.50 SGD") == 2
    assert stories.count("hold 12.50 SGD, cancel 12.50 SGD") == 1


def shown_in_readme() -> set[str]:
    (demo,) = [block for block in blocks("") if block.startswith("Starting")]
    return set(without_ids(demo).splitlines()) - {"[…]"}


def test_ctrl_c_in_a_saga_ends_the_demo_and_all_it_started() -> None:
    with Program("demo", without=OWN) as demo:
        demo.wait_for("authorize_payment")
        family = demo.family()
        demo.ctrl_c()
        assert demo.wait() not in {0, 2}
        assert psutil.wait_procs(family, timeout=10)[1] == []
        assert (demo.family(), demo.left_behind()) == ([], [])
        assert "Traceback" not in demo.output()
