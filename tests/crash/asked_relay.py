"""A relay process that a test asks on its ops port while its servers hang."""

import http.client
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from devstack.kafka import Kafka
from devstack.service_process import ServiceProcess
from devstack.topics import Topics
from tests.integration.relay.running import relay_process, settings_for

GRACE_SECONDS = 12
LOOK_SECONDS = 0.05


class Answer(NamedTuple):
    """An answer of /ready."""

    code: int
    status: str
    stage: str


def ask(relay: ServiceProcess, path: str) -> tuple[int, str]:
    """One request to the relay's own port."""
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def ready(relay: ServiceProcess) -> Answer:
    """The answer of /ready."""
    code, text = ask(relay, "/ready")
    body = json.loads(text)
    return Answer(code, body["status"], body.get("stage", ""))


def metric(relay: ServiceProcess, name: str) -> float:
    """One metric of /metrics."""
    lines = ask(relay, "/metrics")[1].splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).rpartition(" ")[2])


def until(relay: ServiceProcess, holds: Callable[[Answer], bool], seconds: float) -> Answer:
    """Ask /ready until the expected answer arrives, at most for this time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(LOOK_SECONDS)
        try:
            answer = ready(relay)
        except ConnectionRefusedError:
            continue
        if holds(answer):
            return answer
    raise AssertionError(f"after {seconds} s: {answer}\n{relay.log_tail()}")


def ends_in_time(relay: ServiceProcess) -> tuple[int, float]:
    """Its exit code after SIGTERM, and the seconds that it took."""
    assert relay.process is not None
    began = time.monotonic()
    relay.ask_to_stop()
    code = relay.process.wait(60)
    return code, time.monotonic() - began


@contextmanager
def started(url: str, kafka: Kafka, topics: Topics, directory: Path, **given: str) -> Iterator[ServiceProcess]:
    """A relay's process; killed with the block."""
    settings = settings_for(url, kafka, topics, relay_delivery=given.pop("RELAY_DELIVERY", "exactly-once"))
    relay = relay_process(settings, directory, SHUTDOWN_GRACE=f"{GRACE_SECONDS}s", **given)
    relay.start()
    try:
        yield relay
    finally:
        if relay.running:
            if relay.process is not None:
                relay.process.send(signal.SIGCONT)
            relay.kill()
