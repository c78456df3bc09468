"""Stripe's endpoints: path, operation name, parameters by stripe-python's types, and the implemented ones."""

from __future__ import annotations

import re

from devstack.stripe_simulator import (
    accounts,
    balance,
    balance_transactions,
    charges,
    customers,
    disputes,
    intents,
    listing,
    payment_methods,
    refunds,
    reviews,
    search,
    transfers,
    webhook_endpoints,
)
from devstack.stripe_simulator.errors import RefusedError
from devstack.stripe_simulator.operation import Handler, Operation

_PLAIN_INTENT = "description receipt_email setup_future_usage shipping statement_descriptor statement_descriptor_suffix"


def _operation(name: str, handler: Handler, params_class: str, implemented: str = "") -> Operation:
    return Operation(name, handler, params_class, frozenset(implemented.split()) | {"expand"})


_LIST = "created ending_before limit starting_after"

_TABLE: dict[tuple[str, str], Operation] = {
    ("POST", "payment_intents"): _operation(
        "payment_intents.create",
        intents.create,
        "PaymentIntentCreateParams",
        "allowed_payment_method_types amount automatic_payment_methods capture_method confirm "
        "confirmation_method currency customer error_on_requires_action excluded_payment_method_types "
        "metadata off_session payment_method return_url transfer_group use_stripe_sdk " + _PLAIN_INTENT,
    ),
    ("GET", "payment_intents"): _operation(
        "payment_intents.list", listing.payment_intents, "PaymentIntentListParams", "customer " + _LIST
    ),
    ("GET", "payment_intents/search"): _operation(
        "payment_intents.search", search.payment_intents, "PaymentIntentSearchParams", "limit page query"
    ),
    ("GET", "payment_intents/:intent"): _operation(
        "payment_intents.retrieve", intents.retrieve, "PaymentIntentRetrieveParams"
    ),
    ("POST", "payment_intents/:intent"): _operation(
        "payment_intents.update",
        intents.update,
        "PaymentIntentUpdateParams",
        "amount metadata payment_method transfer_group " + _PLAIN_INTENT,
    ),
    ("POST", "payment_intents/:intent/confirm"): _operation(
        "payment_intents.confirm",
        intents.confirm,
        "PaymentIntentConfirmParams",
        "error_on_requires_action off_session payment_method return_url use_stripe_sdk receipt_email "
        "setup_future_usage shipping",
    ),
    ("POST", "payment_intents/:intent/capture"): _operation(
        "payment_intents.capture",
        intents.capture,
        "PaymentIntentCaptureParams",
        "amount_to_capture final_capture metadata statement_descriptor statement_descriptor_suffix",
    ),
    ("POST", "payment_intents/:intent/cancel"): _operation(
        "payment_intents.cancel", intents.cancel, "PaymentIntentCancelParams", "cancellation_reason"
    ),
    ("GET", "payment_methods/:payment_method"): _operation(
        "payment_methods.retrieve", payment_methods.retrieve, "PaymentMethodRetrieveParams"
    ),
    ("POST", "payment_methods/:payment_method/attach"): _operation(
        "payment_methods.attach", payment_methods.attach, "PaymentMethodAttachParams", "customer"
    ),
    ("GET", "charges"): _operation(
        "charges.list", listing.charges, "ChargeListParams", "customer payment_intent transfer_group " + _LIST
    ),
    ("GET", "charges/:charge"): _operation("charges.retrieve", charges.retrieve, "ChargeRetrieveParams"),
    ("POST", "refunds"): _operation(
        "refunds.create", refunds.create, "RefundCreateParams", "amount charge metadata payment_intent reason"
    ),
    ("GET", "refunds"): _operation(
        "refunds.list", listing.refunds, "RefundListParams", "charge payment_intent " + _LIST
    ),
    ("GET", "refunds/:refund"): _operation("refunds.retrieve", refunds.retrieve, "RefundRetrieveParams"),
    ("POST", "transfers"): _operation(
        "transfers.create",
        transfers.create,
        "TransferCreateParams",
        "amount currency description destination metadata source_transaction source_type transfer_group",
    ),
    ("GET", "transfers"): _operation(
        "transfers.list", listing.transfers, "TransferListParams", "destination transfer_group " + _LIST
    ),
    ("GET", "transfers/:transfer"): _operation("transfers.retrieve", transfers.retrieve, "TransferRetrieveParams"),
    ("POST", "transfers/:transfer/reversals"): _operation(
        "transfers.reversals.create",
        transfers.reverse,
        "TransferReversalCreateParams",
        "amount description metadata refund_application_fee",
    ),
    ("GET", "transfers/:transfer/reversals"): _operation(
        "transfers.reversals.list", listing.reversals, "TransferReversalListParams", _LIST
    ),
    ("GET", "transfers/:transfer/reversals/:reversal"): _operation(
        "transfers.reversals.retrieve", transfers.retrieve_reversal, "TransferReversalRetrieveParams"
    ),
    ("POST", "accounts"): _operation(
        "accounts.create",
        accounts.create,
        "AccountCreateParams",
        "business_type capabilities country email metadata type",
    ),
    ("GET", "account"): _operation(
        "accounts.retrieve_current", accounts.retrieve_current, "AccountRetrieveCurrentParams"
    ),
    ("GET", "accounts/:account"): _operation("accounts.retrieve", accounts.retrieve, "AccountRetrieveParams"),
    ("GET", "balance"): _operation("balance.retrieve", balance.retrieve, "BalanceRetrieveParams"),
    ("GET", "balance_transactions"): _operation(
        "balance_transactions.list",
        listing.balance_transactions,
        "BalanceTransactionListParams",
        "currency source type " + _LIST,
    ),
    ("GET", "balance_transactions/:id"): _operation(
        "balance_transactions.retrieve", balance_transactions.retrieve, "BalanceTransactionRetrieveParams"
    ),
    ("GET", "disputes"): _operation(
        "disputes.list", listing.disputes, "DisputeListParams", "charge payment_intent " + _LIST
    ),
    ("GET", "disputes/:dispute"): _operation("disputes.retrieve", disputes.retrieve, "DisputeRetrieveParams"),
    ("POST", "disputes/:dispute"): _operation(
        "disputes.update", disputes.update, "DisputeUpdateParams", "evidence metadata submit"
    ),
    ("POST", "disputes/:dispute/close"): _operation("disputes.close", disputes.close, "DisputeCloseParams"),
    ("GET", "radar/early_fraud_warnings"): _operation(
        "radar.early_fraud_warnings.list",
        listing.early_fraud_warnings,
        "radar.EarlyFraudWarningListParams",
        "charge payment_intent " + _LIST,
    ),
    ("GET", "radar/early_fraud_warnings/:warning"): _operation(
        "radar.early_fraud_warnings.retrieve", disputes.retrieve_warning, "radar.EarlyFraudWarningRetrieveParams"
    ),
    ("GET", "reviews"): _operation("reviews.list", listing.reviews, "ReviewListParams", _LIST),
    ("GET", "reviews/:review"): _operation("reviews.retrieve", reviews.retrieve, "ReviewRetrieveParams"),
    ("GET", "webhook_endpoints"): _operation(
        "webhook_endpoints.list", listing.webhook_endpoints, "WebhookEndpointListParams", _LIST
    ),
    ("GET", "webhook_endpoints/:webhook_endpoint"): _operation(
        "webhook_endpoints.retrieve", webhook_endpoints.retrieve, "WebhookEndpointRetrieveParams"
    ),
    ("POST", "customers"): _operation(
        "customers.create",
        customers.create,
        "CustomerCreateParams",
        "address description email metadata name phone",
    ),
    ("GET", "customers/:customer"): _operation("customers.retrieve", customers.retrieve, "CustomerRetrieveParams"),
    ("GET", "events"): _operation("events.list", listing.events, "EventListParams", "type types " + _LIST),
    ("GET", "events/:event"): _operation("events.retrieve", listing.event, "EventRetrieveParams"),
}

_PATTERNS = [
    (method, re.compile("/v1/" + re.sub(r":(\w+)", r"(?P<\1>[^/]+)", path)), operation)
    for (method, path), operation in _TABLE.items()
]
OPERATIONS = frozenset(operation.name for operation in _TABLE.values())


def find(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """The operation for a path, with the ids in it.

    Raises:
        RefusedError: 404, as Stripe answers an unknown URL.
    """
    for wanted, pattern, operation in _PATTERNS:
        if wanted == method and (match := pattern.fullmatch(path)):
            return operation, match.groupdict()
    raise RefusedError(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
        status=404,
    )
