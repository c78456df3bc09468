"""Actions of others for tests: people in the Dashboard, banks, customers, connected accounts, other programs."""

from __future__ import annotations

from typing import Any, Literal

from devstack.stripe_simulator.control_http import ControlHttp
from devstack.stripe_simulator.wire import Json

DashboardAction = Literal["capture", "cancel", "refund", "reverse_transfer"]
DisputeOutcome = Literal["won", "lost", "withdrawn", "warning_closed", "escalated"]
RefundStatus = Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
ReviewReason = Literal["rule", "manual"]
ReviewEnd = Literal["approved", "refunded", "refunded_as_fraud", "disputed", "redacted", "canceled", "acknowledged"]


class OutsideWorld(ControlHttp):
    """All actions that happen without an API request of the service."""

    def dashboard(self, action: DashboardAction, payment_intent: str, **params: Any) -> Json:
        """Act as a person in the Dashboard."""
        return self._ask("POST", "dashboard", {"action": action, "payment_intent": payment_intent, **params})

    def finish_challenge(self, payment_intent: str, *, succeeded: bool = True) -> Json:
        """Complete or fail the intent's 3-D Secure challenge. Returns the intent."""
        return self._ask("POST", "challenge", {"payment_intent": payment_intent, "succeeded": succeeded})

    def register_account(self, id_: str, *, transfers: bool = True) -> None:
        """Make a connected account exist, able to receive transfers or not."""
        self._ask("POST", "accounts", {"id": id_, "transfers": transfers})

    def pay_out(self, account: str) -> None:
        """Empty a connected account, so that reversals find no funds."""
        self._ask("POST", "accounts/payout", {"id": account})

    def change_account(self, id_: str, **changes: bool | str) -> None:
        """Restrict (transfers=False), close to the platform (revoked=True) or change the currency; sends webhooks."""
        self._ask("POST", "accounts/change", {"id_": id_, **changes})

    def settle_refunds(self) -> None:
        """End pending and failing refunds."""
        self._ask("POST", "refunds/settle")

    def plan_refund(self, first: RefundStatus, last: RefundStatus | None = None) -> None:
        """The next refund has the status ``first``, and ``last`` when refunds settle."""
        self._ask("POST", "refunds/next", {"first": first, "last": last})

    def finish_refund(self, refund: str, status: RefundStatus) -> Json:
        """End one refund, or let a succeeded refund fail."""
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

    def open_review(self, charge: str, *, reason: ReviewReason = "rule") -> Json:
        """Radar, or a person, opens a review of the charge."""
        return self._ask("POST", "reviews", {"charge_id": charge, "reason": reason})

    def close_review(self, review: str, *, reason: ReviewEnd = "approved") -> Json:
        """A person decides a review; its refund is a separate call."""
        return self._ask("POST", "reviews/close", {"id_": review, "reason": reason})

    def webhook_endpoints(self, endpoints: list[Json]) -> list[Json]:
        """Set the list of `GET /v1/webhook_endpoints`, oldest first; each endpoint has a url, and may have
        enabled_events, api_version, status, livemode, description, id. The receivers of events do not change."""
        return list(self._ask("POST", "webhook_endpoints", {"endpoints": endpoints})["data"])

    def send_event(self, type_: str, subject: Json, **envelope: Any) -> Json:
        """Send any event, as other programs, connected accounts, modes and API versions cause at the same endpoint."""
        return self._ask("POST", "events", {"type": type_, "object": subject, **envelope})
