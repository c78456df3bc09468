"""Webhook deliveries: order, copies, losses, retries, holding; and the signature."""

import pytest
import stripe

from devstack.stripe_simulator.deliveries import Deliveries, Delivery, Endpoint, Manner
from devstack.stripe_simulator.sender import sign

_ENDPOINT = Endpoint("http://127.0.0.1:1/", "whsec_a")


class _Queue(Deliveries):
    """Deliveries on a clock that the test moves."""

    def __init__(self, manner: Manner | None = None, *endpoints: Endpoint) -> None:
        self.time = 0.0
        super().__init__(lambda: self.time)
        self.set_endpoints(list(endpoints) or [_ENDPOINT])
        self.shape(manner or Manner())

    def fill(self, count: int) -> None:
        for number in range(count):
            self.publish(f"evt_{number}", "payment_intent.created", "{}")

    def due(self) -> list[Delivery]:
        """All deliveries that are due now."""
        return list(iter(self.take, None))

    def due_ids(self) -> list[str]:
        return [delivery.event_id for delivery in self.due()]


def test_deliveries_are_ordered_and_single_by_default() -> None:
    queue = _Queue()
    queue.fill(3)
    assert queue.due_ids() == ["evt_0", "evt_1", "evt_2"]


def test_endpoint_receives_only_its_event_types() -> None:
    some = Endpoint("http://127.0.0.1:2/", "s", ("payment_intent.*", "charge.failed"))
    queue = _Queue(None, _ENDPOINT, some)
    for type_ in ("payment_intent.created", "charge.succeeded", "charge.failed"):
        queue.publish("evt", type_, "{}")
    wanted = [delivery.event_type for delivery in queue.due() if delivery.endpoint is some]
    assert wanted == ["payment_intent.created", "charge.failed"]


def test_duplicates_keep_the_id() -> None:
    queue = _Queue(Manner(duplicates=2))
    queue.fill(1)
    assert queue.due_ids() == ["evt_0"] * 3


def test_jitter_lets_events_overtake_each_other() -> None:
    queue = _Queue(Manner(jitter=1.0, seed=3))
    queue.fill(10)
    queue.time = 1.0
    ids = queue.due_ids()
    assert sorted(ids) == [f"evt_{number}" for number in range(10)] != ids


def test_lost_deliveries_are_counted() -> None:
    queue = _Queue(Manner(drop_rate=0.5, seed=3))
    queue.fill(40)
    delivered = len(queue.due_ids())
    assert 0 < delivered < 40
    assert queue.status()["dropped"] == 40 - delivered


def test_held_deliveries_are_released_in_shuffled_order() -> None:
    queue = _Queue()
    queue.fill(5)
    queue.hold()
    queue.fill(5)
    assert queue.due() == []
    assert queue.status()["held"] == 10
    assert queue.release(shuffle_seed=1) == 10
    ids = queue.due_ids()
    assert sorted(ids) == sorted(2 * [f"evt_{number}" for number in range(5)])
    assert ids != [f"evt_{number}" for number in range(5)] * 2


def test_retries_back_off_and_end() -> None:
    queue = _Queue(Manner(retry_base=1.0, retry_cap=3.0, max_attempts=4))
    queue.fill(1)
    attempts = []
    for second in range(20):
        queue.time = float(second)
        for delivery in queue.due():
            attempts.append(second)
            queue.settle(delivery, accepted=False)
    assert attempts == [0, 1, 3, 6]
    assert queue.status()["given_up"] == 1


def test_immediate_delivery_skips_the_delay() -> None:
    queue = _Queue(Manner(retry_base=100.0))
    queue.fill(1)
    queue.settle(queue.due()[0], accepted=False)
    assert queue.due() == []
    queue.deliver_now()
    assert [delivery.attempt for delivery in queue.due()] == [2]


def test_queue_is_drained_when_no_delivery_waits_or_runs() -> None:
    queue = _Queue()
    queue.fill(1)
    assert not queue.idle()
    (delivery,) = queue.due()
    assert not queue.idle()
    queue.settle(delivery, accepted=True)
    assert queue.idle()
    assert queue.status()["delivered"] == 1


@pytest.mark.parametrize("accepted", [True, False])
def test_running_delivery_is_forgotten_after_a_reset(accepted: bool) -> None:
    queue = _Queue()
    queue.fill(1)
    (delivery,) = queue.due()
    queue.reset([_ENDPOINT])
    queue.settle(delivery, accepted=accepted)
    assert not any(queue.status().values())
    assert queue.idle()


def test_sender_is_notified_and_learns_the_time_of_the_next_delivery() -> None:
    queue = _Queue(Manner(retry_base=5.0))
    waits: list[float | None] = []
    queue.on_change = lambda: waits.append(queue.seconds_to_next())
    queue.fill(1)
    queue.settle(queue.due()[0], accepted=False)
    assert waits == [0.0, 5.0]
    queue.hold()
    queue.release()
    assert waits[2:] == [None, 0.0]


@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new"])
def test_library_accepts_the_signatures(secret: str) -> None:
    payload, now = '{"id": "evt_1"}', 1_800_000_000
    header = sign(payload, "whsec_old, whsec_new", now)
    assert stripe.WebhookSignature.verify_header(payload, header, secret, tolerance=None)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(payload + " ", header, secret, tolerance=None)
