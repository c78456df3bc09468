"""Transfers to connected accounts and their reversals ("Create separate charges and transfers")."""

from __future__ import annotations

from devstack.stripe_simulator import accounts, balance, balance_transactions
from devstack.stripe_simulator.balance_transactions import Kind, Money
from devstack.stripe_simulator.errors import RefusedError, missing_parameter
from devstack.stripe_simulator.ledger import Effect
from devstack.stripe_simulator.metadata import merge
from devstack.stripe_simulator.money import check_currency, check_positive, display
from devstack.stripe_simulator.state import Call, State, found
from devstack.stripe_simulator.wire import Json


def create(state: State, call: Call) -> Json:
    """POST /v1/transfers"""
    params = call.params
    currency = check_currency(params["currency"])
    accounts.check_destination(state, params["destination"])
    charge = _source(state, params, currency)
    amount = _amount(state, params, charge, currency)
    transfer = _shape(state, params, charge, amount)
    when = balance_transactions.settles_at(state, charge)
    _settle(state, Kind.TRANSFER, transfer, transfer, -amount, when)
    state.transfers[transfer["id"]] = transfer
    state.reversals[transfer["id"]] = {}
    if charge is not None:
        state.transferred[charge["id"]] = state.transferred.get(charge["id"], 0) + amount
    account = (params["destination"], currency)
    state.connected_balance[account] = state.connected_balance.get(account, 0) + amount
    _record(state, Effect.TRANSFER, transfer["id"], amount, transfer)
    state.emit("transfer.created", transfer)
    return transfer


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/transfers/:transfer"""
    return found(state.transfers, call.path["transfer"], "transfer", "transfer", status=404)


def reverse(state: State, call: Call) -> Json:
    """POST /v1/transfers/:transfer/reversals"""
    transfer = retrieve(state, call)
    left = transfer["amount"] - transfer["amount_reversed"]
    amount: int = call.params.get("amount", left)
    _check_reversal(state, transfer, amount, left)
    reversal: Json = {
        "id": state.new_id("trr_1"),
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": None,
        "created": state.clock.stamp(),
        "currency": transfer["currency"],
        "destination_payment_refund": state.new_id("pyr_1"),
        "metadata": merge({}, call.params.get("metadata")),
        "source_refund": None,
        "transfer": transfer["id"],
    }
    state.reversals[transfer["id"]][reversal["id"]] = reversal
    _settle(state, Kind.TRANSFER_REVERSAL, transfer, reversal, amount, state.clock.now())
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, reversal)
    state.connected_balance[transfer["destination"], transfer["currency"]] -= amount
    _record(state, Effect.REVERSAL, reversal["id"], amount, transfer)
    state.emit("transfer.reversed", transfer)
    return reversal


def retrieve_reversal(state: State, call: Call) -> Json:
    """GET /v1/transfers/:transfer/reversals/:reversal"""
    retrieve(state, call)
    store = state.reversals[call.path["transfer"]]
    return found(store, call.path["reversal"], "transfer reversal", "id", status=404)


def _source(state: State, params: Json, currency: str) -> Json | None:
    if "source_transaction" not in params:
        return None
    charge = found(state.charges, params["source_transaction"], "charge", "source_transaction")
    if not charge["captured"]:
        raise RefusedError(
            f"Charge {charge['id']} cannot be used as a source_transaction: it has not been captured.",
            param="source_transaction",
        )
    settled = balance_transactions.of_charge(state, charge)["currency"]
    if settled != currency:
        raise RefusedError(
            f"The currency of source_transaction's balance transaction ({settled}) is not the same "
            f"as the transfer currency ({currency}).",
            param="currency",
        )
    return charge


def _amount(state: State, params: Json, charge: Json | None, currency: str) -> int:
    if "amount" not in params and charge is None:
        raise missing_parameter("amount")
    source = 0 if charge is None else _captured(state, charge)
    amount: int = params.get("amount", source)
    check_positive(amount)
    if charge is not None:
        _check_source_left(state.transferred.get(charge["id"], 0), amount, source, currency)
    elif amount > balance.available(state, currency):
        raise RefusedError(
            "You have insufficient available funds in your Stripe account. Try adding funds directly to your "
            "available balance by creating Charges using the 4000000000000077 test card.",
            code="balance_insufficient",
        )
    return amount


def _captured(state: State, charge: Json) -> int:
    """The captured amount of the charge, in its settlement currency."""
    return balance_transactions.converted(state, Money(charge["amount_captured"], charge["currency"])).amount


def _check_source_left(used: int, amount: int, source: int, currency: str) -> None:
    # A reversed transfer still counts, because Stripe limits the sum of all transfers.
    if used + amount <= source:
        return
    total = display(source, currency)
    note = f" (There is already a transfer using this source, amounting to {display(used, currency)}.)"
    raise RefusedError(
        f"Transfers using this transaction as a source must not exceed the source amount of {total}."
        + (note if used else "")
    )


def _shape(state: State, params: Json, charge: Json | None, amount: int) -> Json:
    id_ = state.new_id("tr_3")
    group = params.get("transfer_group") or (charge and charge["transfer_group"])
    if charge is not None and not group:
        group = charge["transfer_group"] = f"group_{charge['payment_intent']}"
    return {
        "id": id_,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": state.clock.stamp(),
        "currency": params["currency"].lower(),
        "description": params.get("description"),
        "destination": params["destination"],
        "destination_payment": state.new_id("py_1"),
        "livemode": False,
        "metadata": merge({}, params.get("metadata")),
        "reversals": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/transfers/{id_}/reversals",
        },
        "reversed": False,
        "source_transaction": charge["id"] if charge else None,
        "source_type": params.get("source_type", "card"),
        "transfer_group": group,
    }


def _check_reversal(state: State, transfer: Json, amount: int, left: int) -> None:
    if left == 0:
        raise RefusedError(f"Transfer {transfer['id']} has already been fully reversed.", param="id")
    check_positive(amount)
    currency = transfer["currency"]
    if amount > left:
        raise RefusedError(
            f"Reversal amount ({display(amount, currency)}) is greater than unreversed amount on transfer "
            f"({display(left, currency)})",
            param="amount",
        )
    if amount > state.connected_balance[transfer["destination"], currency]:
        raise accounts.without_funds(transfer["destination"])


def _settle(state: State, kind: Kind, transfer: Json, source: Json, amount: int, when: float) -> None:
    money = Money(amount, transfer["currency"])
    settled = balance_transactions.add(state, kind, money, source["id"], available_at=when)
    source["balance_transaction"] = settled["id"]


def _record(state: State, effect: Effect, id_: str, amount: int, transfer: Json) -> None:
    charge = state.charges.get(transfer["source_transaction"] or "")
    intent = state.payment_intents[charge["payment_intent"]] if charge else None
    state.record(
        effect, id_, amount, charge, intent,
        destination=transfer["destination"], currency=transfer["currency"], metadata=transfer["metadata"],
    )  # fmt: skip
