"""A command under our lease."""

from dataclasses import dataclass
from uuid import UUID

from service.domain.next_step import Call
from service.domain.payment import Payment
from service.domain.progress import Progress
from service.domain.stripe_objects import Intent
from service.domain.stripe_requests import StripeRequest, noted
from service.storage.leases import Fence
from service.usecases.attempt import Attempt


@dataclass(frozen=True, slots=True)
class Claim:
    """A command under our lease, and the call that is committed and comes next. ``calls`` counts it, too."""

    progress: Progress
    payment: Payment
    token: UUID
    call: Call
    calls: int = 0
    seen: Intent | None = None
    """The intent, if the last call of this run returned it."""
    requests: tuple[StripeRequest, ...] = ()
    """The requests of the call, from its end until they are recorded."""

    @property
    def fence(self) -> Fence:
        """The command's key and fencing token, which guard every later write, and the note that the next one keeps."""
        return Fence(self.progress.command.key, self.token, noted(self.call.recovery_point, self.requests))

    @property
    def cause(self) -> str:
        """The command, as the record of a transition names its cause."""
        return f"{self.progress.command.type} {self.progress.command.correlation_id}"

    @property
    def attempt(self) -> Attempt:
        """The call as the gateway sees it."""
        at = self.progress
        return Attempt(at.command, self.payment, self.call.step, at.key_generation, at.received_at, self.seen)


@dataclass(frozen=True, slots=True)
class Over:
    """The command needs no work now. ``next_of``: its payment, if another command of the payment may go on."""

    next_of: UUID | None = None
