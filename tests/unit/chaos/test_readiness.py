"""Which outages count as told."""

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


def _watch(during: Mapping[int, Answer], outage: Outage, metrics: str = "") -> Watch:
    """By port, what is answered until the outage is over; all is well then."""
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


def test_a_503_that_names_the_part_tells_it() -> None:
    watch = _watch({3: UNREADY}, Outage("x", ["DATABASE"], [[CONSUMER]]))
    assert len(watch.told) == 1
    assert watch.untold == []


@pytest.mark.parametrize("answer", [READY, OTHERWISE, HANGS, Answer(200, UNREADY.text)])
def test_another_answer_or_none_does_not(answer: Answer) -> None:
    watch = _watch({3: answer}, Outage("x", ["database"], [[CONSUMER]]))
    assert watch.told == []
    assert len(watch.untold) == 1
    assert "consume 3" in watch.untold[0]
    assert str(answer.status) in watch.untold[0]


def test_one_relay_that_tells_is_enough() -> None:
    watch = _watch({1: READY, 2: UNREADY}, Outage("x", ["database"], [RELAYS]))
    assert watch.untold == []


def test_each_group_must_tell() -> None:
    answers = {1: READY, 2: UNREADY, 3: READY}
    watch = _watch(answers, Outage("x", ["database"], [RELAYS, [CONSUMER]]))
    assert len(watch.untold) == 1
    assert "consume 3" in watch.untold[0]


def test_where_the_rest_goes_on_a_metric_tells_it_too() -> None:
    metrics = 'relay_waiting_rows{topic="nowhere"} 2'
    watch = _watch({1: READY, 2: READY}, Outage("x", ["nowhere"], [RELAYS], ready_meanwhile=True), metrics)
    assert len(watch.told) == 1
    assert watch.untold == []


def test_a_process_that_is_not_ready_again_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proofs.chaos.readiness._READY_AGAIN_SECONDS", 0.0)
    watch = Watch(lambda _process, _path: UNREADY, shortest=0.0, longest=0.1)
    watch.outage(Outage("x", ["database"], [[CONSUMER]]), lambda: None)
    assert len(watch.told) == 1
    assert "but after it: consume 3 is not ready" in watch.untold[0]


class Ended(ServiceProcess):
    """Was started, and runs no more."""

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


def test_a_process_that_ended_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    watch = Watch()
    watch.see(Ended("relay", {}, 4, tmp_path))
    assert len(watch.ended) == 1
    assert "relay 4 has ended by itself" in watch.ended[0]
    assert "the last words" in watch.ended[0]
