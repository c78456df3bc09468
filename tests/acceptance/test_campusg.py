"""The printed instructions of docs/campusg.md: with the settings of campusg.env each published caller works."""

import re
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
import requests
from click.testing import CliRunner

from commandline.main import cli
from devstack.kafka import Kafka
from devstack.postgres import Postgres
from devstack.readers.libraries import PUBLISHED, LibraryUnavailableError, find_library
from devstack.saga_client import until
from service.storage import migrate
from tests.support.acceptance import VISA, World, fresh
from tests.support.acceptance_campusg import CompleteOrderSaga, CreateOrder, CreateOrderSaga
from tests.support.campusg_env import campusg_env
from tests.support.reading.notifications import Notifications, Row
from tests.support.reading.saga import PublishedSaga
from tests.support.requirements import unavailable

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "campusg.md"
PINNED, NEWEST = "kafka-python 2.0.2", "newest kafka-python"
Saga = CreateOrderSaga | PublishedSaga
OLD_PAYMENTS = """
    CREATE TABLE payments (
        id varchar(36) PRIMARY KEY, payment_id varchar(36), payment_intent_id varchar(255), transfer_id varchar(255),
        order_id varchar(36) NOT NULL UNIQUE, customer_id varchar(36), runner_id varchar(36), amount numeric(10, 2),
        status varchar(20), description varchar(255), created_at timestamp, updated_at timestamp
    );
    INSERT INTO payments (id, order_id, payment_intent_id, status)
    VALUES ('1', 'order-1', 'pi_1', 'AUTHORIZED'), ('2', 'order-2', 'pi_2', 'SUCCEEDED')
"""


def customer(user: str) -> dict[str, object]:
    """The customer as the user service describes it."""
    return {"clerkUserId": user, "stripeCustomerId": "", "userStripeCard": {"payment_method_id": VISA}}


def reach(run: CreateOrder, step: str) -> None:
    until(lambda: run.step == step, f"{run} at {step}")


@pytest.fixture(scope="module", params=[PINNED, NEWEST])
def library(request: pytest.FixtureRequest) -> Path | None:
    """The callers' version of kafka-python. None stands for the installed version."""
    try:
        return find_library(PUBLISHED) if request.param == PINNED else None
    except LibraryUnavailableError as error:
        unavailable(request.param, error)


@pytest.fixture
def saga(campusg: World, kafka: Kafka, library: Path | None) -> Iterator[Saga]:
    made = CreateOrderSaga if library is None else PublishedSaga
    orchestrator = made(kafka, campusg.topics)
    yield orchestrator
    orchestrator.close()


@pytest.fixture
def notifications(campusg: World, library: Path | None) -> Notifications:
    topics = (campusg.topics.events, campusg.topics.commands)
    return Notifications(campusg.info.kafka_bootstrap_servers, topics, library)


@pytest.mark.filterwarnings("ignore:value_.*serializer does not implement:DeprecationWarning")
def test_four_campusg_callers_complete_their_work(campusg: World, saga: Saga, notifications: Notifications) -> None:
    user, runner, origin = fresh("user"), fresh("runner"), campusg_env()["CORS_ORIGINS"]
    orders = [fresh("order") for _ in range(2)]
    kept, given_up = [saga.start(order, customer(user), {"amount": 2350, "description": "food"}) for order in orders]
    for run in (kept, given_up):
        reach(run, "UPDATE_ORDER_STATUS")
    saga.compensate(given_up)
    reach(given_up, "COMPENSATED")
    complete = CompleteOrderSaga(campusg.info.http_url)
    released = complete.release_funds(complete.get_payment_id(orders[0]), runner, "acct_1Runner")["correlation_id"]
    campusg.outcome_of("release_payment", released)

    for name, field in ((user, "totalSpent"), (runner, "totalEarned")):
        shown = requests.get(f"{campusg.info.http_url}/history/{name}", headers={"Origin": origin}, timeout=10)
        assert shown.headers["Access-Control-Allow-Origin"] == origin
        assert shown.json()[field] == 23.5
        assert b"23.50" in shown.content

    notifications.poll()
    topics, first, second = campusg.topics, *(run.heard[0]["correlation_id"] for run in (kept, given_up))
    events = [(first, "authorized"), (second, "authorized"), (second, "released"), (released, "released")]
    asked = [(first, "authorize"), (second, "authorize"), (second, "revert"), (released, "release")]
    assert sorted(notifications.rows) == sorted(
        [Row(topics.events, f"payment.{what}", saga_id) for saga_id, what in events]
        + [Row(topics.commands, f"{what}_payment", saga_id) for saga_id, what in asked]
    )


@pytest.mark.usefixtures("quiet")
@pytest.mark.filterwarnings("ignore:value_.*serializer does not implement:DeprecationWarning")
def test_replay_moves_the_saga_back_and_adds_no_notification(
    campusg: World, saga: Saga, notifications: Notifications
) -> None:
    run = saga.start(fresh("order"), customer(fresh("user")), {"amount": 1000, "description": "food"})
    reach(run, "UPDATE_ORDER_STATUS")
    saga.compensate(run)
    reach(run, "COMPENSATED")
    payment_id = run.heard[0]["payload"]["payment_id"]
    notifications.poll()
    before = list(notifications.rows)
    environment = {"DATABASE_URL": campusg.info.database_url}
    words = ["outbox", "replay", "--payment", payment_id, "--type", "payment.authorized", "--reason", "test", "--yes"]
    replayed = CliRunner(env=environment).invoke(cli, words)
    assert replayed.exit_code == 0, replayed.output
    reach(run, "UPDATE_ORDER_STATUS")
    notifications.poll()
    assert notifications.rows == before


def statements() -> tuple[str, str]:
    """The SQL of the page: the creation of the database, and the query for open work in the old one."""
    made, left = re.findall(r'psql .*-c "([^"]+)"', PAGE.read_text(encoding="utf-8"))
    return made, left


def test_database_is_created_with_the_printed_sql(postgres_server: Postgres) -> None:
    made, _ = statements()
    name = f"campusg_{secrets.token_hex(6)}"
    assert urlsplit(campusg_env()["DATABASE_URL"]).path == "/campus_payments"
    with closing(psycopg2.connect(postgres_server.url)) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(made.replace("campus_payments", name))
    try:
        migrate.upgrade(postgres_server.databases.url(name))
        assert migrate.current(postgres_server.databases.url(name)).at_head
    finally:
        postgres_server.databases.drop(name)


def test_printed_query_lists_the_open_work_in_the_old_database(empty_database_url: str) -> None:
    _, left = statements()
    with psycopg2.connect(empty_database_url) as old, old.cursor() as cursor:
        cursor.execute(OLD_PAYMENTS)
        cursor.execute(left)
        assert cursor.fetchall() == [("order-1", "pi_1")]
