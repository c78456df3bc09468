"""A payment's view: ids of Stripe's requests, records of commands, and the search for events in Kafka."""

import html
import json
import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient

from runtime.record_search import Absent, Found, SearchError, Sought
from service.usecases.operations.kafka_places import one_at_a_time
from tests.integration.ops_page.conftest import TOKEN, House, in_kafka, page_of, page_text
from tests.integration.ops_page.scene import HOSTILE

pytestmark = pytest.mark.postgres


def test_a_payments_timeline_names_requests_and_the_records_of_commands(house: House, operator: FlaskClient) -> None:
    page = page_text(operator, f"/ops/payments/{house.scene.released}")
    (note,) = house.core.command("saga-released", "authorize_payment")["stripe_requests"]
    ((operation, result, request_id),) = note["requests"]
    assert re.search(rf'{operation} {result} <span class="id">{request_id}</span>', page)
    offset = house.core.command("saga-released", "authorize_payment")["origin_offset"]
    assert f"payment_commands, partition 0, offset {offset}" in page
    assert f">0 / {offset}</text>" in page, "the picture has it, too"


def test_events_are_looked_up_in_kafka_on_demand(house: House, operator: FlaskClient) -> None:
    path = f"/ops/payments/{house.scene.released}"
    page = page_text(operator, path)
    assert ">Look up in Kafka</a>" in page
    assert "partition 2" not in page
    assert "data-refresh" in page
    page = page_text(operator, f"{path}?kafka=look")
    assert "partition 2, offset 41" in page
    assert ">2 / 41</text>" in page
    assert ">expired</text>" in page
    assert "no longer has records of that time (expired?)" in page
    assert "data-refresh" not in page, "a search is not repeated without being asked for"


def test_kafka_that_does_not_answer_leaves_the_rest(house: House) -> None:
    def silent(_: Sequence[Sought]) -> list[Found | Absent]:
        raise SearchError("Local: Broker transport failure")

    client = page_of(house.core.database, house.desk, silent).test_client()
    client.post("/ops/login", data={"token": TOKEN})
    page = page_text(client, f"/ops/payments/{house.scene.released}?kafka=look")
    assert "Kafka does not answer: Local: Broker transport failure" in page
    assert "payment.released" in page


def test_one_search_goes_on_at_a_time(house: House) -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow(sought: Sequence[Sought]) -> list[Found | Absent]:
        begun.set()
        assert ended.wait(30)
        return in_kafka(sought)

    search = one_at_a_time(slow)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(search, [])
        assert begun.wait(30)
        with pytest.raises(SearchError, match="another look-up"):
            search([])
        ended.set()
        assert first.result(30) == []
    assert search([]) == []


def test_without_kafka_nothing_can_be_looked_up(house: House) -> None:
    client = page_of(house.core.database, house.desk).test_client()
    client.post("/ops/login", data={"token": TOKEN})
    path = f"/ops/payments/{house.scene.released}"
    assert "Look up in Kafka" not in page_text(client, path)
    assert client.get(f"{path}?kafka=look").status_code == 404


def test_a_hostile_request_id_in_the_database_stays_text(house: House, operator: FlaskClient) -> None:
    note = {"at": "2026-01-31T08:00:00+00:00", "call": HOSTILE, "requests": [[HOSTILE, HOSTILE, HOSTILE]]}
    house.core.sql(
        "UPDATE commands SET stripe_requests = CAST(:note AS jsonb) WHERE correlation_id = 'saga-hostile'",
        note=json.dumps([note]),
    )
    payment = house.core.sql("SELECT payment_id FROM commands WHERE correlation_id = 'saga-hostile'")[0]["payment_id"]
    answer = operator.get(f"/ops/payments/{payment}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text
    assert html.escape(HOSTILE[:25]) in answer.text
