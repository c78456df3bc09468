"""Web pages and a real server: one that shows a user's totals, and the files that the operators' page loads."""

import json
from pathlib import Path

import pytest

from service.api import ops_page
from service.domain.payment import PaymentStatus
from tests.integration.api.conftest import Book
from tests.integration.api.server import run_serve, serving

pytestmark = pytest.mark.postgres

SHOP = "https://shop.example"
STATIC = Path(ops_page.__file__).parent / "static"


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


@pytest.mark.parametrize(("name", "type_"), [("ops.css", "text/css"), ("ops.js", "text/javascript")])
def test_the_operators_page_gets_its_files(database_url: str, name: str, type_: str) -> None:
    """A file is an answer of another kind to gunicorn, which would hand the socket to the operating system."""
    with serving(database_url, API_TOKENS="olivia:letmein:operate") as server:
        connection = server.connect()
        connection.request("GET", f"/ops/static/{name}")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
    assert (answer.status, answer.headers.get_content_type()) == (200, type_)
    assert body == (STATIC / name).read_bytes()
