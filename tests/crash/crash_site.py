"""The three real processes on their own database, topics and Stripe; any of them can be killed at a crash point."""

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from devstack.application import Application
from devstack.kafka import Kafka
from devstack.service_process import ServiceName
from devstack.topics import Topics
from proofs.chaos.audit import audit
from proofs.chaos.evidence import UNPUBLISHABLE, Scene
from proofs.chaos.plan import Kind, Saga
from proofs.chaos.talk import Surroundings, Talk
from proofs.money_books import ours
from tests.crash.points import CrashPoint
from tests.crash.scenarios import Scenario

AT_ONCE = 2
"""Number of sagas in progress when a process dies."""

_DEATH_SECONDS = 30.0
_QUIET_SECONDS = 30.0
_POLL_SECONDS = 0.01
_KILLED = 128 + signal.SIGKILL

_APPEND = f"""
    INSERT INTO outbox (event_id, topic, key, type, value, headers)
    VALUES (%s, %s, 'too-large', '{UNPUBLISHABLE}', repeat('x', 2 * 1024 * 1024), '[]')
"""

_REFUSED = "SELECT id FROM dead_letters WHERE partition = -1"


class CrashSite:
    """Runs one crash after another; its servers' contents belong to it alone."""

    _numbers = count(1)

    def __init__(self, database_url: str, kafka: Kafka, topics: Topics, directory: Path) -> None:
        self._armed = directory / f"{topics.group}.crash-at"
        self.application = Application(
            database_url=database_url,
            kafka=kafka,
            environment={
                **topics.environment,
                "CRASH_AT": f"@{self._armed}",
                "LEASE": "1s",
                "WORKERS": "1",
            },
            # A static member gets its partitions back at once (Kafka documentation, "Static Membership").
            environment_of={"consume": {"KAFKA_CONFIG": f"group.instance.id={topics.group}"}},
        )
        self._kafka = kafka
        self._database_url = database_url
        self._topics = topics
        self._refused = 0

    def __enter__(self) -> Self:
        try:
            self.application.start()
        except BaseException:
            self.application.close()
            raise
        stripe = self.application.simulator.control
        stripe.webhooks(retry_base=0.1, retry_cap=0.5, duplicates=1)
        self.scene = Scene(self._database_url, self._kafka.bootstrap_servers, self._topics, stripe)
        self._client = self.scene.client()
        self.around = Surroundings(self._client, stripe, self.application.info, reconcile=lambda _: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self.around.http.clear()
        self.application.close()

    def crash(self, point: CrashPoint, scenario: Scenario, nth: int = 1) -> None:
        """Run sagas up to the crash point; the process dies there and restarts, and all sagas end as planned."""
        flows = [scenario.flow(self._talk(scenario)) for _ in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(next, flows))
            if scenario.process == "consume" and not scenario.by_webhook:
                self.around.stripe.hold_webhooks()  # so that a look must find the effects
            self._arm(point, nth)
            if scenario.too_large:
                self.scene.rows(_APPEND, (str(uuid4()), self._topics.events))
                self._refused += 1
            ending = [pool.submit(_finish, flow) for flow in flows]
            self._see_it_die(scenario.process)
            for flow in ending:
                flow.result()
        self.around.stripe.release_webhooks()
        findings = audit(self.scene.look_when_quiet(_QUIET_SECONDS))
        assert findings.clean, str(findings)
        assert self._held_twice() == [], "a second hold, which was canceled afterwards"
        assert len(self.scene.rows(_REFUSED)) == self._refused

    def _held_twice(self) -> list[str]:
        """Payments with more than one hold. Elsewhere another program may make a second one; nobody does here."""
        holds = (effect for effect in ours(self.scene.stripe.ledger()) if effect.effect == "hold")
        return [
            payment for payment, times in Counter(hold.metadata["payment_id"] for hold in holds).items() if times > 1
        ]

    def logs(self) -> str:
        """The ends of the processes' logs."""
        return "\n".join(f"{name}:\n{service.log_tail()}" for name, service in self.application.services.items())

    def _talk(self, scenario: Scenario) -> Talk:
        copies = (1, 2, 2, 1) if scenario.over_http else (2, 2, 2, 2)
        saga = Saga(next(self._numbers), Kind.PAID, 1500, scenario.over_http, copies)
        return Talk(saga, self.around)

    def _arm(self, point: CrashPoint, nth: int) -> None:
        partial = self._armed.with_suffix(".partial")
        partial.write_text(f"{point}:{nth}")
        partial.rename(self._armed)

    def _see_it_die(self, name: ServiceName) -> None:
        """Wait for the death. A process removes the file before it dies there. gunicorn replaces its worker itself."""
        deadline = time.monotonic() + _DEATH_SECONDS
        while self._armed.exists():
            assert time.monotonic() < deadline, f"nobody came to {self._armed.read_text()}\n{self.logs()}"
            time.sleep(_POLL_SECONDS)
        service = self.application.services[name]
        if name == "serve":
            return
        assert service.process is not None
        try:
            assert service.process.wait(_DEATH_SECONDS) == _KILLED
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not {name}, but another process has died") from None
        service.restart()


def _finish(flow: Iterator[None]) -> None:
    for _ in flow:
        raise AssertionError("a flow yields once")
