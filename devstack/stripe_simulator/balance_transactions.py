"""Balance transactions: every change of the platform's balance, in the currency that Stripe settles in.

Source: Stripe documentation, "Balance transaction types" and "Reporting categories and types". A charge in another
currency than the settlement currency is converted, and so is each later deduction from it ("Currency conversions").
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from devstack.stripe_simulator.state import Call, State, found
from devstack.stripe_simulator.wire import Json


class Kind(enum.Enum):
    """Type and reporting category of a balance transaction."""

    CHARGE = ("charge", "charge")
    PARTIAL_CAPTURE = ("refund", "partial_capture_reversal")
    """The part of a hold that was not captured, because the charge's own transaction is for the whole hold."""
    REFUND = ("refund", "refund")
    REFUND_FAILURE = ("refund_failure", "refund_failure")
    TRANSFER = ("transfer", "transfer")
    TRANSFER_REVERSAL = ("transfer_refund", "transfer_reversal")
    DISPUTE = ("adjustment", "dispute")
    DISPUTE_REVERSAL = ("adjustment", "dispute_reversal")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units, signed as it changes the balance; ``fee`` is in the settlement currency."""

    amount: int
    currency: str
    fee: int = 0


def settlement_of(state: State, currency: str) -> tuple[str, float | None]:
    """The currency in which a charge of ``currency`` is settled, and the exchange rate; None without conversion."""
    settled = state.options.settlement_currency or currency
    return settled, None if settled == currency else state.options.exchange_rate


def converted(state: State, money: Money) -> Money:
    """The customer's money in the settlement currency."""
    currency, rate = settlement_of(state, money.currency)
    return money if rate is None else Money(round(money.amount * rate), currency, money.fee)


def add(state: State, kind: Kind, money: Money, source: str, *, available_at: float, rate: float | None = None) -> Json:
    """Add a transaction of ``source``. ``available_at`` in seconds of the simulator's clock."""
    type_, category = kind.value
    transaction: Json = {
        "id": state.new_id("txn_3"),
        "object": "balance_transaction",
        "amount": money.amount,
        "available_on": int(available_at),
        "balance_type": "payments",
        "created": state.clock.stamp(),
        "currency": money.currency,
        "description": None,
        "exchange_rate": rate,
        "fee": money.fee,
        "fee_details": _fees(money),
        "net": money.amount - money.fee,
        "reporting_category": category,
        "source": source,
        "status": "pending",
        "type": type_,
    }
    state.balance_transactions[transaction["id"]] = transaction
    return current(state, transaction)


def add_for_charge(state: State, kind: Kind, money: Money, source: str, charge: Json) -> Json:
    """Add a transaction for the customer's side of ``charge``, with the conversion and availability of the charge."""
    _, rate = settlement_of(state, money.currency)
    return add(state, kind, converted(state, money), source, available_at=settles_at(state, charge), rate=rate)


def settles_at(state: State, charge: Json | None) -> float:
    """The time at which this charge's money becomes available; now without a charge."""
    return state.clock.now() if charge is None else state.settles_at.get(charge["id"], state.clock.now())


def of_charge(state: State, charge: Json) -> Json:
    """The settled amount of a captured charge."""
    return state.balance_transactions[charge["balance_transaction"]]


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/balance_transactions/:id"""
    kind = "balance transaction"
    return current(state, found(state.balance_transactions, call.path["id"], kind, "id", status=404))


def refresh(state: State) -> None:
    """Bring every status up to the clock."""
    for transaction in state.balance_transactions.values():
        current(state, transaction)


def current(state: State, transaction: Json) -> Json:
    """The transaction with its status by the clock."""
    transaction["status"] = "pending" if transaction["available_on"] > state.clock.now() else "available"
    return transaction


def _fees(money: Money) -> list[Json]:
    if not money.fee:
        return []
    details = {"application": None, "currency": money.currency, "description": "Stripe processing fees"}
    return [{"amount": money.fee, "type": "stripe_fee", **details}]
