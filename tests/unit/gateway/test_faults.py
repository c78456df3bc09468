"""Each of Stripe's errors, and answers that do not come from Stripe."""

import json
import traceback
from typing import Any

import pytest
import stripe
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.gateway.faults import MISCONFIGURED_RETRY_SECONDS
from tests.unit.gateway.fake_stripe import API_KEY, HOLD, INTENT, Answer, FakeStripe, error, gateway

FUZZ = settings(derandomize=True, deadline=None)
FAULTS = (StripeRefusedError, StripeBusyError, StripeUnknownError)


def fault(answer: object) -> Exception:
    with pytest.raises(FAULTS) as caught:
        gateway(FakeStripe(answer)).create_intent(HOLD, "k")
    return caught.value


DECLINED = error(
    402,
    type="card_error",
    code="card_declined",
    decline_code="insufficient_funds",
    message="Your card has insufficient funds.",
    payment_intent={**INTENT, "status": "requires_payment_method"},
)


def test_a_declined_card_is_refused_for_good_and_names_the_intent() -> None:
    refused = fault(DECLINED)
    assert isinstance(refused, StripeRefusedError)
    assert (refused.kind, refused.code, refused.decline_code) == ("card_error", "card_declined", "insufficient_funds")
    assert refused.stripe_code == "insufficient_funds"
    assert refused.intent_id == "pi_1"
    assert refused.message == str(refused) == "Your card has insufficient funds."


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (error(400, type="invalid_request_error", code="amount_too_small", message="m"), "invalid_request_error",
         "amount_too_small"),
        (error(400, type="invalid_request_error", code="resource_missing", param="payment_method", message="m"),
         "invalid_request_error", "resource_missing"),
        (error(403, type="invalid_request_error", code="account_invalid", message="no access to account 'acct_1'"),
         "invalid_request_error", "account_invalid"),
        (error(400, message="no type at all"), "invalid_request_error", None),
    ],
)  # fmt: skip
def test_final_refusal(answer: Answer, kind: str, code: str | None) -> None:
    refused = fault(answer)
    assert isinstance(refused, StripeRefusedError)
    assert (refused.kind, refused.code, refused.intent_id) == (kind, code, None)


@pytest.mark.parametrize(
    ("answer", "retry_after"),
    [
        (error(429, {"Retry-After": "7"}, type="invalid_request_error", code="rate_limit", message="m"), 7.0),
        (error(429, message="m"), None),
        (error(429, {"retry-after": "0.5"}, code="lock_timeout", message="m"), 0.5),
        (error(429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, message="m"), None),
        (error(409, type="idempotency_error", code="idempotency_key_in_use", message="m"), None),
        (error(409, message="conflict"), None),
        (error(400, code="lock_timeout", message="m"), None),
        (error(401, type="invalid_request_error", message="Invalid API Key"), MISCONFIGURED_RETRY_SECONDS),
        (error(403, type="invalid_request_error", message="not allowed"), MISCONFIGURED_RETRY_SECONDS),
        (error(404, code="resource_missing", message="No such payment_intent: 'pi_1'"), MISCONFIGURED_RETRY_SECONDS),
        (error(400, code="testmode_charges_only", message="m"), MISCONFIGURED_RETRY_SECONDS),
        (error(400, code="livemode_mismatch", message="m"), MISCONFIGURED_RETRY_SECONDS),
        (error(401, code="api_key_expired", message="m"), MISCONFIGURED_RETRY_SECONDS),
        (error(400, code="api_key_expired", message="m"), MISCONFIGURED_RETRY_SECONDS),
        (error(400, code="platform_api_key_expired", message="m"), MISCONFIGURED_RETRY_SECONDS),
        (error(400, code="account_closed", message="m"), MISCONFIGURED_RETRY_SECONDS),
    ],
)
def test_passing_fault_is_busy(answer: Answer, retry_after: float | None) -> None:
    busy = fault(answer)
    assert isinstance(busy, StripeBusyError)
    assert busy.retry_after == retry_after


