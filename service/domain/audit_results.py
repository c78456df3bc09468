"""The result of one run of an audit, as it is kept: counts only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AuditKind(StrEnum):
    """What was compared."""

    PAYMENT = "payment"
    """The books and Stripe."""

    OUTBOX = "outbox"
    """The outbox and the topics."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """``until``: None means until the audit read. ``differences``: those that no repair of the same run ended."""

    kind: AuditKind
    since: datetime
    until: datetime | None
    compared: int
    differences: int
    repaired: int = 0
