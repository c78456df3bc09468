"""A signed webhook of any content is recorded or refused as no event, and never causes an internal error."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text

from devstack.stripe_simulator.sender import sign
from runtime.current import Current
from service.bootstrap import build_service
from service.domain.command_json import is_storable
from service.domain.intent_state import SEEN_BY_EVENT
from service.settings import ServiceSettings
from tests.integration.api.conftest import Book
from tests.integration.commandline.history import History
from tests.unit.gateway.fake_stripe import INTENT

pytestmark = pytest.mark.postgres

SECRET = "whsec_x"
LONGEST_ID = 255
DIGITS = "@5000 digits@"
EDGES: list[Any] = [
    None, True, -1, 0, 1.5, 10**30, -(10**30), 2**63, 253402300799, 253402300800, -62135596800, float("nan"),
    float("inf"), "", "\0", "\ud800", "\x1b[2J", "x" * 255, "x" * 256, "x" * 10_000, "é" * 10_000, [], {}, [[]], DIGITS,
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-01-02", "yesterday",
]  # fmt: skip
VALUES = st.sampled_from(EDGES) | st.text(max_size=8) | st.integers()
TYPES = st.sampled_from([*SEEN_BY_EVENT, "payment_intent.created", "charge.refunded", "v1.billing.meter"])


@pytest.fixture
def client(database_url: str) -> FlaskClient:
    known: dict[str, Any] = {"stripe_secret_key": SecretStr("sk_test_1"), "stripe_webhook_secret": SecretStr(SECRET)}
    return build_service(Current(ServiceSettings(database_url=SecretStr(database_url), **known))).test_client()


def _deliver(client: FlaskClient, event: object) -> int:
    payload = json.dumps(event).replace(f'"{DIGITS}"', "7" * 5000)
    signature = sign(payload, SECRET, int(time.time()))
    return client.post("/stripe-webhook", data=payload.encode(), headers={"Stripe-Signature": signature}).status_code


def _is_known_by(word: object) -> bool:
    return isinstance(word, str) and 0 < len(word) <= LONGEST_ID and is_storable(word) and word != DIGITS


def _recorded(book: Book, event_id: str) -> Any:
    query = text("SELECT result, stripe_created_at FROM stripe_events WHERE event_id = :id")
    with book.engine.connect() as connection:
        return connection.execute(query, {"id": event_id}).one()


def _event(**changed: Any) -> dict[str, Any]:
    kind = "payment_intent.amount_capturable_updated"
    return {
        "id": "evt_1", "object": "event", "type": kind, "created": 1767312000, "data": {"object": INTENT}, **changed,
    }  # fmt: skip


@pytest.mark.parametrize("field", ["id", "type"])
def test_event_with_an_impossible_id_or_type_is_refused(client: FlaskClient, field: str) -> None:
    assert _deliver(client, _event(**{field: "e" * LONGEST_ID})) == 200
    faulty: list[Any] = ["e" * (LONGEST_ID + 1), "e" * 10_000, "", "e\0", None, 1, [], {}]
    for bad in faulty:
        assert _deliver(client, _event(**{field: bad})) == 400


@pytest.mark.parametrize(
    "created", [-1, 253402300800, 10**30, 1.5, True, "yesterday", "9999-12-31T23:59:59-14:00", None, [], DIGITS]
)
def test_invalid_time_of_an_event_is_recorded_as_null(client: FlaskClient, book: Book, created: object) -> None:
    for kind in ("payment_intent.succeeded", "customer.created"):
        assert _deliver(client, _event(id=kind, type=kind, created=created)) == 200
        assert _recorded(book, kind).stripe_created_at is None


def test_event_that_cannot_be_applied_is_recorded(client: FlaskClient, book: Book) -> None:
    forms: list[Any] = [
        None, {}, {"object": []}, {"object": {}}, {"object": {**INTENT, "status": "settled"}},
        {"object": {**INTENT, "amount": None}}, {"object": {**INTENT, "latest_charge": "c" * 10_000}},
    ]  # fmt: skip
    for number, form in enumerate(forms):
        assert _deliver(client, _event(id=f"evt_{number}", data=form)) == 200
        assert _recorded(book, f"evt_{number}").result == "unreadable"


def test_event_that_the_database_refuses_is_recorded(client: FlaskClient, book: Book) -> None:
    with book.engine.begin() as connection:
        connection.execute(text("ALTER TABLE payments ADD CHECK (stripe_charge_id <> 'ch_refused')"))
    payment = History(book.engine).accept("o", "c")
    owned = {
        "capture_method": "manual",
        "amount": payment.amount,
        "currency": payment.currency,
        "metadata": {"payment_id": str(payment.payment_id)},
    }
    intent = {**INTENT, **owned, "latest_charge": "ch_refused"}
    assert _deliver(client, _event(data={"object": intent})) == 200
    assert _recorded(book, "evt_1").result == "refused"


@settings(
    derandomize=True, deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=TYPES,
    changes=st.dictionaries(st.sampled_from(["id", "object", "type", "created", "data", "related_object"]), VALUES),
    inner=st.dictionaries(st.sampled_from([*INTENT, "last_payment_error"]), VALUES, max_size=3),
    known=st.sampled_from(["our payment", "a foreign one"]),
)
def test_no_signed_body_causes_an_internal_error(
    client: FlaskClient, book: Book, kind: str, changes: dict[str, Any], inner: dict[str, Any], known: str
) -> None:
    mark = uuid4().hex
    payment_id = History(book.engine).accept(mark, mark).payment_id
    metadata = {"payment_id": str(payment_id)} if known == "our payment" else {}
    intent = {**INTENT, "id": f"pi_{mark}", "latest_charge": None, "metadata": metadata, **inner}
    event = _event(**{"type": kind, "id": f"evt_{mark}", "data": {"object": intent}, **changes})
    status = _deliver(client, event)
    if not (_is_known_by(event["id"]) and _is_known_by(event["type"])):
        assert status == 400
        return
    assert status == 200
    _recorded(book, event["id"])
