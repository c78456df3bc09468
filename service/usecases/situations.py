"""What a locked payment's commands say about a change at Stripe: whether this service is at it."""

from datetime import datetime

from service.domain.commands.command import CommandType
from service.domain.learning import Situation
from service.domain.next_step import Step
from service.domain.progress import Progress
from service.storage.locked import Locked

_CANCELING = frozenset({CommandType.REVERT, CommandType.CANCEL_HOLD})


def revert_open(opened: list[Progress]) -> bool:
    """Whether a revert of the payment is accepted and not yet answered."""
    return any(progress.command.type is CommandType.REVERT for progress in opened)


def heard_in(found: Locked, happened_at: datetime | None = None) -> Situation:
    """The situation in which Stripe's word is heard. ``happened_at``: the time that an event gives (UTC)."""
    return Situation(
        found.now,
        revert_open(found.opened),
        found.ledger.keys,
        captures=any(progress.command.type is CommandType.RELEASE for progress in found.opened),
        cancels=any(progress.command.type in _CANCELING or progress.step == Step.CANCEL for progress in found.opened),
        happened_at=happened_at,
    )
