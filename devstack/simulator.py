"""The Stripe simulator as a child process."""

from devstack.announced_process import AnnouncedProcess
from devstack.stripe_simulator.client import SimulatorControl


class StripeSimulator(AnnouncedProcess):
    """A running simulator, guarded like every other child process. Its state is in memory and ends with it."""

    def __init__(self, *arguments: str) -> None:
        """`arguments` as on its command line."""
        super().__init__(
            "Stripe simulator",
            "devstack.stripe_simulator",
            lambda file: ["--host", "127.0.0.1", "--port", "0", "--port-file", file, *arguments],
        )

    @property
    def api_base(self) -> str:
        """The value for STRIPE_API_BASE."""
        return f"http://127.0.0.1:{int(self.address)}"

    @property
    def control(self) -> SimulatorControl:
        """A client of the control API: faults, clock and ledger."""
        return SimulatorControl(self.api_base)