@pytest.mark.parametrize(
    ("answer", "stored"),
    [
        (error(500, type="api_error", message="An unexpected error occurred."), True),
        (error(503, type="api_error", message="m"), True),
        (error(424, type="api_error", message="a bank is down"), True),
        (error(400, type="idempotency_error", message="other parameters"), True),
        (Answer(b"<html>Bad Gateway</html>", 502), False),
        (Answer({"error": None}, 500), False),
        (Answer({"error": ["odd"]}, 500), False),
        (Answer({"error": "odd"}, 400), False),
        (Answer([], 500), False),
        (Answer(b"<html>Blocked</html>", 403), False),
        (Answer(b'{"id": "pi_1", "stat', 200), False),
        (Answer([], 200), False),
        (Answer("pi_1", 200), False),
        (Answer(b"\xff\xfe", 200), False),
        (Answer(b"", 302, {"Location": "https://elsewhere.example"}), False),
        (stripe.APIConnectionError("no answer from Stripe: ReadTimeout"), False),  # type: ignore[no-untyped-call]
    ],
)
def test_any_other_error_is_unknown(answer: object, stored: bool) -> None:
    unknown = fault(answer)
    assert isinstance(unknown, StripeUnknownError)
    assert unknown.stored is stored


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "settled"},
        {"status": None},
        {"amount": "2000"},
        {"amount": True},
        {"amount": 20.0},
        {"id": ""},
        {"currency": 1},
        {"latest_charge": {}},
        {"metadata": "x"},
        {"last_payment_error": "x"},
        {"id": "pi_\0"},
        {"id": "pi_\ud800"},
    ],
    ids=str,
)
def test_unreadable_intent_is_unknown(changed: dict[str, Any]) -> None:
    assert isinstance(fault({**INTENT, **changed}), StripeUnknownError)


@FUZZ
@given(status=st.integers(200, 599), body=st.one_of(st.binary(max_size=40), st.text(max_size=40).map(json.dumps)))
def test_every_answer_raises_only_errors_of_the_port(status: int, body: bytes | str) -> None:
    fault(Answer(body if isinstance(body, bytes) else body.encode(), status))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["type", "code", "decline_code", "message", "payment_intent", "param"])


@FUZZ
@given(status=st.integers(400, 599), body=st.dictionaries(FIELDS, JSON))
def test_every_error_object_raises_only_errors_of_the_port(status: int, body: dict[str, Any]) -> None:
    fault(Answer({"error": body}, status))


@pytest.mark.parametrize(
    "secret",
    [API_KEY, "rk_live_abcDEF123", "sk_test_****6789", "whsec_aBc123", "secret_AbC123", "4242424242424242",
     "4242 4242 4242 4242"],
)  # fmt: skip
@pytest.mark.parametrize("status", [400, 401, 402, 403, 429, 500])
def test_no_message_carries_a_secret(secret: str, status: int) -> None:
    whole = f"pi_1_{secret}" if secret.startswith("secret_") else secret
    raised = fault(error(status, message=f"No such thing: '{whole}'; pi_1 of 20000000 stays"))
    assert secret not in str(raised)
    assert "[redacted]" in str(raised)
    assert "pi_1 of 20000000 stays" in str(raised)


def test_no_traceback_quotes_the_answer() -> None:
    whole = json.dumps(INTENT).encode()
    for answer in (Answer(whole[:-1]), Answer(whole, 500), Answer(b"[" + whole + b"]", 404)):
        said = "".join(traceback.format_exception(fault(answer)))
        assert INTENT["client_secret"] not in said
        assert "StripeUnknownError" in said


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with structlog.testing.capture_logs() as lines:
        gateway(FakeStripe(INTENT)).create_intent(HOLD, "k")
        fault(error(401, message=f"Invalid API Key provided: {API_KEY}"))
    said = caplog.text + json.dumps(lines)
    assert not [secret for secret in (API_KEY, INTENT["client_secret"], HOLD.payment_method_id) if secret in said]


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (error(401, message="m"), "error"),
        (error(403, message="m"), "error"),
        (error(400, type="idempotency_error", message="m"), "error"),
        (error(429, message="m"), "warning"),
    ],
)
def test_refused_key_is_logged_for_operators(answer: Answer, level: str) -> None:
    with structlog.testing.capture_logs() as lines:
        fault(answer)
    assert [line["log_level"] for line in lines] == [level]


def test_locked_object_does_not_lower_the_pace() -> None:
    locked = gateway(FakeStripe(error(429, code="lock_timeout", message="m")))
    with pytest.raises(StripeBusyError), structlog.testing.capture_logs() as lines:
        locked.retrieve_intent("pi_1")
    assert [(line["result"], "requests_per_second" in line) for line in lines] == [("busy", False)]
