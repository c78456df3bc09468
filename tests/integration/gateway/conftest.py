"""The gateway against servers that speak HTTP."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from devstack.stripe_simulator.client import SimulatorControl
from devstack.stripe_simulator.process import running
from service.gateway.stripe_gateway import StripeGateway
from tests.unit.gateway.fake_stripe import nothing, settings

MakeGateway = Callable[..., StripeGateway]


@pytest.fixture(scope="package")
def simulator_process() -> Iterator[SimulatorControl]:
    with running("--seed", "1") as control:
        yield control


@pytest.fixture
def simulator(simulator_process: SimulatorControl) -> SimulatorControl:
    simulator_process.reset()
    return simulator_process


@pytest.fixture
def make_gateway() -> MakeGateway:
    """A gateway to a base URL, with a time-out in seconds."""

    def make(base: str, seconds: float = 10) -> StripeGateway:
        return StripeGateway(settings(stripe_api_base=base, stripe_timeout=timedelta(seconds=seconds)), nothing)

    return make


@pytest.fixture
def gateway(simulator: SimulatorControl, make_gateway: MakeGateway) -> StripeGateway:
    return make_gateway(simulator.base_url)
