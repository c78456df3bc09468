"""The schema as ORM models, one module for each aggregate. A test compares it with the schema that migrations build.

Import the package and write ``models.Payment``, because the domain's classes have the same names.
"""

from service.storage.models.audit import Audit
from service.storage.models.base import Base
from service.storage.models.command import Command
from service.storage.models.dead_letter import DeadLetter
from service.storage.models.operator_action import OperatorAction
from service.storage.models.outbox_row import OutboxRow
from service.storage.models.payment import Movement, Payment, PaymentTransition
from service.storage.models.relay_checkpoint import RelayCheckpoint
from service.storage.models.request_key import RequestKey
from service.storage.models.stripe_event import StripeEvent

__all__ = [
    "Audit",
    "Base",
    "Command",
    "DeadLetter",
    "Movement",
    "OperatorAction",
    "OutboxRow",
    "Payment",
    "PaymentTransition",
    "RelayCheckpoint",
    "RequestKey",
    "StripeEvent",
]
