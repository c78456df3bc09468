"""Requests to the control API of a running simulator."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

import urllib3

from devstack.stripe_simulator.wire import Json


class ControlError(Exception):
    """The simulator refused what was asked of it."""


class ControlHttp:
    """One simulator, by its address."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = urllib3.PoolManager(retries=False)

    def wait_ready(self, timeout: float = 10.0) -> None:
        """Wait until it answers. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._ask("GET", "health")
            except urllib3.exceptions.HTTPError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"no simulator at {self.base_url}") from None
                time.sleep(0.02)
            else:
                return

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
