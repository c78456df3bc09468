"""A saga's trace, as an OpenTelemetry collector receives it from the three processes."""

import secrets
from collections.abc import Iterator

import pytest

from devstack.kafka import Kafka
from devstack.postgres import Postgres
from devstack.saga_client import until
from devstack.topics import unique_topics
from tests.support.acceptance import CHALLENGED, World, authorization, fresh
from tests.support.collector import Collector, Seen, collecting

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

APPLY = "apply payment_intent.amount_capturable_updated"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(postgres_server: Postgres, migrated_template: str, kafka: Kafka, collector: Collector) -> Iterator[World]:
    name = f"traced_{secrets.token_hex(6)}"
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100", "WORKERS": "1"}
    url = postgres_server.databases.create(name, template=migrated_template)
    world = World(url, kafka, unique_topics(), settings)
    try:
        yield world.start()
    finally:
        world.close()
        postgres_server.databases.drop(name)


def _trace(collector: Collector, trace_id: str, *last: str) -> dict[str, Seen]:
    """The spans of a trace by name, once the given names have arrived."""

    def whole() -> dict[str, Seen] | None:
        found = {span.name: span for span in collector.spans(trace_id)}
        return found if found.keys() >= set(last) else None

    return until(whole, f"spans {last} of {trace_id}")


def _linked(collector: Collector, span: Seen) -> list[Seen]:
    """The spans that this span links to, once they have arrived. They may end and be sent later."""
    found: list[Seen] = until(
        lambda: [each for each in collector.spans() if each.span_id in span.links], f"links of {span.name}"
    )
    return found


def _new_trace() -> tuple[str, str]:
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, f"00-{trace_id}-{span_id}-01"


def test_one_authorize_with_a_challenge_is_one_trace(traced: World, collector: Collector) -> None:
    trace_id, traceparent = _new_trace()
    traced.stripe.webhooks(duplicates=0, jitter=0.0)
    headers = {"traceparent": traceparent.encode()}
    sent = traced.send("authorize_payment", authorization(CHALLENGED), correlation_id=fresh("traced"), headers=headers)
    payment = traced.payment_in("REQUIRES_ACTION", sent.payload["order_id"])
    traced.stripe.finish_challenge(payment["stripe_payment_intent_id"])
    event = traced.outcome(sent)

    process, create, send = (
        f"{word} {topic}"
        for word, topic in (
            ("process", traced.topics.commands),
            ("create", traced.topics.events),
            ("send", traced.topics.events),
        )
    )
    spans = _trace(collector, trace_id, process, APPLY, send)
    spans.pop("apply payment_intent.requires_action", None)  # it may arrive before or after the answer that it repeats
    names = {span.span_id: name for name, span in spans.items()}
    parents = {name: names.get(span.parent, span.parent) for name, span in spans.items()}
    assert parents == {
        process: traceparent.split("-")[2],
        "accept": process,
        "run authorize_payment": process,
        "act create_intent": "run authorize_payment",
        "POST /v1/payment_intents": "act create_intent",
        "record": "run authorize_payment",
        APPLY: process,
        create: APPLY,
        send: create,
    }
    assert event.headers["traceparent"] == f"00-{trace_id}-{spans[create].span_id}-01"
    assert {name: span.service for name, span in spans.items() if span.kind != "INTERNAL"} == {
        process: "payment-consumer",
        "accept": "payment-consumer",
        "POST /v1/payment_intents": "payment-consumer",
        "record": "payment-consumer",
        APPLY: "payment-service",
        create: "payment-service",
        send: "payment-relay",
    }
    (webhook,) = _linked(collector, spans[APPLY])
    assert (webhook.name, webhook.kind, webhook.parent) == ("POST /stripe-webhook", "SERVER", "")
    assert spans[APPLY].span_id in webhook.links
    (batch,) = _linked(collector, spans[send])
    assert (batch.name, batch.service) == ("send batch", "payment-relay")
    assert spans[create].span_id in batch.links
    assert spans["POST /v1/payment_intents"].attributes["stripe.request_id"].startswith("req_")


def test_a_command_from_http_continues_its_callers_trace(traced: World, collector: Collector) -> None:
    held = traced.held()
    trace_id, traceparent = _new_trace()
    body = {"runner_id": "r", "runner_connect_account_id": "acct_runner"}
    reply = traced.api.release(held.payment_id, body, traceparent=traceparent)
    event = traced.outcome_of("release_payment", reply.body["correlation_id"])
    route, create, send, process = (
        "POST /payment/<payment_id>/release",
        f"create {traced.topics.commands}",
        f"send {traced.topics.commands}",
        f"process {traced.topics.commands}",
    )
    spans = _trace(collector, trace_id, route, send, process, f"send {traced.topics.events}")
    assert spans[route].parent == traceparent.split("-")[2]
    assert spans[create].parent == spans[route].span_id
    assert spans[send].parent == spans[process].parent == spans[create].span_id
    assert event.headers["traceparent"].split("-")[1] == trace_id


def test_postponed_command_stays_in_its_trace(traced: World, collector: Collector) -> None:
    traced.stripe.fault("drop_before", "payment_intents.create", times=1)
    event = traced.held()
    trace_id = event.headers["traceparent"].split("-")[1]

    def both() -> list[Seen]:
        found = [span for span in collector.spans(trace_id) if span.name == "POST /v1/payment_intents"]
        return found if len(found) == 2 else []

    calls = until(both, "the call and its repetition")
    assert [span.failed for span in calls] == [True, False]
    (line,) = [line for line in traced.logs().splitlines() if "command_put_off" in line and event.payment_id in line]
    assert trace_id in line


def test_no_span_has_a_secret(traced: World, collector: Collector) -> None:
    traced.held()
    secrets_given = [traced.info.api_token, traced.info.stripe_webhook_secret, "_secret_", "sk_test_", "pm_card"]
    assert [secret for secret in secrets_given if secret.encode() in collector.received] == []
    assert collector.received
