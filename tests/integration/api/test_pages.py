"""A web page that shows a user's totals, on a real server: its permission to read, and the unit of amounts."""

import json

import pytest

from service.domain.status import PaymentStatus
from tests.integration.api.conftest import Book
from tests.integration.api.server import run_serve, serving

pytestmark = pytest.mark.postgres

SHOP = "https://shop.example"


def test_page_can_read_on_the_connection_of_its_preflight(database_url: str, book: Book) -> None:
    """An answer without a body must end correctly, because the next one follows on the same connection."""
    book.pay(customer_id="u", amount=1230, status=PaymentStatus.SUCCEEDED)
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    with serving(database_url, API_TOKENS="shop:s3cret", CORS_ORIGINS=SHOP, HISTORY_UNIT="major") as server:
        connection = server.connect()
        connection.request("OPTIONS", "/history/u", headers=asked)
        preflight = connection.getresponse()
        assert (preflight.status, preflight.read()) == (204, b"")
        assert preflight.headers["Access-Control-Allow-Origin"] == SHOP
        socket = connection.sock
        connection.request("GET", "/history/u", headers={"Origin": SHOP, "Authorization": "Bearer s3cret"})
        answer = connection.getresponse()
        body = json.loads(answer.read(), parse_float=str)
        assert connection.sock is socket
        connection.close()
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, SHOP)
    assert (body["totalSpent"], body["spentCount"]) == ("12.30", 1)


@pytest.mark.parametrize(("name", "value"), [("CORS_ORIGINS", "shop.example"), ("HISTORY_UNIT", "cents")])
def test_bad_setting_stops_the_server_with_one_line(name: str, value: str) -> None:
    ended = run_serve("postgresql://nowhere/none", **{name: value})
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{name}: ")
