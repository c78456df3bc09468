"""Connected accounts.

Ids that callers choose work at once, as if those accounts had finished onboarding: every `acct_…` of letters, digits
and underscores, with two exceptions. An id that contains `missing`, `unknown`, `invalid` or `nonexistent` does not
exist. An id that contains `restricted` exists and cannot receive transfers. With `registered_accounts_only` only
accounts created by the API or registered through the control API exist.
"""

from __future__ import annotations

import re

from devstack.stripe_simulator.errors import RefusedError, no_such
from devstack.stripe_simulator.metadata import merge
from devstack.stripe_simulator.state import Call, State
from devstack.stripe_simulator.wire import Json

_ID = re.compile(r"acct_(?!.*(?:missing|unknown|invalid|nonexistent))[A-Za-z0-9_]{1,64}", re.IGNORECASE)

PLATFORM = "acct_1SimulatedPlatform"


def check_destination(state: State, id_: str) -> None:
    """Check that transfers may go to this account.

    Raises:
        RefusedError: `resource_missing`, or `insufficient_capabilities_for_transfer`.
    """
    account = _find(state, id_)
    if account is None:
        raise no_such("destination", id_, "destination")
    if id_ in state.revoked_accounts:
        raise _no_access(id_)
    if account["capabilities"].get("transfers") != "active":
        raise RefusedError(
            "Your destination account needs to have at least one of the following capabilities enabled: "
            "transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )


def without_funds(id_: str) -> RefusedError:
    """The error `balance_insufficient` of a reversal that the connected account cannot pay."""
    return RefusedError(
        f"Insufficient funds: account {id_} does not have enough funds to reverse this transfer.",
        code="balance_insufficient",
    )


def create(state: State, call: Call) -> Json:
    """POST /v1/accounts; the account has finished onboarding."""
    return register(state, state.new_id("acct_1", 16), call.params)


def register(state: State, id_: str, params: Json, *, transfers: bool = True) -> Json:
    """Make an account exist under an id of the caller's choice."""
    active = "active" if transfers else "inactive"
    account: Json = {
        "id": id_,
        "object": "account",
        "business_profile": None,
        "business_type": params.get("business_type"),
        "capabilities": {"card_payments": active, "transfers": active},
        "charges_enabled": transfers,
        "controller": {"type": "application"},
        "country": params.get("country", "SG"),
        "created": state.clock.stamp(),
        "default_currency": params.get("currency", "sgd"),
        "details_submitted": True,
        "email": params.get("email"),
        "metadata": merge({}, params.get("metadata")),
        "payouts_enabled": transfers,
        "settings": None,
        "type": params.get("type", "express"),
    }
    state.accounts[id_] = account
    return account


def retrieve(state: State, call: Call) -> Json:
    """GET /v1/accounts/:account; Stripe answers 403 for an unknown account."""
    id_ = call.path["account"]
    if (account := _find(state, id_)) is None or id_ in state.revoked_accounts:
        raise _no_access(id_)
    return account


def change(state: State, id_: str, *, transfers: bool = True, revoked: bool = False, currency: str = "sgd") -> Json:
    """Change a connected account: restrict it, close it to the platform, or change its currency."""
    account = register(state, id_, {"currency": currency}, transfers=transfers)
    (state.revoked_accounts.add if revoked else state.revoked_accounts.discard)(id_)
    if revoked:
        state.emit_as("account.application.deauthorized", {"id": "ca_1", "object": "application"}, account=id_)
    else:
        state.emit_as("account.updated", account, account=id_)
    return account


def _no_access(id_: str) -> RefusedError:
    return RefusedError(
        f"The provided key does not have access to account '{id_}' (or that account does not exist). "
        "Application access may have been revoked.",
        status=403,
        code="account_invalid",
    )


def retrieve_current(state: State, _call: Call) -> Json:
    """GET /v1/account: the platform itself."""
    return state.accounts.get(PLATFORM) or register(state, PLATFORM, {"type": "standard"})


def pay_out(state: State, id_: str) -> None:
    """The connected account sends its whole balance to its bank, so that reversals find no funds."""
    for account, currency in state.connected_balance:
        if account == id_:
            state.connected_balance[account, currency] = 0


def _find(state: State, id_: str) -> Json | None:
    if id_ in state.accounts:
        return state.accounts[id_]
    if state.options.registered_accounts_only or not _ID.fullmatch(id_):
        return None
    return register(state, id_, {}, transfers="restricted" not in id_.lower())
