"""A transport that answers from a list and records the requests."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe
from pydantic import SecretStr

from service.domain.ports import PaymentGateway
from service.domain.stripe_objects import Intent, IntentRequest, TransferRequest
from service.gateway.pace import Pace
from service.gateway.stripe_gateway import StripeGateway
from service.settings import StripeSettings

API_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"

HOLD = IntentRequest(
    payment_id="7d9f0c5e-0d6b-4f0e-9d0a-0a5b6c7d8e9f",
    order_id="o-1",
    customer_id="user_1",
    amount=2000,
    currency="sgd",
    payment_method_id="pm_1",
    stripe_customer_id="cus_1",
    description="Lunch",
    return_url=None,
)
PAYOUT = TransferRequest(
    payment_id=HOLD.payment_id, order_id="o-1", amount=2000, currency="sgd", destination="acct_1", charge_id="ch_1"
)

INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "status": "requires_capture",
    "amount": 2000,
    "amount_received": 0,
    "currency": "sgd",
    "capture_method": "manual",
    "client_secret": "pi_1_secret_AbC123",
    "latest_charge": "ch_1",
    "metadata": {"payment_id": HOLD.payment_id, "order_id": "o-1"},
    "next_action": None,
    "last_payment_error": None,
}
CHARGE: dict[str, Any] = {
    "id": "ch_1",
    "object": "charge",
    "amount": 2000,
    "amount_captured": 2000,
    "amount_refunded": 0,
    "currency": "sgd",
    "created": 1767312000,
    "disputed": False,
    "payment_intent": "pi_1",
    "balance_transaction": {"amount": 2000, "currency": "sgd", "created": 1767312060},
    "metadata": {},
}
DISPUTE: dict[str, Any] = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 2000,
    "currency": "sgd",
    "status": "needs_response",
    "reason": "fraudulent",
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "balance_transactions": [{"amount": -2000}],
    "evidence_details": {"due_by": 1767312000},
    "created": 1767312000,
}
TRANSFER: dict[str, Any] = {
    "id": "tr_1",
    "object": "transfer",
    "amount": 2000,
    "currency": "sgd",
    "destination": "acct_1",
    "metadata": {"payment_id": HOLD.payment_id, "order_id": "o-1"},
    "source_transaction": "ch_1",
    "reversed": False,
    "reversals": {"object": "list", "data": [], "has_more": False},
}
REVERSAL: dict[str, Any] = {
    "id": "trr_1",
    "object": "transfer_reversal",
    "amount": 2000,
    "currency": "sgd",
    "metadata": {"payment_id": HOLD.payment_id},
}
REFUND: dict[str, Any] = {
    "id": "re_1",
    "object": "refund",
    "amount": 2000,
    "currency": "sgd",
    "status": "succeeded",
    "reason": "requested_by_customer",
    "failure_reason": None,
    "metadata": {"payment_id": HOLD.payment_id},
}

SINCE = datetime(2026, 1, 2, tzinfo=UTC)


def any_intent(_intent: Intent) -> bool:
    """A look for an intent that accepts any intent with the payment's id."""
    return True


EVERY_CALL: dict[str, Callable[[PaymentGateway], Any]] = {
    "create_intent": lambda g: g.create_intent(HOLD, "k"),
    "retrieve_intent": lambda g: g.retrieve_intent("pi_1"),
    "find_intent": lambda g: g.find_intent("p", None, SINCE, any_intent),
    "capture": lambda g: g.capture("pi_1", "k"),
    "cancel": lambda g: g.cancel("pi_1", "k", ""),
    "transfer": lambda g: g.transfer(PAYOUT, "k"),
    "find_transfer": lambda g: g.find_transfer(PAYOUT),
    "reverse_transfer": lambda g: g.reverse_transfer("tr_1", "k", "p"),
    "find_reversal": lambda g: g.find_reversal("tr_1"),
    "refund": lambda g: g.refund("pi_1", "k", "", "p"),
    "find_refund": lambda g: g.find_refund("pi_1"),
    "is_disputed": lambda g: g.is_disputed("ch_1"),
    "look_at": lambda g: g.look_at("pi_1"),
    "next_action": lambda g: g.next_action("pi_1"),
}


@dataclass(frozen=True)
class Asked:
    """One request, as Stripe would receive it."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    body: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class FakeStripe(stripe.HTTPClient):
    """Answers in order; the last answer is repeated. An exception in the list is raised."""

    name = "fake"

    def __init__(self, *answers: object) -> None:
        super().__init__()
        self._answers = list(answers) or [{}]
        self.asked: list[Asked] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        target = urlsplit(url)
        form = dict(parse_qsl(target.query if post_data is None else post_data, strict_parsing=False))
        self.asked.append(Asked(method, target.path, form, dict(headers or {})))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        whole = answer if isinstance(answer, Answer) else Answer(answer)
        body = whole.body if isinstance(whole.body, bytes) else json.dumps(whole.body).encode()
        return body, whole.status, whole.headers


def settings(**given: Any) -> StripeSettings:
    return StripeSettings(
        database_url=SecretStr("postgresql://localhost/none"), stripe_secret_key=SecretStr(API_KEY), **given
    )


def nothing() -> None:
    """A guard that allows every call."""


def gateway(stripe_side: FakeStripe, pace: Pace | None = None) -> StripeGateway:
    return StripeGateway(settings(), nothing, http_client=stripe_side, pace=pace)


def page(*items: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(items), "has_more": more}


def error(status: int, headers: dict[str, str] | None = None, **fields: object) -> Answer:
    return Answer({"error": fields}, status, headers or {})
