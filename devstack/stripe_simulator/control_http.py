"""Requests to the control API of a running simulator."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import urllib3

from devstack.stripe_simulator.wire import Json


class ControlError(Exception):
    """The simulator refused a control request."""


class ControlHttp:
    """One simulator, by its address."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = urllib3.PoolManager(retries=False)

    def _data(self, name: str, **query: str | None) -> list[Json]:
        given = urlencode({key: value for key, value in query.items() if value is not None})
        return list(self._ask("GET", f"{name}?{given}")["data"])

    def _ask(self, method: str, name: str, body: Json | None = None) -> Json:
        reply = self._http.request(
            method, f"{self.base_url}/_simulator/{name}", body=json.dumps(body or {}) if method == "POST" else None
        )
        answer: Json = json.loads(reply.data)
        if reply.status != 200:
            raise ControlError(f"{method} {name}: {answer}")
        return answer
