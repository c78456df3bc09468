"""The HTTP routes. The client checks every reply against docs/openapi.yaml."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.acceptance import World, authorization, fresh
from tests.support.acceptance_http import Api

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

RUNNER = {"runner_id": "runner-1", "runner_connect_account_id": "acct_runner"}
UNKNOWN = "6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f"


@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_api_callers_need_a_token(world: World, token: str | None) -> None:
    stranger = Api(world.info.http_url, token)
    for reply in (
        stranger.status("order"),
        stranger.details(UNKNOWN),
        stranger.history("user"),
        stranger.release(UNKNOWN, RUNNER),
        stranger.revert(UNKNOWN),
    ):
        assert reply.error == (401, "UNAUTHORIZED")
        assert "Bearer" in reply.headers["WWW-Authenticate"]


def test_probes_and_metrics_need_no_token(world: World) -> None:
    stranger = Api(world.info.http_url, None)
    assert stranger.get("/health").body == {"status": "healthy"}
    assert stranger.get("/ready").status == 200
    assert b"# TYPE" in stranger.get("/metrics").raw


@pytest.mark.parametrize("payment_id", [UNKNOWN, "not-an-id", "0", "%00", "../../etc/passwd"])
def test_unknown_payment_answers_404_on_every_route(world: World, payment_id: str) -> None:
    for reply in (
        world.api.status(payment_id),
        world.api.details(payment_id),
        world.api.release(payment_id, RUNNER),
        world.api.revert(payment_id),
    ):
        assert reply.error == (404, "PAYMENT_NOT_FOUND")


def test_status_body_contains_the_payment_twice(world: World) -> None:
    released = world.released()
    body = world.api.details(released.payment_id).body
    inside = body["payment"]
    assert body["success"] is True
    assert inside["paymentId"] == body["payment_id"] == released.payment_id
    assert inside["stripePaymentIntentId"] == body["stripe_payment_intent_id"]
    assert inside["createdAt"] == body["created_at"]
    assert world.api.status(released.payload["order_id"]).body == body


def test_history_counts_spent_and_earned_amounts(world: World) -> None:
    user, runner = fresh("user"), fresh("runner")
    nothing = {"totalSpent": 0, "totalEarned": 0, "spentCount": 0, "earnedCount": 0}
    assert world.api.history(user).body == {"userId": user, **nothing, "byCurrency": {}}
    world.held(customer_id=user, amount=1000)
    paid = world.held(customer_id=user, amount=300)
    world.outcome(world.release(paid.payment_id, runner_id=runner))
    world.held(customer_id=user, amount=700, currency="usd")
    reverted = world.held(customer_id=user, amount=5000)
    world.outcome(world.revert(reverted.payment_id))
    spent = {"totalSpent": 1300, "totalEarned": 0, "spentCount": 2, "earnedCount": 0}
    assert world.api.history(user).body == {
        "userId": user,
        **spent,
        "spentCount": 3,
        "byCurrency": {
            "sgd": spent,
            "usd": {"totalSpent": 700, "totalEarned": 0, "spentCount": 1, "earnedCount": 0},
        },
    }
    assert world.api.history(runner).body["totalEarned"] == 300


def test_repeated_idempotency_key_queues_one_command(world: World) -> None:
    held = world.held()
    key = fresh("key")
    with ThreadPoolExecutor(8) as callers:
        replies = list(callers.map(lambda _: world.api.release(held.payment_id, RUNNER, key), range(8)))
    assert {reply.status for reply in replies} == {202}
    (correlation_id,) = {reply.body["correlation_id"] for reply in replies}
    world.outcome_of("release_payment", correlation_id)
    other = world.api.release(held.payment_id, {**RUNNER, "runner_id": "runner-2"}, key)
    assert other.error == (409, "IDEMPOTENCY_KEY_REUSED")
    without = world.api.release(held.payment_id, RUNNER).body["correlation_id"]
    assert without != correlation_id
    world.outcome_of("release_payment", without)
    # Two topics: a reader may get the outcome event before the command that it answers.
    of_payment = lambda r: r.topic == world.topics.commands and r.key == held.payment_id  # noqa: E731
    commands = world.heard.wait(of_payment, "the two commands", count=2)
    assert [command.correlation_id for command in commands] == [correlation_id, without]


def test_command_in_any_status_answers_202_and_has_an_outcome_event(world: World) -> None:
    held = world.held()
    world.outcome(world.revert(held.payment_id))
    reply = world.api.release(held.payment_id, RUNNER)
    assert (reply.status, reply.body["success"]) == (202, True)
    event = world.outcome_of("release_payment", reply.body["correlation_id"])
    assert event.error == "INVALID_STATE"


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"{", "application/json", (400, "MALFORMED_JSON")),
        (b"[]", "application/json", (400, "INVALID_PAYLOAD")),
        (b"{}", "application/json", (400, "INVALID_PAYLOAD")),
        (b"runner_id=r", "application/x-www-form-urlencoded", (415, "UNSUPPORTED_MEDIA_TYPE")),
        (b'{"runner_id": "' + b"x" * 1024 * 1024 + b'"}', "application/json", (413, "PAYLOAD_TOO_LARGE")),
    ],
    ids=["no JSON", "no object", "nothing in it", "a form", "over 1 MiB"],
)
def test_invalid_body_has_its_error_code(world: World, body: bytes, content_type: str, error: tuple[int, str]) -> None:
    held = world.held(**authorization())
    reply = world.api.post(
        "/payment/{payment_id}/release", body, headers={"Content-Type": content_type}, payment_id=held.payment_id
    )
    assert reply.error == error
    assert world.api.details(held.payment_id).body["status"] == "AUTHORIZED"
