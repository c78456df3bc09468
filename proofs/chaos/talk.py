"""The messages between one saga and the service: it sends copies as planned, and expects one answer."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import urllib3

from devstack.application import StackInfo
from devstack.saga_client import (
    About,
    CommandKey,
    NotHeardError,
    Place,
    Record,
    SagaClient,
    SagaError,
    encoded,
    enveloped,
    until,
)
from devstack.stripe_simulator.client import SimulatorControl
from proofs.chaos.plan import Saga

PATIENCE_SECONDS = 240.0
_PAUSE_SECONDS = 0.25
_LOST_WEBHOOK_SECONDS = 15.0
_LOOKS_FOR_LOST_WEBHOOKS = 8
_HTTP_SECONDS = 10.0
_CURRENCY = "sgd"

T = TypeVar("T")


class SagaFailedError(Exception):
    """The service has broken a promise; the message names it."""


@dataclass(frozen=True)
class Surroundings:
    """The resources that all sagas share."""

    client: SagaClient
    stripe: SimulatorControl
    info: StackInfo
    reconcile: Callable[[str], object]
    """An operator's reconciliation of one payment, for lost webhooks."""
    sent: Counter[str] = field(default_factory=Counter)
    """``commands``, and ``copies`` of them beyond the first."""
    http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(retries=False, timeout=_HTTP_SECONDS, maxsize=32)
    )


