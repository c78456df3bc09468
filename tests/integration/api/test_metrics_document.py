"""docs/operations/metrics.md names exactly the metrics of each process."""

import http.client
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from devstack.kafka import Kafka
from devstack.ports import free_port
from devstack.processes import environment
from devstack.service_process import ServiceName, ServiceProcess
from devstack.topics import Topics
from tests.integration.api.server import ROOT, serving

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

DOCUMENT = ROOT / "docs" / "operations" / "metrics.md"
_ROW = re.compile(
    r"^\| `(\w+)` \| (gauge|counter|histogram) \| ((?:`\w+`(?:, )?)*) ?\| [^|]+ \| ([a-z, ]+) \|", re.MULTILINE
)
_TYPE = re.compile(r"^# TYPE (\w+) (\w+)$", re.MULTILINE)
_SERIES = re.compile(r"^(\w+?)(?:_bucket|_sum|_count)?\{(.*?)\} ", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')
_CLIENT = ("python_", "process_")
_REGISTERED = """
import service.bootstrap, service.serving.worker
from prometheus_client import REGISTRY, generate_latest
print(generate_latest(REGISTRY).decode())
"""

Kinds = Mapping[str, str]


class Document:
    """The rows of one process."""

    def __init__(self, process: str) -> None:
        rows = [row for row in _ROW.findall(DOCUMENT.read_text("utf-8")) if process in row[3].split(", ")]
        assert len({row[0] for row in rows}) == len(rows)
        self.kinds: Kinds = {name: kind for name, kind, _, _ in rows}
        self.labels = {name: set(re.findall(r"\w+", labels)) for name, _, labels, _ in rows}


def kinds_in(text: str) -> Kinds:
    """Names and types, without those of the client library itself."""
    found = {name: kind for name, kind in _TYPE.findall(text) if not name.startswith(_CLIENT)}
    return {name: kind for name, kind in found.items() if not name.endswith("_created")}


def labels_in(text: str, kinds: Kinds) -> dict[str, set[str]]:
    """The labels of each metric that has series with labels."""
    found: dict[str, set[str]] = {}
    for name, labels in _SERIES.findall(text):
        if name in kinds:
            found.setdefault(name, set()).update(_LABEL.findall(labels))
    return {name: labels - {"le"} for name, labels in found.items() if labels - {"le"}}


def _scraped(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


@pytest.fixture
def settings(database_url: str, kafka: Kafka, topics: Topics) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "PAYMENT_COMMANDS_TOPIC": topics.commands,
        "PAYMENT_EVENTS_TOPIC": topics.events,
        "CONSUMER_GROUP_ID": topics.group,
        "STRIPE_SECRET_KEY": "sk_test_1",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
    }


@pytest.fixture
def running(settings: dict[str, str], tmp_path: Path) -> Iterator[dict[ServiceName, ServiceProcess]]:
    names: tuple[ServiceName, ServiceName] = ("consume", "relay")
    processes = {name: ServiceProcess(name, environment(**settings), free_port(), tmp_path) for name in names}
    for process in processes.values():
        process.start()
    for process in processes.values():
        process.wait_until_ready()
    yield processes
    for process in processes.values():
        process.ask_to_stop()
    for process in processes.values():
        process.stop()


@pytest.mark.real_kafka
def test_consumer_and_relay_expose_exactly_the_documented_metrics(running: dict[ServiceName, ServiceProcess]) -> None:
    for name, process in running.items():
        text, document = _scraped(process.port), Document(name)
        assert kinds_in(text) == document.kinds
        found = labels_in(text, document.kinds)
        assert found == {metric: document.labels[metric] for metric in found}


def test_serve_exposes_exactly_the_documented_metrics(settings: dict[str, str]) -> None:
    """Workers expose a metric from its first use on. The metrics of calls to Stripe are only registered here."""
    document = Document("serve")
    with serving(settings["DATABASE_URL"], STRIPE_WEBHOOK_SECRET="whsec_x") as server:
        for path in ("/health", "/stripe-webhook"):
            server.ask("POST" if path == "/stripe-webhook" else "GET", path, path)
        text = _scraped(server.port)
    registered = subprocess.run(
        [sys.executable, "-c", _REGISTERED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    shown = kinds_in(text)
    assert {"http_requests_total", "payment_webhooks_total", "payment_commands_open"} <= shown.keys()
    assert shown == {name: kind for name, kind in document.kinds.items() if name in shown}
    assert document.kinds.keys() - shown.keys() - kinds_in(registered.stdout).keys() == set()
    found = labels_in(text, document.kinds)
    assert found == {metric: document.labels[metric] for metric in found}
