"""Signed webhooks over HTTP, read by the receiver with Stripe's library."""

import stripe

from devstack.stripe_simulator.client import SimulatorControl
from tests.integration.stripe_simulator.receiver import SECRET, Receiver


def _authorize(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "sgd",
            "capture_method": "manual",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )


_TYPES = ["payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"]


def test_every_event_arrives_signed(client: stripe.StripeClient, control: SimulatorControl, receiver: Receiver) -> None:
    intent = _authorize(client)
    control.drain_webhooks()
    assert sorted(receiver.types()) == sorted(_TYPES)
    event = next(event for event in receiver.events if event.type == _TYPES[-1])
    assert event.data.object["id"] == intent.id
    assert client.v1.events.retrieve(event.id).type == event.type


def test_signatures_carry_real_time_when_the_clock_moved(
    client: stripe.StripeClient, control: SimulatorControl, receiver: Receiver
) -> None:
    control.advance(8 * 86400)
    _authorize(client)
    control.drain_webhooks()
    assert len(receiver.events) == 3


def test_refused_deliveries_are_repeated_with_the_same_id(
    client: stripe.StripeClient, control: SimulatorControl, receiver: Receiver
) -> None:
    control.webhooks(retry_base=0.01)
    receiver.fail_first = 2
    control.set_endpoint(receiver.url, SECRET, ("payment_intent.*",))
    _authorize(client)
    control.drain_webhooks()
    assert sorted(receiver.types()) == sorted([_TYPES[0], _TYPES[2]])
    assert control.webhook_status()["failed_attempts"] == 2


def test_delivery_to_an_unreachable_endpoint_is_repeated(
    client: stripe.StripeClient, control: SimulatorControl
) -> None:
    control.webhooks(max_attempts=1)
    control.set_endpoint("http://127.0.0.1:1/", SECRET)
    _authorize(client)
    control.drain_webhooks()
    assert control.webhook_status()["given_up"] == 3


def test_deliveries_can_be_held_released_duplicated_and_resent(
    client: stripe.StripeClient, control: SimulatorControl, receiver: Receiver
) -> None:
    control.webhooks(duplicates=1)
    control.hold_webhooks()
    _authorize(client)
    control.drain_webhooks()
    assert receiver.events == []
    assert control.release_webhooks(shuffle_seed=1) == 6
    control.drain_webhooks()
    assert sorted(receiver.types()) == sorted(_TYPES * 2)
    assert len({event.id for event in receiver.events}) == 3
    control.webhooks(duplicates=0)
    control.resend(receiver.events[0].id, times=2)
    control.drain_webhooks()
    assert len(receiver.events) == 8
