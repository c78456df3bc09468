"""The progress of an open command in a payment's world: its plan, its calls and the effects of their answers.

It follows the service, without storage and leases. A call with the record of its answer is one move, or the answer is
lost.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from service.domain.commands.authorize import Authorize
from service.domain.commands.cancel_hold import CancelHold
from service.domain.commands.catalog import StoredCommand, plan
from service.domain.commands.revert import Revert
from service.domain.errors import StripeRefusedError
from service.domain.intent_state import Observed
from service.domain.learning import Situation
from service.domain.next_step import Call, Clock, Mode, Next, Settled, Step, Waiting
from service.domain.progress import Progress, is_blocked
from service.domain.step_results import apply, give_up, refuse
from service.domain.stripe_objects import Picture, StepResult
from service.usecases.call import act, look
from service.usecases.claimed import Attempt
from tests.models.modeled_gateway import ModeledGateway
from tests.models.payment_world import Open, World, written
from tests.unit.domain import facts
from tests.unit.domain.facts import NOW, POLICY

_IN_TIME = Clock(NOW, NOW)
_CUSTOMERS_TIME_OVER = Clock(NOW + timedelta(hours=25), NOW)
_FATES = {
    Step.CREATE_INTENT: ("held", "action", "declined"),
    Step.REFUND: ("succeeded", "pending", "failed"),
}
_Known = StepResult | Picture | StripeRefusedError | None
"""None means that a look has shown the step as not done."""


class Move(NamedTuple):
    """``rare``: a fault, or a stranger's action, whose number is limited."""

    name: str
    after: World
    rare: bool = False


def moves(world: World) -> Iterator[Move]:
    """The moves of every command that may proceed."""
    for me in world.opened:
        others = [_progress(world, other) for other in world.opened if other is not me]
        if not is_blocked(_progress(world, me), others):
            yield from _moves_of(world, me)


def _progress(world: World, one: Open) -> Progress:
    state = "waiting" if one.waiting else "pending"
    return facts.progress(one.command, state=state, arrival=world.opened.index(one))


def _moves_of(world: World, me: Open) -> Iterator[Move]:
    following = _planned(world, me)
    if isinstance(following, Call):
        yield from _calls(world, me, following)
    else:
        yield Move(f"{me.command.type} goes on", _gone_on(world, me, following))
    if isinstance(me.command, Authorize) and me.waiting:
        late = plan(me.command, world.payment, POLICY, _CUSTOMERS_TIME_OVER)
        if isinstance(late, Call):
            yield from _calls(world, me, late)


def _planned(world: World, me: Open) -> Next:
    if isinstance(me.command, Authorize) and me.waiting and not world.has(Revert):
        return Call(Step.CREATE_INTENT, Mode.LOOK)
    return plan(me.command, world.payment, POLICY, _IN_TIME, world.ledger)


def _calls(world: World, me: Open, call: Call) -> Iterator[Move]:
    step, name = call.step, f"{me.command.type}: {call.step}"
    kept = me.kept if me.step is step else None
    for fate in _FATES.get(step, ("",)) if kept is None and call.mode is Mode.ACT else ("",):
        gateway = ModeledGateway(world.side, fate, kept)
        known = _asked(gateway, _attempt(world, me, step), call.mode)
        changed = replace(world, side=gateway.side)
        said = f"{name} {fate}".strip()
        yield Move(said, _answered(changed, me, step, known), rare=fate == "failed")
        if gateway.side != world.side and gateway.kept is not None:
            lost = Open(me.command, step=step, kept=gateway.kept)
            yield Move(f"{said}, and its answer is lost", _put(changed, me, lost), rare=True)
    if not isinstance(me.command, CancelHold) and step is not Step.CANCEL:
        found = _asked(ModeledGateway(world.side), _attempt(world, me, step), Mode.LOOK_ONLY)
        yield Move(f"{name} is late, and looked for", _answered(world, me, step, found), rare=True)


def _attempt(world: World, me: Open, step: Step) -> Attempt:
    return Attempt(me.command, world.payment, step, 0, NOW)


def _asked(gateway: ModeledGateway, attempt: Attempt, mode: Mode) -> _Known:
    """The call's result. A refusal may mean that the effect exists already."""
    if mode is not Mode.ACT:
        return look(gateway, attempt)
    try:
        return act(gateway, attempt)
    except StripeRefusedError as refusal:
        return refusal if refusal.kind == "card_error" else look(gateway, attempt) or refusal


def _answered(world: World, me: Open, step: Step, known: _Known) -> World:
    if isinstance(me.command, CancelHold) and not isinstance(known, StepResult):
        return _put(world, me, replace(me, kept=None))  # never given up: looked for, then done under a new key
    after = written(world, _judged(world, me.command, step, known))
    if me not in after.opened:
        return after
    return _gone_on(after, me, plan(me.command, after.payment, POLICY, _IN_TIME, after.ledger))


def _judged(world: World, command: StoredCommand, step: Step, known: _Known) -> Observed:
    if known is None:
        return give_up(command, world.payment, step)
    if isinstance(known, StripeRefusedError):
        return refuse(command, world.payment, known)
    captures, cancels = step is Step.CAPTURE, step is Step.CANCEL
    situation = Situation(NOW, world.has(Revert), world.ledger.keys, captures=captures, cancels=cancels)
    return apply(command, world.payment, known, situation)


def _gone_on(world: World, me: Open, following: Next) -> World:
    match following:
        case Call():
            step = following.step if isinstance(me.command, CancelHold) else None
            return _put(world, me, Open(me.command, step=step))
        case Waiting():
            return _put(world, me, Open(me.command, waiting=True))
        case Settled():
            return _put(written(world, Observed(following.payment, following.answers)), me, None)


def _put(world: World, me: Open, after: Open | None) -> World:
    changed = [after if one == me else one for one in world.opened]
    return replace(world, opened=tuple(one for one in changed if one is not None))
