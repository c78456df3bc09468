"""A simulator process, a webhook receiver, and the real library's client between them."""

import threading
from collections.abc import Iterator

import pytest
import stripe

from devstack.stripe_simulator.client import SimulatorControl
from devstack.stripe_simulator.process import running
from tests.integration.stripe_simulator.receiver import SECRET, Receiver


@pytest.fixture(scope="package")
def process() -> Iterator[SimulatorControl]:
    with running("--seed", "1") as control:
        yield control


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def control(process: SimulatorControl, receiver: Receiver) -> SimulatorControl:
    process.reset()
    process.set_endpoint(receiver.url, SECRET)
    return process


@pytest.fixture
def client(control: SimulatorControl) -> Iterator[stripe.StripeClient]:
    http = stripe.RequestsClient(timeout=5)
    yield stripe.StripeClient(
        "sk_test_integration", base_addresses={"api": control.base_url}, max_network_retries=0, http_client=http
    )
    http.close()  # type: ignore[no-untyped-call]
