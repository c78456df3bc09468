"""Reads a payment over HTTP, as a caller does."""

from typing import Any

import urllib3

from devstack.application import StackInfo
from devstack.saga_client import SagaError, until

_ANSWER_SECONDS = 10.0


class PaymentPages:
    """``GET /payment/<order_id>/status``."""

    def __init__(self, info: StackInfo) -> None:
        self._info = info
        self._http = urllib3.PoolManager(retries=False, timeout=_ANSWER_SECONDS)

    def payment(self, order_id: str) -> dict[str, Any] | None:
        """The order's payment; None for an unknown order. Raises SagaError for any other answer."""
        url = f"{self._info.http_url}/payment/{order_id}/status"
        reply = self._http.request("GET", url, headers={"Authorization": f"Bearer {self._info.api_token}"})
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise SagaError(f"GET {url} answered {reply.status}: {reply.data.decode(errors='replace')}")
        found: dict[str, Any] = reply.json()
        return found

    def payment_in(self, status: str, order_id: str) -> dict[str, Any]:
        """Wait until the order's payment has this status. Raises SagaError, TimeoutError."""

        def there() -> dict[str, Any] | None:
            found = self.payment(order_id)
            return found if found is not None and found["status"] == status else None

        return until(there, f"the payment of {order_id} is {status}")

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()
