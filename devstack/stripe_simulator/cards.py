"""Stripe's test cards by PaymentMethod id, and their behavior ("Testing": cards by brand, declines, 3-D Secure)."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Challenge(enum.Enum):
    """The cases in which the issuer requires authentication."""

    NEVER = enum.auto()
    ALWAYS = enum.auto()
    ON_SESSION = enum.auto()
    """Set up for off-session use: authentication only while the customer is present."""


@dataclass(frozen=True, slots=True)
class Decline:
    """A bank's refusal: Stripe's error code, the decline code, the message."""

    code: str
    decline_code: str
    message: str


class RefundFate(enum.Enum):
    """The end of a refund to this card."""

    SUCCEEDS = enum.auto()
    PENDING_THEN_SUCCEEDS = enum.auto()
    SUCCEEDS_THEN_FAILS = enum.auto()


class Complaint(enum.Enum):
    """The action of the customer's bank after a capture, and the dispute's reason."""

    DISPUTE = "fraudulent"
    NOT_RECEIVED = "product_not_received"
    INQUIRY = "general"
    FRAUD_WARNING = "fraud_warning"

    @property
    def reason(self) -> str:
        """The dispute's `reason`."""
        return self.value


@dataclass(frozen=True, slots=True)
class Card:
    """One test card. `decline` applies to the charge, after any authentication."""

    brand: str = "visa"
    last4: str = "4242"
    decline: Decline | None = None
    challenge: Challenge = Challenge.NEVER
    refund: RefundFate = RefundFate.SUCCEEDS
    complaint: Complaint | None = None
    available_at_once: bool = False
    """The money skips the pending balance."""


def _declined(decline_code: str, last4: str, message: str = "Your card was declined.") -> Card:
    return Card(last4=last4, decline=Decline("card_declined", decline_code, message))


_GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
_NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
_PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)

_NO_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
_EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")

_BRANDS: dict[str, Card] = {
    "pm_card_visa": Card(),
    "pm_card_visa_debit": Card("visa", "5556"),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_mastercard_debit": Card("mastercard", "8210"),
    "pm_card_mastercard_prepaid": Card("mastercard", "5100"),
    "pm_card_amex": Card("amex", "8431"),
    "pm_card_discover": Card("discover", "1117"),
    "pm_card_diners": Card("diners", "0004"),
    "pm_card_jcb": Card("jcb", "0505"),
    "pm_card_unionpay": Card("unionpay", "0005"),
    "pm_card_us": Card(),
    "pm_card_sg": Card("visa", "0003"),
    "pm_card_gb": Card("visa", "0000"),
    "pm_card_bypassPending": Card(last4="0077", available_at_once=True),
    "pm_card_pendingRefund": Card(last4="7726", refund=RefundFate.PENDING_THEN_SUCCEEDS),
    "pm_card_refundFail": Card(last4="5126", refund=RefundFate.SUCCEEDS_THEN_FAILS),
}

_COMPLAINTS: dict[str, Card] = {
    "pm_card_createDispute": Card(last4="0259", complaint=Complaint.DISPUTE),
    "pm_card_createDisputeProductNotReceived": Card(last4="2685", complaint=Complaint.NOT_RECEIVED),
    "pm_card_createDisputeInquiry": Card(last4="1976", complaint=Complaint.INQUIRY),
    "pm_card_createIssuerFraudRecord": Card(last4="5423", complaint=Complaint.FRAUD_WARNING),
}
"""Stripe documentation, "Testing: disputes"."""

_DECLINES: dict[str, Card] = {
    "pm_card_visa_chargeDeclined": Card(last4="0002", decline=_GENERIC),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card(last4="9995", decline=_NO_FUNDS),
    "pm_card_visa_chargeDeclinedLostCard": _declined("lost_card", "9987"),
    "pm_card_visa_chargeDeclinedStolenCard": _declined("stolen_card", "9979"),
    "pm_card_chargeDeclinedExpiredCard": Card(last4="0069", decline=_EXPIRED),
    "pm_card_chargeDeclinedIncorrectCvc": Card(last4="0127", decline=_NO_CVC),
    "pm_card_chargeDeclinedProcessingError": Card(last4="0119", decline=_PROCESSING),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": _declined(
        "card_velocity_exceeded",
        "6975",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ),
    "pm_card_chargeDeclinedFraudulent": _declined("fraudulent", "0019"),
    "pm_card_riskLevelHighest": _declined("fraudulent", "4954"),
    "pm_card_chargeCustomerFail": Card(last4="0341", decline=_GENERIC),
}

_AUTHENTICATION: dict[str, Card] = {
    "pm_card_authenticationRequired": Card(last4="3184", challenge=Challenge.ALWAYS),
    "pm_card_authenticationRequiredOnSetup": Card(last4="3155", challenge=Challenge.ALWAYS),
    "pm_card_authenticationRequiredSetupForOffSession": Card(last4="0446", challenge=Challenge.ON_SESSION),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        last4="3178", challenge=Challenge.ALWAYS, decline=_NO_FUNDS
    ),
    "pm_card_threeDSecure2Required": Card(last4="3220", challenge=Challenge.ALWAYS),
    "pm_card_threeDSecureRequired": Card(last4="3063", challenge=Challenge.ALWAYS),
    "pm_card_threeDSecureRequiredChargeDeclined": Card(last4="1629", challenge=Challenge.ALWAYS, decline=_GENERIC),
    "pm_card_threeDSecureRequiredProcessingError": Card(last4="1280", challenge=Challenge.ALWAYS, decline=_PROCESSING),
    "pm_card_threeDSecureOptional": Card(last4="3055"),
    "pm_card_amex_threeDSecureNotSupported": Card("amex", "0005"),
}

_CANONICAL = _BRANDS | _COMPLAINTS | _DECLINES | _AUTHENTICATION


def _other_spelling(id_: str) -> str:
    """Older pages of Stripe's documentation leave `visa_` out of the decline ids, or put it in."""
    with_brand = "pm_card_visa_chargeDeclined"
    if id_.startswith(with_brand):
        return id_.replace("pm_card_visa_", "pm_card_", 1)
    return id_.replace("pm_card_", "pm_card_visa_", 1)


TEST_CARDS: dict[str, Card] = {_other_spelling(id_): card for id_, card in _DECLINES.items()} | _CANONICAL
