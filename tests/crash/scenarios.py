"""A scenario for every crash point: the flow and the process that pass the point."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from consumer.crash_points import CrashPoint as ConsumerPoint
from devstack.service_process import ServiceName
from proofs.chaos.sagas import CHALLENGED, held, released, reverted
from proofs.chaos.talk import Talk
from relay.crash_points import CrashPoint as RelayPoint
from service.crash_points import CrashPoint as ServicePoint
from service.domain.next_step import Step
from service.usecases.run_command import STEP_POINTS, Stage
from tests.crash.points import CrashPoint

Flow = Callable[[Talk], Iterator[None]]
"""Runs without a crash up to its yield. The crash happens afterwards, and the flow must end as if there were none."""


@dataclass(frozen=True)
class Scenario:
    """``process`` dies in ``flow``. ``over_http``: the release comes by HTTP. ``too_large``: Kafka refuses a record
    beside it. ``by_webhook``: the process acts on a webhook."""

    process: ServiceName
    flow: Flow
    over_http: bool = False
    too_large: bool = False
    by_webhook: bool = False


def authorize(talk: Talk) -> Iterator[None]:
    """A hold."""
    yield
    held(talk)


def release(talk: Talk) -> Iterator[None]:
    """Capture, then transfer."""
    payment_id = held(talk)
    yield
    released(talk, payment_id)


def cancel(talk: Talk) -> Iterator[None]:
    """Cancellation of the hold."""
    payment_id = held(talk)
    yield
    reverted(talk, payment_id)


def give_back(talk: Talk) -> Iterator[None]:
    """Reversal of the transfer, then refund."""
    payment_id = held(talk)
    released(talk, payment_id)
    yield
    reverted(talk, payment_id)


def customer_finishes(talk: Talk) -> Iterator[None]:
    """A webhook of Stripe's announces the hold."""
    asked = talk.authorize(CHALLENGED)
    payment = talk.awaited_customer()
    yield
    talk.finish_challenge(payment, succeeded=True)
    talk.hear(asked, "payment.authorized AUTHORIZED")


def others_refund(talk: Talk) -> Iterator[None]:
    """A person in the Dashboard refunds, and a look finds the refund."""
    payment_id = held(talk)
    released(talk, payment_id)
    yield
    talk.stripe.dashboard("refund", talk.intent(payment_id))
    talk.hear_news(payment_id, "payment.refunded REVERTED")
    reverted(talk, payment_id)


_FLOW_OF_STEP: dict[Step, Flow] = {
    Step.CREATE_INTENT: authorize,
    Step.CAPTURE: release,
    Step.TRANSFER: release,
    Step.CANCEL: cancel,
    Step.REVERSE: give_back,
    Step.REFUND: give_back,
}

_WEBHOOK = Scenario("serve", customer_finishes)
_REQUEST = Scenario("serve", release, over_http=True)

SCENARIOS: dict[CrashPoint, Scenario] = {
    ServicePoint.ACCEPT_BEFORE_COMMIT: Scenario("consume", authorize),
    ServicePoint.ACCEPT_AFTER_COMMIT: Scenario("consume", release),
    **{STEP_POINTS[step, stage]: Scenario("consume", flow) for step, flow in _FLOW_OF_STEP.items() for stage in Stage},
    ConsumerPoint.BEFORE_OFFSET_COMMIT: Scenario("consume", authorize),
    ConsumerPoint.AFTER_OFFSET_COMMIT: Scenario("consume", authorize),
    ServicePoint.WEBHOOK_BEFORE_COMMIT: _WEBHOOK,
    ServicePoint.WEBHOOK_AFTER_COMMIT: _WEBHOOK,
    ServicePoint.LOOK_BEFORE_COMMIT: Scenario("consume", others_refund, by_webhook=True),
    ServicePoint.LOOK_AFTER_COMMIT: Scenario("consume", others_refund, by_webhook=True),
    ServicePoint.REQUEST_BEFORE_COMMIT: _REQUEST,
    ServicePoint.REQUEST_AFTER_COMMIT: _REQUEST,
    RelayPoint.AFTER_READ: Scenario("relay", authorize),
    RelayPoint.IN_TRANSACTION: Scenario("relay", authorize),
    RelayPoint.BEFORE_KAFKA_COMMIT: Scenario("relay", release),
    RelayPoint.AFTER_REFUSAL: Scenario("relay", authorize, too_large=True),
    RelayPoint.AFTER_KAFKA_COMMIT: Scenario("relay", release),
    RelayPoint.AFTER_CHECKPOINT: Scenario("relay", release),
}
