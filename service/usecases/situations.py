"""Whether this service itself caused a change at Stripe, judged by the open commands of a locked payment."""

from datetime import datetime

from service.domain.commands.command import CommandType
from service.domain.learning import Situation
from service.domain.next_step import Step
from service.domain.progress import Progress
from service.storage.locked import Locked

_CANCELING = frozenset({CommandType.REVERT, CommandType.CANCEL_HOLD})


def revert_open(opened: list[Progress]) -> bool:
    """Whether a revert of the payment is accepted and not answered yet."""
    return any(progress.command.type is CommandType.REVERT for progress in opened)


def heard_in(found: Locked, happened_at: datetime | None = None) -> Situation:
    """The situation in which an event or a look is judged. ``happened_at``: the event's own time (UTC)."""
    return Situation(
        found.now,
        revert_open(found.opened),
        found.ledger.keys,
        captures=any(progress.command.type is CommandType.RELEASE for progress in found.opened),
        cancels=any(progress.command.type in _CANCELING or progress.step == Step.CANCEL for progress in found.opened),
        happened_at=happened_at,
    )
