"""An HTTP client by the contract. It checks every reply against docs/openapi.yaml."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3

from tests.support import openapi

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Reply:
    """An answer that docs/openapi.yaml describes."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def error(self) -> tuple[int, str]:
        """Status and code."""
        return self.status, self.body["error"]


class Api:
    """One caller with one token; None is a caller without a token."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url
        self._auth = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = urllib3.PoolManager(retries=False, timeout=_TIMEOUT_SECONDS)

    def get(self, path: str, **names: str) -> Reply:
        """GET a path of the description, its parts filled in."""
        return self._ask("GET", path, names, None, {})

    def post(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None, **names: str) -> Reply:
        """POST JSON; bytes go as they are."""
        given = {"Content-Type": "application/json"} if body is not None else {}
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return self._ask("POST", path, names, raw, {**given, **(headers or {})})

    def status(self, order_id: str) -> Reply:
        return self.get("/payment/{order_id}/status", order_id=order_id)

    def details(self, payment_id: str) -> Reply:
        return self.get("/payment/{payment_id}/details", payment_id=payment_id)

    def history(self, user_id: str) -> Reply:
        return self.get("/history/{user_id}", user_id=user_id)

    def release(self, payment_id: str, body: object, key: str | None = None, **headers: str) -> Reply:
        given = headers if key is None else {"Idempotency-Key": key, **headers}
        return self.post("/payment/{payment_id}/release", body, headers=given, payment_id=payment_id)

    def revert(self, payment_id: str, body: object = None) -> Reply:
        return self.post("/payment/{payment_id}/revert", body, payment_id=payment_id)

    def webhook(self, payload: bytes, signature: str | None) -> Reply:
        headers = {} if signature is None else {"Stripe-Signature": signature}
        return self.post("/stripe-webhook", payload, headers=headers)

    def _ask(
        self, method: str, path: str, names: Mapping[str, str], body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        url = self._url + path.format_map({name: quote(value, safe="") for name, value in names.items()})
        answer = self._http.request(method, url, body=body, headers={**self._auth, **headers})
        openapi.check(method, path, answer.status, answer.headers, answer.data)
        return Reply(answer.status, answer.headers, answer.data)
