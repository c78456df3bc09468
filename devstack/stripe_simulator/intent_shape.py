"""A new PaymentIntent from its parameters, and the rules about its payment methods."""

from __future__ import annotations

from devstack.stripe_simulator import customers, payment_methods
from devstack.stripe_simulator.errors import InvalidParameterError
from devstack.stripe_simulator.intent_states import Status
from devstack.stripe_simulator.metadata import merge
from devstack.stripe_simulator.money import check_charge_amount, check_currency
from devstack.stripe_simulator.state import State
from devstack.stripe_simulator.wire import Json

_PLAIN = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_UNSET = (
    "application",
    "application_fee_amount",
    "canceled_at",
    "cancellation_reason",
    "customer_account",
    "last_payment_error",
    "latest_charge",
    "next_action",
    "on_behalf_of",
    "payment_method_configuration_details",
    "processing",
    "review",
    "source",
    "transfer_data",
)
_ONLY_WITH_CONFIRM = ("error_on_requires_action", "off_session", "return_url")
_METHOD_CHOICES = ("allowed_payment_method_types", "automatic_payment_methods", "payment_method_types")
_REDIRECTING = frozenset({"alipay", "bancontact", "eps", "fpx", "grabpay", "ideal", "klarna", "p24", "paypal"})


def new(state: State, params: Json) -> Json:
    """The intent before any attempt.

    Raises:
        RefusedError: an amount, currency, customer or payment method that Stripe does not accept.
    """
    _check_combination(params)
    currency = check_currency(params["currency"])
    check_charge_amount(params["amount"], currency)
    customer = params.get("customer")
    if customer:
        customers.check_exists(state, customer)
    method = payment_methods.resolve(state, params["payment_method"], customer) if "payment_method" in params else None
    id_ = state.new_id("pi_3")
    intent: Json = {
        "id": id_,
        "object": "payment_intent",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "automatic_payment_methods": _automatic(params),
        "capture_method": params.get("capture_method", "automatic"),
        "client_secret": f"{id_}_secret_{state.new_id('', 25)}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": state.clock.stamp(),
        "currency": currency,
        "customer": customer,
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "livemode": False,
        "metadata": merge({}, params.get("metadata")),
        "payment_method": method,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": _types(params),
        "status": Status.REQUIRES_CONFIRMATION if method else Status.REQUIRES_PAYMENT_METHOD,
    }
    intent |= dict.fromkeys((*_PLAIN, *_UNSET))
    copy_plain(intent, params)
    return intent


def copy_plain(intent: Json, params: Json) -> None:
    """Copy the parameters that Stripe stores unchanged; an empty string unsets."""
    for name in _PLAIN:
        if name in params:
            intent[name] = params[name] or None


def require_return_url(intent: Json, params: Json) -> None:
    """Check that a confirmation that may redirect has a `return_url` ("Accept a payment").

    Raises:
        InvalidParameterError: none is given, and redirecting payment methods are not excluded.
    """
    automatic = intent["automatic_payment_methods"]
    redirects = (
        automatic["allow_redirects"] == "always"
        if automatic
        else bool(_REDIRECTING & set(intent["payment_method_types"]))
    )
    if not redirects or params.get("return_url"):
        return
    raise InvalidParameterError(
        "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
        "these payment methods might redirect your customer off of your page, you must provide a "
        "`return_url`. If you don't want to accept redirect-based payment methods, set "
        "`automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to "
        "`never` when creating Setup Intents and Payment Intents."
    )


def _check_combination(params: Json) -> None:
    chosen = [name for name in _METHOD_CHOICES if name in params]
    if len(chosen) > 1:
        names = ", ".join(chosen)
        raise InvalidParameterError(f"You may only specify one of these parameters: {names}.")
    for name in _ONLY_WITH_CONFIRM:
        if name in params and not params.get("confirm"):
            text = f"The parameter `{name}` can only be used with `confirm=true`."
            raise InvalidParameterError(text, param=name)


def _automatic(params: Json) -> Json | None:
    if params.get("allowed_payment_method_types") or params.get("payment_method_types"):
        return None
    given = params.get("automatic_payment_methods", {"enabled": True})
    if not given["enabled"]:
        return None
    return {"allow_redirects": given.get("allow_redirects", "always"), "enabled": True}


def _types(params: Json) -> list[str]:
    chosen = params.get("allowed_payment_method_types") or params.get("payment_method_types")
    return list(chosen or ["card"])