class Talk:
    """One saga's messages. Its methods raise SagaFailedError for a wrong or missing answer."""

    def __init__(self, saga: Saga, around: Surroundings) -> None:
        self.saga = saga
        self._around = around
        self._asked = 0

    # commands

    def authorize(self, card: str, correlation_id: str | None = None, **fields: Any) -> CommandKey:
        """Ask for a hold for the saga's order."""
        payload = {
            "customer_id": f"customer-{self.saga.number % 97}",
            "order_id": self.saga.name,
            "payment_method_id": card,
            "amount": self.saga.amount,
            "currency": _CURRENCY,
            "return_url": "https://campus.example/orders",
        }
        return self._ask("authorize_payment", correlation_id or self.saga.name, {**payload, **fields})

    def release(self, payment_id: str, attempt: int = 1) -> CommandKey:
        """Ask for the transfer to a runner, over Kafka or HTTP as planned."""
        runner = {"runner_id": "runner-1", "runner_connect_account_id": f"acct_chaos{self.saga.number % 13}"}
        name = f"{self.saga.name}-release-{attempt}"
        if self.saga.over_http:
            return "release_payment", self._post(payment_id, "release", runner, name)
        return self._ask("release_payment", name, {"payment_id": payment_id, **runner})

    def revert(self, payment_id: str, correlation_id: str | None = None) -> CommandKey:
        """Ask for the return of the money, by default under the authorize's correlation id."""
        return self._ask("revert_payment", correlation_id or self.saga.name, {"payment_id": payment_id})

    def unreadable(self) -> Place:
        """Send a record that is no command; returns its place."""
        self._around.sent["commands"] += 1
        return self._around.client.sender.send(f"not a command, {self.saga.name}".encode()).result(PATIENCE_SECONDS)

    # answers

    def hear(self, asked: CommandKey, expected: str) -> Record:
        """Wait for the outcome event, which must be this one."""
        try:
            record = self._around.client.outcome(*asked, seconds=PATIENCE_SECONDS)
        except SagaError as error:
            raise SagaFailedError(f"{self.saga.name}, {self.saga.kind}: {error}") from None
        if record.summary != f"{asked[0]}: {expected}":
            raise SagaFailedError(f"{self.saga.name}, {self.saga.kind}: not {expected!r}, but {record.body}")
        return record

    def hear_news(self, payment_id: str, expected: str) -> None:
        """Wait for the only news event of this type about the payment; a long wait causes a reconciliation."""
        kind, _, status = expected.partition(" ")
        why = f"{kind} about {payment_id}"
        for _ in range(_LOOKS_FOR_LOST_WEBHOOKS):
            with suppress(NotHeardError):
                self._around.client.heard.wait((payment_id, kind), why, seconds=_LOST_WEBHOOK_SECONDS)
                break
            self._around.reconcile(payment_id)
        record = self._wait((payment_id, kind), why)
        self.must_be(record.payload["status"], status)

    def must_be(self, found: object, wanted: object) -> None:
        """Raises SagaFailedError when the payment's status is another."""
        if found != wanted:
            raise SagaFailedError(f"{self.saga.name}, {self.saga.kind}: not {wanted!r}, but {found!r}")

    def hear_dead_letter(self, place: Place) -> Record:
        """Wait for the dead letter of the record at this place."""
        return self._wait(place, f"the dead letter of {place}")

    def awaited_customer(self) -> dict[str, Any]:
        """Wait until the payment waits for its customer."""

        def waits() -> dict[str, Any] | None:
            reply = self._http("GET", f"/payment/{self.saga.name}/status")
            found: dict[str, Any] | None = reply.json() if reply is not None and reply.status == 200 else None
            return found if found is not None and found["status"] != "INITIATING" else None

        payment = self._until(waits, "the payment to be the customer's")
        if payment["status"] != "REQUIRES_ACTION":
            raise SagaFailedError(f"{self.saga.name}, {self.saga.kind}: not REQUIRES_ACTION, but {payment}")
        return payment

    # what others do

    @property
    def stripe(self) -> SimulatorControl:
        """Control of the Dashboard, banks and time."""
        return self._around.stripe

    def intent(self, payment_id: str) -> str:
        """The payment's PaymentIntent id, from the service."""
        return str(self._until(lambda: self._details(payment_id), "the payment's details")["stripe_payment_intent_id"])

    def charge(self, payment_id: str) -> str:
        """The charge of its hold or capture, from the simulator's ledger."""
        (hold,) = self.stripe.ledger("hold", self.intent(payment_id))
        return str(hold.charge)

    def as_stranger(self, path: str, fields: dict[str, str]) -> None:
        """A request of another program to Stripe, with another API key of the same account; any answer is accepted."""
        with suppress(urllib3.exceptions.HTTPError):
            self._around.http.request_encode_body(
                "POST",
                f"{self.stripe.base_url}/v1/{path}",
                fields={"currency": _CURRENCY, **fields},
                encode_multipart=False,
                headers={"Authorization": "Bearer sk_test_stranger"},
            )

    def _details(self, payment_id: str) -> dict[str, Any] | None:
        reply = self._http("GET", f"/payment/{payment_id}/details")
        return reply.json() if reply is not None and reply.status == 200 else None

    def finish_challenge(self, payment: Mapping[str, Any], *, succeeded: bool) -> None:
        """The customer passes or fails 3-D Secure."""
        self._around.stripe.finish_challenge(payment["stripe_payment_intent_id"], succeeded=succeeded)

    def _ask(self, kind: str, correlation_id: str, payload: dict[str, Any]) -> CommandKey:
        copies = self.saga.copies[self._asked]
        self._asked += 1
        self._count(copies)
        value = encoded(enveloped(kind, correlation_id, payload))
        for landed in [self._around.client.sender.send(value) for _ in range(copies)]:
            landed.result(PATIENCE_SECONDS)
        return kind, correlation_id

    def _post(self, payment_id: str, route: str, body: dict[str, Any], key: str) -> str:
        """Post as a careful caller: with the same key until an answer comes, sometimes with one more copy."""
        copies = self.saga.copies[self._asked]
        self._asked += 1
        self._count(copies)

        def accepted() -> str | None:
            reply = self._http("POST", f"/payment/{payment_id}/{route}", json=body, headers={"Idempotency-Key": key})
            if reply is None or reply.status >= 500:
                return None
            if reply.status != 202:
                raise SagaFailedError(f"{self.saga.name}: {route} answered {reply.status} {reply.data!r}")
            return str(reply.json()["correlation_id"])

        found = {self._until(accepted, f"{route} to be accepted") for _ in range(copies)}
        if len(found) > 1:
            raise SagaFailedError(f"{self.saga.name}: one idempotency key, several correlation ids: {found}")
        return found.pop()

    def _count(self, copies: int) -> None:
        self._around.sent["commands"] += 1
        self._around.sent["copies"] += copies - 1

    def _http(
        self, method: str, path: str, json: object = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse | None:
        """The answer; None when the service is unavailable."""
        info = self._around.info
        given = {"Authorization": f"Bearer {info.api_token}", **(headers or {})}
        try:
            return self._around.http.request(method, info.http_url + path, headers=given, json=json)
        except urllib3.exceptions.HTTPError:
            return None

    def _wait(self, about: About, what: str) -> Record:
        """The first record about this subject. The audit finds repeated ones."""
        try:
            return self._around.client.heard.wait(about, what, seconds=PATIENCE_SECONDS)[0]
        except NotHeardError as error:
            raise SagaFailedError(f"{self.saga.name}, {self.saga.kind}: {error}") from None

    def _until(self, ask: Callable[[], T | None], what: str) -> T:
        try:
            return until(ask, what, PATIENCE_SECONDS, pause=_PAUSE_SECONDS)
        except TimeoutError as error:
            raise SagaFailedError(f"{self.saga.name}, {self.saga.kind}: {error}") from None
