"""The simulator as a child process: started, waited for, stopped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from devstack.stripe_simulator.client import SimulatorControl

_STOP_SECONDS = 5.0


class StartError(Exception):
    """The simulator did not start."""


@contextmanager
def running(*arguments: str) -> Iterator[SimulatorControl]:
    """Run it on a free port with these command-line arguments.

    Raises:
        StartError: the simulator ended before it listened.
    """
    command = [sys.executable, "-m", "devstack.stripe_simulator", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield SimulatorControl(_address(process))
        finally:
            _stop(process)


def _address(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline().strip() if process.stdout else ""
    if not line.startswith("http://"):
        raise StartError(f"the Stripe simulator ended with exit code {process.wait()}")
    return line


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
