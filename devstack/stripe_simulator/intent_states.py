"""The PaymentIntent's states and the actions that each allows ("How PaymentIntents work")."""

from __future__ import annotations

import enum

from devstack.stripe_simulator.errors import unexpected_state
from devstack.stripe_simulator.wire import Json


class Status(enum.StrEnum):
    """The statuses a card payment passes through."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class Action(enum.Enum):
    """An action on an intent; the value is Stripe's text of the refusal."""

    UPDATE = "This PaymentIntent's {change} could not be updated because it has a status of {status}."
    CONFIRM = "You cannot confirm this PaymentIntent because it has a status of {status}."
    AUTHENTICATE = "This PaymentIntent does not await authentication: it has a status of {status}."
    CAPTURE = (
        "This PaymentIntent could not be captured because it has a status of {status}. "
        "Only a PaymentIntent with one of the following statuses may be captured: requires_capture."
    )
    CANCEL = (
        "You cannot cancel this PaymentIntent because it has a status of {status}. Only a PaymentIntent with "
        "one of the following statuses may be canceled: requires_payment_method, requires_capture, "
        "requires_confirmation, requires_action, processing."
    )


_OPEN = frozenset({Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION})

ALLOWED_IN: dict[Action, frozenset[Status]] = {
    Action.UPDATE: _OPEN,
    Action.CONFIRM: _OPEN,
    Action.AUTHENTICATE: frozenset({Status.REQUIRES_ACTION}),
    Action.CAPTURE: frozenset({Status.REQUIRES_CAPTURE}),
    Action.CANCEL: _OPEN | {Status.REQUIRES_CAPTURE},
}


def require(action: Action, intent: Json, *, change: str = "amount") -> None:
    """Check that this status allows the action.

    Raises:
        RefusedError: `payment_intent_unexpected_state`, with the intent.
    """
    status = Status(intent["status"])
    if status in ALLOWED_IN[action]:
        return
    if action is Action.CAPTURE and status is Status.SUCCEEDED:
        raise unexpected_state("This PaymentIntent could not be captured because it has already been captured.", intent)
    raise unexpected_state(action.value.format(status=status, change=change), intent)
