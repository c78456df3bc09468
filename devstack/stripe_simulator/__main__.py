"""`python -m devstack.stripe_simulator`: the simulator as a process."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from pathlib import Path

from devstack.stripe_simulator.app import App
from devstack.stripe_simulator.deliveries import Endpoint
from devstack.stripe_simulator.http_server import serve
from devstack.stripe_simulator.traffic import Traffic


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(_run(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devstack.stripe_simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--port-file", type=Path, help="write the port here once it listens")
    parser.add_argument("--webhook-url", help="where events go")
    parser.add_argument("--webhook-secret", default="", help="whsec_…, comma-separated during a rotation")
    parser.add_argument(
        "--webhook-event", action="append", help="deliver only this type (repeatable, wildcards; default all)"
    )
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each API call acts")
    parser.add_argument("--rate-limit", type=float, help="API requests a second before 429")
    parser.add_argument("--seed", type=int, help="makes ids and random faults repeatable")
    arguments = parser.parse_args()
    if arguments.webhook_url and not arguments.webhook_secret:
        parser.error("--webhook-url needs --webhook-secret")
    return arguments


async def _run(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = App(_endpoints(arguments), seed=arguments.seed)
    app.simulator.gate.shape(Traffic(latency_before=arguments.latency, rate_limit=arguments.rate_limit))

    def ready(port: int) -> None:
        if arguments.port_file:
            partial = arguments.port_file.with_suffix(".partial")
            partial.write_text(str(port))
            partial.rename(arguments.port_file)
        print(f"http://{arguments.host}:{port}", flush=True)  # noqa: T201

    await serve(app.respond, arguments.host, arguments.port, ready=ready, stop=stop)
    await app.sender.stop()


def _endpoints(arguments: argparse.Namespace) -> list[Endpoint]:
    if not arguments.webhook_url:
        return []
    events = tuple(arguments.webhook_event or ["*"])
    return [Endpoint(arguments.webhook_url, arguments.webhook_secret, events)]


if __name__ == "__main__":
    main()
