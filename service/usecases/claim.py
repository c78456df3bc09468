"""Phase 2, claim: the lease that lets one worker, and no other, go on with a payment; and its next step."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from prometheus_client import Counter

from service.domain.commands.command import CommandKey
from service.domain.learning import revert_open
from service.domain.next_step import Call, Mode, Step
from service.domain.payment import Payment
from service.domain.progress import CommandState, Progress, is_blocked
from service.storage import leases, locked, schedule
from service.storage.engine import Connection, Engine, after_commit, in_transaction
from service.storage.locked import Locked
from service.usecases.claimed import Claim, Over
from service.usecases.commit_step import NextSteps

EXPIRED = Counter("payment_leases_expired", "Leases that expired before their holder ended them, seen at the takeover")

BLOCKED_PAUSE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Claims:
    """Leases commands. A claim carries its next step, which the same transaction commits."""

    engine: Engine
    next_steps: NextSteps
    lease: timedelta

    def next_of(self, payment_id: UUID) -> Claim | Over:
        """Lease the payment's first command that was never begun, if one may run; put the blocked ones off."""
        return in_transaction(self.engine, lambda connection: self.within(connection, payment_id, None))

    def one(self, payment_id: UUID, key: CommandKey) -> Claim | Over:
        """Lease one command if it may run; put it off if it is blocked."""
        return in_transaction(self.engine, lambda connection: self.within(connection, payment_id, key))

    def within(self, connection: Connection, payment_id: UUID, key: CommandKey | None) -> Claim | Over:
        """As ``one``, or as ``next_of`` without a key, in the caller's transaction."""
        found = locked.lock(connection, payment_id)
        if found is None:
            return Over()
        for me in found.opened:
            wanted = _is_unbegun(me) if key is None else me.command.key == key
            if not wanted or me.leased:
                continue
            if not is_blocked(me, [other for other in found.opened if other is not me]):
                return self._take(connection, found, me)
            schedule.put_off(connection, me.command.key, BLOCKED_PAUSE)
        return Over()

    def _take(self, connection: Connection, found: Locked, me: Progress) -> Claim | Over:
        (payment, opened, now, ledger), token = found, uuid4()
        dead = [other for other in opened if other.lease_token is not None and not other.leased]
        if any(other is not me for other in dead):
            leases.void_dead_leases(connection, payment.payment_id)
        if dead:
            after_commit(partial(EXPIRED.inc, len(dead)))
        leases.take_lease(connection, me.command.key, token, self.lease)
        claim = Claim(me, payment, token, Call(Step.CREATE_INTENT, Mode.LOOK))
        looks = _looks_first(me, payment) and not revert_open(opened)
        following = claim.call if looks else self.next_steps.plan(me, payment, ledger, now)
        return self.next_steps.go_on(connection, claim, payment, following, now=now, more=len(opened) > 1)


def _looks_first(me: Progress, payment: Payment) -> bool:
    """Whether an authorize with a known intent is taken up again: a look at Stripe comes before it waits (again)."""
    begun = me.state == CommandState.WAITING or me.step == Step.CREATE_INTENT
    return begun and payment.stripe_payment_intent_id is not None


def _is_unbegun(progress: Progress) -> bool:
    """Pending and never begun. A command that met a fault waits for its own next attempt."""
    return progress.state == CommandState.PENDING and progress.attempts == 0
