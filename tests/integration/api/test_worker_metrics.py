"""Any worker answers a scrape with the figures of all. Each request has a connection of its own, so both serve some."""

from collections.abc import Iterator, Mapping

import pytest

from service.domain.status import PaymentStatus
from tests.integration.api.conftest import Book
from tests.integration.api.server import Server, serving

pytestmark = pytest.mark.postgres

STATUS = 'payment_payments{status="AUTHORIZED"}'
AGE = 'payment_database_metrics_age_seconds{group="payments"}'


@pytest.fixture
def database_url(database_of_module: str) -> str:
    return database_of_module


@pytest.fixture(scope="module")
def server(database_of_module: str) -> Iterator[Server]:
    with serving(database_of_module) as running:
        yield running


def scraped(server: Server) -> Mapping[str, str]:
    """The series of one scrape, without comments."""
    lines = server.ask("GET", "/metrics", "/metrics").body.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_metrics_cover_all_workers(server: Server) -> None:
    for _ in range(40):
        server.ask("GET", "/history/u", "/history/{user_id}")
    series = 'http_requests_total{method="GET",route="/history/<user_id>",status="200"}'
    assert {scraped(server)[series] for _ in range(10)} == {"40.0"}


def test_all_workers_show_the_same_figures_of_the_database(server: Server, book: Book) -> None:
    """A payment that is made after the first scrape shows in all workers at the next reading, minutes later."""
    scrapes = [scraped(server)]
    book.pay(order_id="o", status=PaymentStatus.AUTHORIZED)
    scrapes += [scraped(server) for _ in range(20)]
    assert {scrape[STATUS] for scrape in scrapes} == {"0.0"}
    ages = [float(scrape[AGE]) for scrape in scrapes]
    assert ages == sorted(ages)
