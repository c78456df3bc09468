"""Charges: made by the confirmation of an intent, then held, captured, refunded or released."""

from __future__ import annotations

from devstack.stripe_simulator.balance_transactions import Kind, Money, add_for_charge
from devstack.stripe_simulator.cards import Card, Decline
from devstack.stripe_simulator.ledger import Effect
from devstack.stripe_simulator.state import Call, State, found
from devstack.stripe_simulator.wire import Json

_OF_THE_INTENT = (
    "currency",
    "customer",
    "description",
    "payment_method",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_UNSET = (
    "application",
    "application_fee",
    "application_fee_amount",
    "balance_transaction",
    "failure_balance_transaction",
    "on_behalf_of",
    "receipt_number",
    "receipt_url",
    "review",
    "source_transfer",
    "transfer_data",
)


def make(state: State, intent: Json, card: Card, decline: Decline | None) -> Json:
    """A charge for the whole intent: refused, or authorized and not yet captured."""
    charge: Json = {
        "id": state.new_id("ch_3"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "captured": False,
        "created": state.clock.stamp(),
        "disputed": False,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": _outcome(decline),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method_details": {"type": "card", "card": card_details(card)},
        "refunded": False,
        "status": "failed" if decline else "succeeded",
    }
    charge |= dict.fromkeys(_UNSET)
    charge |= {name: intent[name] for name in _OF_THE_INTENT}
    state.charges[charge["id"]] = charge
    intent["latest_charge"] = charge["id"]
    return charge


def _outcome(decline: Decline | None) -> Json:
    return {
        "advice_code": "try_again_later" if decline else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline.decline_code if decline else None,
        "risk_level": "normal",
        "seller_message": "The bank returned the decline code." if decline else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }


def card_details(card: Card) -> Json:
    """A card as Stripe shows it: never its number."""
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"simulated{card.last4}",
        "funding": "credit",
        "last4": card.last4,
        "network": card.brand,
        "three_d_secure": None,
        "wallet": None,
    }


def take(state: State, charge: Json, amount: int, card: Card) -> None:
    """Capture the charge: its money belongs to the platform, pending until it settles."""
    charge["captured"] = True
    charge["amount_captured"] = amount
    delay = 0.0 if card.available_at_once else state.options.settlement_delay
    state.settles_at[charge["id"]] = state.clock.now() + delay
    money = Money(charge["amount"], charge["currency"])
    charge["balance_transaction"] = add_for_charge(state, Kind.CHARGE, money, charge["id"], charge)["id"]
    intent = state.payment_intents[charge["payment_intent"]]
    if card.complaint is not None:
        state.complaints.append((charge["id"], card.complaint))
    state.record(Effect.CAPTURE, charge["id"], amount, charge, intent)


def refundable(charge: Json) -> int:
    """The refundable rest of a captured charge, in minor units; the uncaptured part counts as refunded."""
    return int(charge["amount"] - charge["amount_refunded"])


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/charges/:charge"""
    return found(state.charges, call.path["charge"], "charge", "id", status=404)
