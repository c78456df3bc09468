"""The platform's balance: the sum of its balance transactions, pending and available ("Balances")."""

from __future__ import annotations

from collections import defaultdict

from devstack.stripe_simulator.state import Call, State
from devstack.stripe_simulator.wire import Json


def available(state: State, currency: str) -> int:
    """The available balance for a transfer without source_transaction, in minor units."""
    return _amounts(state)[currency][0]


def retrieve(state: State, _call: Call) -> Json:
    """GET /v1/balance"""
    amounts = _amounts(state) or {"sgd": [0, 0]}

    def column(index: int) -> list[Json]:
        return [
            {"amount": both[index], "currency": currency, "source_types": {"card": both[index]}}
            for currency, both in sorted(amounts.items())
        ]

    return {"object": "balance", "available": column(0), "livemode": False, "pending": column(1)}


def _amounts(state: State) -> dict[str, list[int]]:
    amounts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    now = state.clock.now()
    for transaction in state.balance_transactions.values():
        amounts[transaction["currency"]][transaction["available_on"] > now] += transaction["net"]
    return amounts
