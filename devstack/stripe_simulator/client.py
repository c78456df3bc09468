"""A typed client of the control API, for tests, the demo and chaos runs."""

from __future__ import annotations

from typing import Any, Literal

from devstack.stripe_simulator.control_http import ControlError
from devstack.stripe_simulator.ledger import Effect, LedgerEntry
from devstack.stripe_simulator.outside import DashboardAction, DisputeOutcome, OutsideWorld, RefundStatus
from devstack.stripe_simulator.wire import Json

__all__ = [
    "ControlError",
    "DashboardAction",
    "DisputeOutcome",
    "FaultKind",
    "RefundStatus",
    "SimulatorControl",
]

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


class SimulatorControl(OutsideWorld):
    """The control API of a running simulator. `base_url` is also Stripe's API base."""

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

    def ledger(self, effect: str | None = None, payment_intent: str | None = None) -> list[LedgerEntry]:
        """All effects on money."""
        found = self._data("ledger", effect=effect, payment_intent=payment_intent)
        return [LedgerEntry(**{**entry, "effect": Effect(entry["effect"])}) for entry in found]

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
        """Hold webhooks back."""
        self._ask("POST", "webhooks/hold")

    def release_webhooks(self, shuffle_seed: int | None = None) -> int:
        """Release held webhooks, shuffled if a seed is given. Returns their number."""
        return int(self._ask("POST", "webhooks/release", {"shuffle_seed": shuffle_seed})["released"])

    def deliver_now(self) -> None:
        """Deliver waiting webhooks now, without retry delays and jitter."""
        self._ask("POST", "webhooks/deliver_now")

    def resend(self, event: str, times: int = 1) -> None:
        """Deliver an event again, under its own id."""
        self._ask("POST", "webhooks/resend", {"event": event, "times": times})

    def drain_webhooks(self, timeout: float = 10.0) -> None:
        """Wait until no webhook waits or is in delivery. Raises TimeoutError."""
        if not self._ask("POST", "webhooks/drain", {"timeout": timeout})["drained"]:
            raise TimeoutError("webhooks are still waiting")
