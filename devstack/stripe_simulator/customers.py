"""Customers. Any id that begins with `cus_` names an existing customer, so that callers can choose ids."""

from __future__ import annotations

from devstack.stripe_simulator.errors import no_such
from devstack.stripe_simulator.metadata import merge
from devstack.stripe_simulator.state import Call, State
from devstack.stripe_simulator.wire import Json


def check_exists(state: State, id_: str, *, status: int = 400) -> None:
    """Raises RefusedError `resource_missing` for any other id than a customer's."""
    if id_ not in state.customers and not id_.startswith("cus_"):
        raise no_such("customer", id_, "customer", status=status)


def create(state: State, call: Call) -> Json:
    """POST /v1/customers"""
    customer = _shape(state, state.new_id("cus_", 14), call.params)
    state.customers[customer["id"]] = customer
    state.emit("customer.created", customer)
    return customer


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/customers/:customer"""
    id_ = call.path["customer"]
    check_exists(state, id_, status=404)
    return state.customers.setdefault(id_, _shape(state, id_, {}))


def _shape(state: State, id_: str, params: Json) -> Json:
    plain = {name: params.get(name) for name in ("address", "description", "email", "name", "phone")}
    return {
        "id": id_,
        "object": "customer",
        "balance": 0,
        "created": state.clock.stamp(),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "invoice_prefix": id_[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": merge({}, params.get("metadata")),
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **plain,
    }
