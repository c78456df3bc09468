"""Disputes: a bank takes a charge back, or inquires about it ("How disputes work", "Dispute statuses").

A dispute withdraws the disputed amount and a fee from the platform's balance; an inquiry withdraws nothing. A won
dispute returns the amount. No dispute changes the runner's transfer.
"""

from __future__ import annotations

from devstack.stripe_simulator.balance_transactions import Kind, Money, add, converted, settlement_of
from devstack.stripe_simulator.cards import Complaint
from devstack.stripe_simulator.clock import DAY
from devstack.stripe_simulator.errors import RefusedError
from devstack.stripe_simulator.ledger import Effect
from devstack.stripe_simulator.metadata import merge
from devstack.stripe_simulator.state import Actor, Call, State, found
from devstack.stripe_simulator.wire import Json

_DAYS_TO_ANSWER = 9
_CLOSED = frozenset({"lost", "won", "warning_closed", "prevented"})
_ENDS = {"won": "won", "lost": "lost", "withdrawn": "won", "warning_closed": "warning_closed"}
"""End of a dispute → status that Stripe shows; a withdrawn dispute has the status won ("Withdrawals")."""
_VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}
"""`uncategorized_text` in test mode → end of the dispute ("Testing: disputes: evidence")."""


def begin_planned(state: State) -> None:
    """Open the disputes that the test cards of captured charges imply ("Testing: disputes")."""
    while state.complaints:
        charge_id, complaint = state.complaints.popleft()
        if complaint is Complaint.FRAUD_WARNING:
            warn(state, charge_id)
        else:
            open_(state, charge_id, reason=complaint.reason, inquiry=complaint is Complaint.INQUIRY)


def open_(
    state: State, charge_id: str, *, reason: str = "fraudulent", amount: int | None = None, inquiry: bool = False
) -> Json:
    """The bank of the card disputes a captured charge, or inquires about it."""
    state.actor = Actor("bank")
    charge = found(state.charges, charge_id, "charge", "charge")
    if not charge["captured"]:
        raise RefusedError(f"Charge {charge_id} was not captured: there is nothing to dispute.")
    prefix = "warning_" if inquiry else ""
    dispute: Json = {
        "id": state.new_id("du_1"),
        "object": "dispute",
        "amount": charge["amount_captured"] if amount is None else amount,
        "balance_transactions": [],
        "charge": charge_id,
        "created": state.clock.stamp(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": int(state.clock.stamp() + _DAYS_TO_ANSWER * DAY),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"card": {"brand": "visa", "case_type": "chargeback"}, "type": "card"},
        "reason": reason,
        "status": f"{prefix}needs_response",
    }
    state.disputes[dispute["id"]] = dispute
    charge["disputed"] = True
    if not inquiry:
        _withdraw(state, dispute)
    state.emit("charge.dispute.created", dispute)
    if not inquiry:
        state.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def end(state: State, id_: str, outcome: str) -> Json:
    """The bank's decision: `won`, `lost`, `withdrawn`, `warning_closed`; `escalated` makes an inquiry a dispute."""
    state.actor = Actor("bank")
    dispute = found(state.disputes, id_, "dispute", "dispute")
    if dispute["status"] in _CLOSED:
        raise RefusedError(f"Dispute {id_} is already closed.")
    inquiry = dispute["status"].startswith("warning_")
    if inquiry is not (outcome in {"warning_closed", "escalated"}):
        raise RefusedError(f"{dispute['status']} does not become {outcome}.")
    if outcome == "escalated":
        return _escalate(state, dispute)
    dispute["status"] = _ENDS[outcome]
    if dispute["status"] == "won":
        dispute["is_charge_refundable"] = True
        _reinstate(state, dispute)
    if outcome == "warning_closed":
        state.charges[dispute["charge"]]["disputed"] = False
    state.emit("charge.dispute.closed", dispute)
    return dispute


def update(state: State, call: Call) -> Json:
    """POST /v1/disputes/:dispute; evidence of test mode decides the dispute at once."""
    dispute = retrieve(state, call)
    dispute["metadata"] = merge(dispute["metadata"], call.params.get("metadata"))
    dispute["evidence"] |= call.params.get("evidence", {})
    dispute["evidence_details"]["has_evidence"] = bool(dispute["evidence"])
    verdict = _VERDICTS.get(dispute["evidence"].get("uncategorized_text", ""))
    if call.params.get("submit", True):
        dispute["evidence_details"]["submission_count"] += 1
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
        state.emit("charge.dispute.updated", dispute)
        if verdict is not None:
            end(state, dispute["id"], verdict)
    return dispute


def close(state: State, call: Call) -> Json:
    """POST /v1/disputes/:dispute/close: the platform accepts the loss."""
    return end(state, retrieve(state, call)["id"], "lost")


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/disputes/:dispute"""
    return found(state.disputes, call.path["dispute"], "dispute", "dispute", status=404)


def warn(state: State, charge_id: str) -> Json:
    """The card's issuer reports fraud, which is no dispute yet ("Early fraud warnings")."""
    state.actor = Actor("bank")
    charge = found(state.charges, charge_id, "charge", "charge")
    warning: Json = {
        "id": state.new_id("issfr_1"),
        "object": "radar.early_fraud_warning",
        "actionable": not charge["refunded"] and not charge["disputed"],
        "charge": charge_id,
        "created": state.clock.stamp(),
        "fraud_type": "made_with_stolen_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    state.early_fraud_warnings[warning["id"]] = warning
    state.emit("radar.early_fraud_warning.created", warning)
    return warning


def retrieve_warning(state: State, call: Call) -> Json:
    """GET /v1/radar/early_fraud_warnings/:warning"""
    return found(state.early_fraud_warnings, call.path["warning"], "early fraud warning", "id", status=404)


def _escalate(state: State, dispute: Json) -> Json:
    dispute |= {"is_charge_refundable": False, "status": "needs_response"}
    _withdraw(state, dispute)
    state.emit("charge.dispute.updated", dispute)
    state.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _withdraw(state: State, dispute: Json) -> None:
    _move(state, dispute, Kind.DISPUTE, -1, state.options.dispute_fee)
    _record(state, Effect.DISPUTE, dispute)


def _reinstate(state: State, dispute: Json) -> None:
    if not dispute["balance_transactions"]:
        return
    _move(state, dispute, Kind.DISPUTE_REVERSAL, 1, 0)
    _record(state, Effect.DISPUTE_REVERSAL, dispute)
    state.emit("charge.dispute.funds_reinstated", dispute)


def _move(state: State, dispute: Json, kind: Kind, sign: int, fee: int) -> None:
    money = converted(state, Money(sign * dispute["amount"], dispute["currency"], fee))
    _, rate = settlement_of(state, dispute["currency"])
    moved = add(state, kind, money, dispute["id"], available_at=state.clock.now(), rate=rate)
    dispute["balance_transactions"].append(moved)


def _record(state: State, effect: Effect, dispute: Json) -> None:
    charge = state.charges[dispute["charge"]]
    intent = state.payment_intents[dispute["payment_intent"]]
    state.record(effect, dispute["id"], dispute["amount"], charge, intent)
