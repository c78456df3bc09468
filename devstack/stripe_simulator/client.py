"""A typed client of the control API, for tests, the demo and storms."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import urllib3

from devstack.stripe_simulator.wire import Json

DashboardAction = Literal["capture", "cancel", "refund", "reverse_transfer"]
DisputeOutcome = Literal["won", "lost", "withdrawn", "warning_closed", "escalated"]
RefundStatus = Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
FaultKind = Literal[
    "drop_before",
    "drop_after",
    "error_before",
    "error_after",
    "refuse",
    "rate_limit",
    "lock_timeout",
    "conflict",
    "latency_before",
    "latency_after",
]


class ControlError(Exception):
    """The simulator refused what was asked of it."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One entry of the ledger; see `devstack.stripe_simulator.ledger.Entry`."""

    effect: str
    id: str
    amount: int
    currency: str
    payment_intent: str | None
    charge: str | None
    destination: str | None
    metadata: dict[str, str]
    by: str
    idempotency_key: str | None
    at: int


class SimulatorControl:
    """What tests may ask of a running simulator. `base_url` is also Stripe's API base."""

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

    def reset(self) -> None:
        """Forget every object, key, fault, setting and delivery; the webhook endpoints stay."""
        self._ask("POST", "reset")

    def traffic(self, **settings: float | bool | None) -> None:
        """Set latency_before, latency_after (seconds), rate_limit (a second, None: none), object_locks."""
        self._ask("POST", "config", {"traffic": settings})

    def options(self, **settings: float | bool | str | None) -> None:
        """Set search_lag (seconds), registered_accounts_only, settlement_delay (seconds), settlement_currency,
        exchange_rate, refunds_wait_for_balance, captures_process, dispute_fee (minor units)."""
        self._ask("POST", "config", {"options": settings})

    def webhooks(self, **settings: float | None) -> None:
        """Set duplicates, jitter, drop_rate, retry_base, retry_cap, max_attempts, seed."""
        self._ask("POST", "config", {"webhooks": settings})

    def set_endpoint(self, url: str, secret: str, events: tuple[str, ...] = ("*",)) -> None:
        """Deliver webhooks to this endpoint only."""
        self._ask("POST", "endpoints", {"endpoints": [{"url": url, "secret": secret, "events": events}]})

    def fault(self, kind: FaultKind, operation: str = "*", **rule: Any) -> int:
        """Add a fault rule: skip, times (None: for ever), metadata, probability, seconds, retry_after, and for
        `refuse` status, code, type, message. Returns its id."""
        return int(self._ask("POST", "faults", {"kind": kind, "operation": operation, **rule})["id"])

    def faults(self) -> list[Json]:
        """The rules, with `seen` and `hits`."""
        return self._data("faults")

    def clear_faults(self) -> None:
        """Drop every rule."""
        self._ask("DELETE", "faults")

    def now(self) -> float:
        """The simulator's clock, seconds since the epoch."""
        return float(self._ask("GET", "clock")["now"])

    def advance(self, seconds: float) -> None:
        """Move the clock forward: holds expire, pending refunds end, idempotency keys age."""
        self._ask("POST", "clock", {"advance": seconds})

    def ledger(self, effect: str | None = None, payment_intent: str | None = None) -> list[Effect]:
        """What really happened to money."""
        return [Effect(**entry) for entry in self._data("ledger", effect=effect, payment_intent=payment_intent)]

    def request_counts(self) -> dict[str, int]:
        """Requests by operation, replays and refusals included."""
        return dict(self._ask("GET", "requests")["counts"])

    def requests(self, operation: str | None = None) -> list[Json]:
        """The last requests: operation, path, idempotency_key, status, replayed, dropped, faults, at."""
        return self._data("requests", operation=operation)

    def webhook_status(self) -> Json:
        """waiting, under_way, held, holding, delivered, failed_attempts, dropped, given_up."""
        return self._ask("GET", "webhooks")

    def hold_webhooks(self) -> None:
        """Keep webhooks back."""
        self._ask("POST", "webhooks/hold")

    def release_webhooks(self, shuffle_seed: int | None = None) -> int:
        """Let held webhooks go, shuffled if a seed is given. Returns how many."""
        return int(self._ask("POST", "webhooks/release", {"shuffle_seed": shuffle_seed})["released"])

    def deliver_now(self) -> None:
        """Do not wait for retries and jitter."""
        self._ask("POST", "webhooks/deliver_now")

    def resend(self, event: str, times: int = 1) -> None:
        """Deliver an event again, under its own id."""
        self._ask("POST", "webhooks/resend", {"event": event, "times": times})

    def drain_webhooks(self, timeout: float = 10.0) -> None:
        """Wait until nothing waits or is under way. Raises TimeoutError."""
        if not self._ask("POST", "webhooks/drain", {"timeout": timeout})["drained"]:
            raise TimeoutError("webhooks are still waiting")

    def dashboard(self, action: DashboardAction, payment_intent: str, **params: Any) -> Json:
        """Do it as a person in the Dashboard would."""
        return self._ask("POST", "dashboard", {"action": action, "payment_intent": payment_intent, **params})

    def finish_challenge(self, payment_intent: str, *, succeeded: bool = True) -> Json:
        """Complete or fail the intent's 3-D Secure challenge. Returns the intent."""
        return self._ask("POST", "challenge", {"payment_intent": payment_intent, "succeeded": succeeded})

    def register_account(self, id_: str, *, transfers: bool = True) -> None:
        """Make a connected account exist, able to receive transfers or not."""
        self._ask("POST", "accounts", {"id": id_, "transfers": transfers})

    def pay_out(self, account: str) -> None:
        """Empty a connected account: reversals then find no funds."""
        self._ask("POST", "accounts/payout", {"id": account})

    def change_account(self, id_: str, **changes: bool | str) -> None:
        """Restrict (transfers=False), close to us (revoked=True) or pay in another currency; tells the webhooks."""
        self._ask("POST", "accounts/change", {"id_": id_, **changes})

    def settle_refunds(self) -> None:
        """Bring pending and failing refunds to their end."""
        self._ask("POST", "refunds/settle")

    def plan_refund(self, first: RefundStatus, last: RefundStatus | None = None) -> None:
        """The next refund is answered with ``first``, and comes to ``last`` when refunds settle."""
        self._ask("POST", "refunds/next", {"first": first, "last": last})

    def finish_refund(self, refund: str, status: RefundStatus) -> Json:
        """Bring one refund to its end, or let one that succeeded fail after all."""
        return self._ask("POST", "refunds/finish", {"id_": refund, "status": status})

    def finish_capture(self, payment_intent: str, *, succeeded: bool = True) -> Json:
        """The bank decides a capture that is `processing` (option captures_process)."""
        return self._ask("POST", "captures/finish", {"payment_intent": payment_intent, "succeeded": succeeded})

    def dispute(
        self, charge: str, *, reason: str = "fraudulent", amount: int | None = None, inquiry: bool = False
    ) -> Json:
        """The customer's bank disputes a charge, or inquires about it."""
        given = {"charge_id": charge, "reason": reason, "amount": amount, "inquiry": inquiry}
        return self._ask("POST", "disputes", given)

    def end_dispute(self, dispute: str, outcome: DisputeOutcome) -> Json:
        """The bank decides."""
        return self._ask("POST", "disputes/end", {"id_": dispute, "outcome": outcome})

    def warn_of_fraud(self, charge: str) -> Json:
        """The issuer reports fraud."""
        return self._ask("POST", "fraud_warnings", {"charge_id": charge})

    def send_event(self, type_: str, subject: Json, **envelope: Any) -> Json:
        """Any event, as other programs, connected accounts, modes and API versions send it to the same endpoint."""
        return self._ask("POST", "events", {"type": type_, "object": subject, **envelope})

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
