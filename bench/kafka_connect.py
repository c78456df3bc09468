"""Kafka Connect with Debezium: one distributed worker in a separate process."""

import http.client
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from devstack.java_install import Artefacts, JavaProgram, cache_directory, find_program
from devstack.ports import free_port
from devstack.processes import Command, ManagedProcess, scratch_directory

DEBEZIUM_VERSION = "3.6.1.Final"
CONNECT_VERSION = "4.3.0"
"""The version that this Debezium is built with; with 4.4.0 it misses a class of Kafka's."""

_HEAP = ("-Xms1g", "-Xmx1g", "-XX:+UseParallelGC")
"""With the optimizing compiler. Of the collectors the parallel one used least processor time on two cores."""

_START_SECONDS = 120.0
_POLL_SECONDS = 0.1
_STRINGS = "org.apache.kafka.connect.storage.StringConverter"


class ConnectWorker:
    """The only worker of its cluster, with exactly-once delivery for sources, which only distributed mode has."""

    def __init__(self, program: JavaProgram, bootstrap: str) -> None:
        """Start it; returns when it answers. Raises ProcessFailedError."""
        self._scratch = scratch_directory("connect")
        self._port = free_port()
        properties = _properties(bootstrap, self._port)
        (self._scratch / "connect.properties").write_text(
            "".join(f"{name}={value}\n" for name, value in properties.items())
        )
        self._process = ManagedProcess(
            Command(
                name="Kafka Connect",
                argv=program.argv("org.apache.kafka.connect.cli.ConnectDistributed", "connect.properties"),
                log=self._scratch / "connect.log",
                cwd=self._scratch,
                scratch=self._scratch,
            )
        )
        try:
            self._process.wait_until(self._answers, _START_SECONDS)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def close(self) -> None:
        """Ends the worker and removes its log."""
        self._process.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @contextmanager
    def connector(self, name: str, config: dict[str, str]) -> Iterator[None]:
        """Runs a connector of one task, and deletes it."""
        self._ask("PUT", f"/connectors/{quote(name)}/config", config)
        try:
            self._process.wait_until(lambda: self._runs(name), _START_SECONDS)
            yield
        finally:
            self._ask("DELETE", f"/connectors/{quote(name)}")

    def _runs(self, name: str) -> bool:
        status, answer = self._request("GET", f"/connectors/{quote(name)}/status")
        states = [task["state"] for task in json.loads(answer)["tasks"]] if status == 200 else []
        if "FAILED" in states:
            raise ConnectorFailedError(answer)
        return states == ["RUNNING"]

    def _answers(self) -> bool:
        try:
            return self._request("GET", "/connectors")[0] == 200
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> None:
        """Send a request. Raises ConnectorFailedError for a refusal."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            status, answer = self._request(method, path, body)
            if status < 300:
                return
            # A rebalance answers 409 and asks for a repetition (Kafka documentation, "Connect REST API").
            if status != 409 or time.monotonic() > deadline:
                raise ConnectorFailedError(f"{method} {path}: {status} {answer}")
            time.sleep(_POLL_SECONDS)

    def _request(self, method: str, path: str, body: dict[str, str] | None = None) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=90)) as connection:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


class ConnectorFailedError(Exception):
    """Connect refused a connector, or its task ended."""


def find_connect() -> JavaProgram:
    """Raises JavaUnavailableError."""
    artefacts = Artefacts(
        name=f"Debezium {DEBEZIUM_VERSION} and Kafka Connect {CONNECT_VERSION}",
        home=cache_directory() / f"debezium-{DEBEZIUM_VERSION}-connect-{CONNECT_VERSION}",
        pom=Path(__file__).parent / "java" / "pom.xml",
        properties={"debezium.version": DEBEZIUM_VERSION, "kafka.version": CONNECT_VERSION},
        proof="debezium-connector-postgres-*.jar",
        megabytes=40,
    )
    return replace(find_program(artefacts, print), options=_HEAP)


def _properties(bootstrap: str, port: int) -> dict[str, str]:
    """Settings for one node and small internal topics. Connectors have the settings for speed."""
    return {
        "bootstrap.servers": bootstrap,
        "group.id": "bench-connect",
        "listeners": f"http://127.0.0.1:{port}",
        "exactly.once.source.support": "enabled",
        "plugin.discovery": "service_load",
        "key.converter": _STRINGS,
        "value.converter": _STRINGS,
        "header.converter": _STRINGS,
        "config.storage.topic": "connect-config",
        "offset.storage.topic": "connect-offsets",
        "offset.storage.partitions": "1",
        "status.storage.topic": "connect-status",
        "status.storage.partitions": "1",
        **{f"{kind}.storage.replication.factor": "1" for kind in ("config", "offset", "status")},
    }
