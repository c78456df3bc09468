"""The PaymentIntent of a request: the one in its path, or the one of the charge or transfer that it names."""

from __future__ import annotations

from devstack.stripe_simulator.state import State
from devstack.stripe_simulator.wire import Json


def subject_intent(state: State, path: dict[str, str], given: Json) -> Json | None:
    """The intent, or None for a request without an existing intent."""
    for name in ("payment_intent", "intent"):
        if (intent := _named(state.payment_intents, path.get(name) or given.get(name))) is not None:
            return intent
    dispute = _named(state.disputes, path.get("dispute"))
    if dispute is not None:
        return state.payment_intents[dispute["payment_intent"]]
    transfer = _named(state.transfers, path.get("transfer"))
    charge_id = transfer["source_transaction"] if transfer else None
    charge_id = charge_id or path.get("charge") or given.get("charge") or given.get("source_transaction")
    charge = _named(state.charges, charge_id)
    return None if charge is None else state.payment_intents[charge["payment_intent"]]


def _named(store: dict[str, Json], id_: object) -> Json | None:
    return store.get(id_) if isinstance(id_, str) else None
