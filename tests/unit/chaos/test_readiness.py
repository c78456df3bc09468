"""An outage counts as reported if a process names it on /ready or in a metric."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from devstack.processes import Command, ManagedProcess
from devstack.service_process import ServiceProcess
from proofs.chaos.readiness import Answer, Outage, Watch

RELAYS = [ServiceProcess("relay", {}, port, Path()) for port in (1, 2)]
CONSUMER = ServiceProcess("consume", {}, 3, Path())
READY = Answer(200, '{"status": "ready"}')
UNREADY = Answer(503, '{"status": "database: the server closed the connection"}')
OTHERWISE = Answer(503, '{"status": "kafka: not connected"}')
HANGS = Answer(None, "no answer: TimeoutError")


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes follow each other at once."""
    monkeypatch.setattr("proofs.chaos.readiness._PAUSE_SECONDS", 0.001)


def _watch(during: Mapping[int, Answer], outage: Outage, metrics: str = "") -> Watch:
    """A watch that has seen an outage. ``during`` has each port's answer until the end; then all are ready."""
    over = False

    def probe(process: ServiceProcess, path: str) -> Answer:
        if path == "/metrics":
            return Answer(200, metrics)
        return READY if over else during[process.port]

    def mend() -> None:
        nonlocal over
        over = True

    watch = Watch(probe, shortest=0.0, longest=0.1)
    watch.outage(outage, mend)
    return watch


def test_outage_is_reported_by_a_503_that_names_its_part() -> None:
    watch = _watch({3: UNREADY}, Outage("x", ["DATABASE"], [[CONSUMER]]))
    assert len(watch.reported) == 1
    assert watch.unreported == []


@pytest.mark.parametrize("answer", [READY, OTHERWISE, HANGS, Answer(200, UNREADY.text)])
def test_outage_is_not_reported_by_another_answer_or_none(answer: Answer) -> None:
    watch = _watch({3: answer}, Outage("x", ["database"], [[CONSUMER]]))
    assert watch.reported == []
    assert len(watch.unreported) == 1
    assert "consume 3" in watch.unreported[0]
    assert str(answer.status) in watch.unreported[0]


def test_report_of_one_relay_is_enough() -> None:
    watch = _watch({1: READY, 2: UNREADY}, Outage("x", ["database"], [RELAYS]))
    assert watch.unreported == []


def test_each_group_of_processes_must_report() -> None:
    answers = {1: READY, 2: UNREADY, 3: READY}
    watch = _watch(answers, Outage("x", ["database"], [RELAYS, [CONSUMER]]))
    assert len(watch.unreported) == 1
    assert "consume 3" in watch.unreported[0]


def test_metric_reports_an_outage_that_delays_only_some_work() -> None:
    metrics = 'relay_waiting_rows{topic="nowhere"} 2'
    watch = _watch({1: READY, 2: READY}, Outage("x", ["nowhere"], [RELAYS], ready_meanwhile=True), metrics)
    assert len(watch.reported) == 1
    assert watch.unreported == []


def test_process_that_stays_unready_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proofs.chaos.readiness._READY_AGAIN_SECONDS", 0.0)
    watch = Watch(lambda _process, _path: UNREADY, shortest=0.0, longest=0.1)
    watch.outage(Outage("x", ["database"], [[CONSUMER]]), lambda: None)
    assert len(watch.reported) == 1
    assert "but after it: consume 3 is not ready" in watch.unreported[0]


class Ended(ServiceProcess):
    """A process that was started and has ended."""

    @property
    def running(self) -> bool:
        return False

    @property
    def run(self) -> ManagedProcess:
        log = self.log
        log.write_text("the last words")
        past = ManagedProcess.__new__(ManagedProcess)
        past.command = Command(name=self.name, argv=[], log=log)
        return past


def test_process_that_ended_by_itself_is_named_with_its_last_log_line(tmp_path: Path) -> None:
    watch = Watch()
    watch.see(Ended("relay", {}, 4, tmp_path))
    assert len(watch.ended) == 1
    assert "relay 4 has ended by itself" in watch.ended[0]
    assert "the last words" in watch.ended[0]
