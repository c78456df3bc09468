"""Learning from Stripe: the movements that are new to a payment, their effect on it, and its events.

The answer of a call, a webhook, a reconciliation and a look all pass through here, under the payment's lock. A movement
that is known already changes nothing, so that their order and number do not matter.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from service.domain.commands.command import CommandType
from service.domain.intent_state import SEEN_BY_STATUS, Observed, Seen, observe
from service.domain.ledger import Ledger, Movement, MovementKind, Proof
from service.domain.movements import of_intent, of_picture, shows_no_charge
from service.domain.news import settle
from service.domain.next_step import Step
from service.domain.payment import Payment
from service.domain.progress import Progress
from service.domain.stripe_objects import Intent, Picture

_CANCELING = frozenset({CommandType.REVERT, CommandType.CANCEL_HOLD})


@dataclass(frozen=True, slots=True)
class Situation:
    """The circumstances in which an object of Stripe's is judged.

    ``now``: by the database's clock. ``known``: the movements in the payment's ledger. ``captures`` and ``cancels``:
    whether this service is capturing or canceling, so that a capture, or the end of the hold, is its own.
    ``happened_at``: the event's own time (UTC), if it has one. ``reverted_later``: a revert that comes back after this
    command, from before a restore, may have ended the hold.
    """

    now: datetime
    revert_open: bool = False
    known: frozenset[Proof] = frozenset()
    captures: bool = False
    cancels: bool = False
    happened_at: datetime | None = None
    reverted_later: bool = False


def revert_open(opened: Collection[Progress]) -> bool:
    """Whether a revert of the payment is accepted and not answered yet. ``opened``: the payment's open commands."""
    return any(progress.command.type is CommandType.REVERT for progress in opened)


def situation_of(
    opened: Collection[Progress], ledger: Ledger, now: datetime, happened_at: datetime | None = None
) -> Situation:
    """The situation in which an event or a look is judged: the payment's open commands show the cause of a change.

    ``now``: by the database's clock. ``happened_at``: the event's own time (UTC).
    """
    return Situation(
        now,
        revert_open(opened),
        ledger.keys,
        captures=any(progress.command.type is CommandType.RELEASE for progress in opened),
        cancels=any(progress.command.type in _CANCELING or progress.step == Step.CANCEL for progress in opened),
        happened_at=happened_at,
    )


def learn_intent(payment: Payment, seen: Seen, intent: Intent, situation: Situation) -> Observed:
    """The effect of the payment's own intent in the state ``seen``."""
    learnt = learn(payment, _with_actor(of_intent(intent), situation), situation)
    if shows_no_charge(intent):
        learnt = replace(learnt, look=True)
    return _observed(learnt, seen, intent, situation, Picture(intent))


def learn_picture(payment: Payment, picture: Picture, situation: Situation) -> Observed:
    """The effect of a look at the payment's own intent and at everything that became of its money."""
    learnt = learn(payment, _with_actor(of_picture(payment, picture), situation), situation)
    return _observed(learnt, SEEN_BY_STATUS[picture.intent.status], picture.intent, situation, picture)


def learn(payment: Payment, movements: Collection[Movement], situation: Situation) -> Observed:
    """The payment with the movements that are new. If its sums would not add up, it takes none, and a look is due.

    That happens when an object arrives before another one, or when the payment is older than its ledger.
    """
    fresh = tuple(
        replace(movement, at=movement.at or situation.happened_at or situation.now)
        for movement in movements
        if movement.key not in situation.known
    )
    after = payment.with_movements(fresh)
    return Observed(after, movements=fresh) if after.money.adds_up else Observed(payment, look=True)


def learn_stray(payment: Payment, picture: Picture, situation: Situation) -> Observed:
    """The movements of a second intent of the payment: rows of the ledger that count in no sum."""
    return learn(payment, [replace(movement, stray=True) for movement in of_picture(payment, picture)], situation)


def _with_actor(movements: Iterable[Movement], situation: Situation) -> list[Movement]:
    ours = {MovementKind.CAPTURE: situation.captures, MovementKind.HOLD_GONE: situation.cancels or situation.captures}
    return [
        movement if (by_us := ours.get(movement.kind)) is None else replace(movement, by_us=by_us)
        for movement in movements
    ]


def _observed(learnt: Observed, seen: Seen, intent: Intent, situation: Situation, picture: Picture) -> Observed:
    was_held = seen is Seen.CANCELED and intent.charge_id is not None and intent.error is None
    # The command finds the payment as it was for it; the revert's own outcome says the rest.
    then = Seen.HELD if situation.reverted_later and was_held else seen
    state = observe(learnt.payment, then, intent, revert_open=situation.revert_open, now=situation.now)
    reverting = situation.revert_open or situation.reverted_later
    settled = settle(state.payment, learnt.movements, picture, known=situation.known, revert_open=reverting)
    return Observed(
        settled.payment,
        (*state.answers, *settled.answers),
        state.cancel_hold or settled.cancel_hold,
        learnt.movements,
        learnt.look,
    )
