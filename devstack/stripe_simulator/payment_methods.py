"""PaymentMethods: Stripe turns a test id such as `pm_card_visa` into a new id on each use."""

from __future__ import annotations

from devstack.stripe_simulator import customers
from devstack.stripe_simulator.cards import TEST_CARDS, Card
from devstack.stripe_simulator.charges import card_details
from devstack.stripe_simulator.errors import RefusedError
from devstack.stripe_simulator.state import Call, State, found
from devstack.stripe_simulator.wire import Json


def resolve(state: State, given: str, customer: str | None) -> str:
    """The id to store for the given id and this customer.

    Raises:
        RefusedError: `resource_missing` for an unknown method; also for a method of another customer, or one that was
            used without a customer ("PaymentMethods: attach").
    """
    if (card := TEST_CARDS.get(given)) is None:
        return _check_usable(state, found(state.payment_methods, given, "PaymentMethod", "payment_method"), customer)
    return _make(state, card)


def attach(state: State, call: Call) -> Json:
    """POST /v1/payment_methods/:payment_method/attach"""
    id_, customer = call.path["payment_method"], call.params["customer"]
    customers.check_exists(state, customer)
    method = state.payment_methods[resolve(state, id_, customer)]
    method["customer"] = customer
    state.emit("payment_method.attached", method)
    return method


def note_use(state: State, intent: Json) -> None:
    """Note a successful payment: a method without a customer is then used up ("Reuse a PaymentMethod")."""
    if state.payment_methods[intent["payment_method"]]["customer"] is None:
        state.used_methods.add(intent["payment_method"])


def _check_usable(state: State, method: Json, customer: str | None) -> str:
    id_: str = method["id"]
    owner = method["customer"]
    if owner is not None and customer is None:
        raise RefusedError(
            "The payment method you provided is attached to a customer so for security purposes you must provide "
            "the customer in the request."
        )
    if owner is not None and owner != customer:
        raise RefusedError(f"The payment method {id_} does not belong to the Customer {customer}.")
    if id_ in state.used_methods:
        raise RefusedError(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first."
        )
    return id_


def _make(state: State, card: Card) -> str:
    id_ = state.new_id("pm_1")
    state.cards[id_] = card
    state.payment_methods[id_] = {
        "id": id_,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "card": card_details(card),
        "created": state.clock.stamp(),
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    return id_


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/payment_methods/:payment_method"""
    id_ = call.path["payment_method"]
    return found(state.payment_methods, id_, "PaymentMethod", "payment_method", status=404)
