"""The ledger adds up and agrees with the objects after any requests in any order."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.stripe_simulator.faults import Fault, Kind
from tests.unit.stripe_simulator.conftest import Api

_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["capture", "cancel", "refund", "transfer", "reverse", "advance", "fault"]),
        st.integers(1, 2500),
        st.sampled_from(list(Kind)),
    ),
    max_size=25,
)


class _History:
    """One intent and the requests for it."""

    def __init__(self) -> None:
        self.api = Api()
        self.intent = self.api.authorize()["id"]
        self.transfers: list[str] = []

    def step(self, name: str, amount: int, kind: Kind) -> None:
        getattr(self, name)(amount, kind)

    def capture(self, amount: int, _kind: Kind) -> None:
        self.api.send("POST", f"payment_intents/{self.intent}/capture", {"amount_to_capture": amount})

    def cancel(self, _amount: int, _kind: Kind) -> None:
        self.api.send("POST", f"payment_intents/{self.intent}/cancel")

    def refund(self, amount: int, _kind: Kind) -> None:
        self.api.send("POST", "refunds", {"payment_intent": self.intent, "amount": amount})

    def transfer(self, amount: int, _kind: Kind) -> None:
        charge = self.state()["latest_charge"]
        basic: dict[str, Any] = {"amount": amount, "currency": "sgd", "destination": "acct_x"}
        self.api.send("POST", "transfers", {**basic, "source_transaction": charge})

    def reverse(self, amount: int, _kind: Kind) -> None:
        for transfer in self.api.simulator.state.transfers:
            self.api.send("POST", f"transfers/{transfer}/reversals", {"amount": amount})

    def advance(self, amount: int, _kind: Kind) -> None:
        self.api.simulator.advance(amount * 60.0)

    def fault(self, _amount: int, kind: Kind) -> None:
        self.api.simulator.faults.add(Fault(kind, "*.create"))

    def state(self) -> dict[str, Any]:
        return self.api.simulator.state.payment_intents[self.intent]

    def total(self, effect: str) -> int:
        return sum(amount for name, amount in self.api.effects() if name == effect)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(_STEPS)
def test_the_ledger_adds_up(steps: list[tuple[str, int, Kind]]) -> None:
    history = _History()
    for step in steps:
        history.step(*step)
    captured, intent = history.total("capture"), history.state()
    assert captured == intent["amount_received"] <= history.total("hold") == 2000
    assert history.total("refund") <= captured
    assert history.total("reversal") <= history.total("transfer") <= captured
    assert not (captured and history.total("cancel"))
    charge = history.api.simulator.state.charges[intent["latest_charge"]]
    if captured:
        uncaptured = charge["amount"] - captured
        assert charge["amount_refunded"] == uncaptured + history.total("refund")
        assert charge["refunded"] is (history.total("refund") == captured)
