"""The demo: starts the stack, runs three sagas, shows each payment's timeline, and removes everything."""

import os
import subprocess
import sys
import time
from contextlib import closing

from rich.console import Console

from devstack.application import StackInfo
from devstack.payment_pages import PaymentPages
from devstack.processes import end_by_signal, environment
from devstack.saga_client import SagaClient, SagaError
from devstack.service_process import ROOT
from devstack.stack import Stack
from devstack.stories import STORIES, Saga
from devstack.stripe_simulator.client import SimulatorControl

_TIMELINE_SECONDS = 30.0


def run_demo(console: Console) -> None:
    """Runs the demo. It must run in the main thread: Ctrl-C and SIGTERM end it and everything it started.

    Raises KeyboardInterrupt on these signals, SagaError for an unexpected end of a saga, PostgresUnavailableError,
    ProcessFailedError.
    """
    end_by_signal()
    began = time.monotonic()
    console.print(
        "Starting PostgreSQL, Kafka, a Stripe simulator and the service. Ctrl-C ends all of it.", soft_wrap=True
    )
    with Stack(lambda line: console.print(line, style="dim", markup=False, soft_wrap=True)) as stack:
        console.print(f"Ready after {time.monotonic() - began:.0f} s.")
        payments = _run_sagas(stack, console)
        for title, payment_id in payments.items():
            _timeline(title, payment_id, stack.info, console)
        console.print("\nStopping.")
    console.print(f"Three sagas, each answered once. {time.monotonic() - began:.0f} s in all.", style="bold")


def _run_sagas(stack: Stack, console: Console) -> dict[str, str]:
    stripe = SimulatorControl(stack.info.stripe_api_base)
    payments = {}
    try:
        with closing(_client(stack.info)) as client, closing(PaymentPages(stack.info)) as pages:
            for number, (title, story) in enumerate(STORIES.items(), 1):
                console.print(f"\n{number}. {title}", style="bold")
                payments[title] = story(Saga(client, pages, stripe, console))
    except (SagaError, TimeoutError) as error:
        logs = "\n".join(f"{name}:\n{service.log_tail()}" for name, service in stack.services.items())
        raise SagaError(f"{error}\n{logs}") from error
    return payments


def _client(info: StackInfo) -> SagaClient:
    return SagaClient(
        {"bootstrap.servers": info.kafka_bootstrap_servers},
        os.environ.get("PAYMENT_COMMANDS_TOPIC", "payment_commands"),
        os.environ.get("PAYMENT_EVENTS_TOPIC", "payment_events"),
    )


def _timeline(title: str, payment_id: str, info: StackInfo, console: Console) -> None:
    """Shows a payment's timeline with the operators' command."""
    words = ["cli.py", "payment", "timeline", payment_id]
    console.print(f"\n{title}: python {' '.join(words)}", style="bold", soft_wrap=True)
    shown = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment(DATABASE_URL=info.database_url),
        timeout=_TIMELINE_SECONDS,
        check=False,
    )
    if shown.returncode != 0:
        raise SagaError(f"{' '.join(words)} ended with {shown.returncode}")
