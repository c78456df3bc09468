"""Workers run keys in parallel, set failed keys aside, hand over and stop within their time."""

import threading
from collections.abc import Callable, Iterator

import pytest
import structlog

from consumer.keyed_queue import Job
from consumer.offsets import Claim
from consumer.workers import Workers, pause_after
from service.domain.errors import NotDurableError, Wait
from tests.unit.consumer.doubles import LONG

CLAIM = Claim(("commands", 0), 1)
OTHER = Claim(("commands", 1), 2)


def nothing() -> None:
    """Does nothing."""


def job(key: str, run: Callable[[], None], done: Callable[[], None] = nothing, claim: Claim = CLAIM) -> Job:
    return Job(key, run, done, retry=True, claim=claim)


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(4, delay=lambda _: 0.0)
    yield made
    made.stop(LONG)


def test_keys_run_in_parallel_and_one_key_in_order(workers: Workers) -> None:
    together = threading.Barrier(4)
    seen: list[int] = []
    over = threading.Event()

    def meet() -> None:
        together.wait(LONG)

    for key in "abcd":
        workers.submit(job(key, meet))
    for number in range(50):
        workers.submit(job("d", lambda number=number: seen.append(number)))  # type: ignore[misc]
    workers.submit(job("d", over.set))
    assert over.wait(LONG)
    assert seen == list(range(50))


def test_a_job_that_raises_is_tried_again_and_done_once(workers: Workers) -> None:
    attempts: list[int] = []
    done: list[int] = []
    over = threading.Event()

    def flaky() -> None:
        attempts.append(1)
        if len(attempts) < 4:
            raise ConnectionError("the database is away")

    workers.submit(job("a", flaky, lambda: done.append(len(attempts))))
    workers.submit(job("a", over.set))
    assert over.wait(LONG)
    assert done == [4]
    assert workers.fault() is None


def test_a_poison_record_stops_only_its_key() -> None:
    workers = Workers(1, delay=lambda _: 3600.0)
    failed = threading.Event()
    behind: list[int] = []

    def poison() -> None:
        failed.set()
        raise ValueError("always")

    workers.submit(job("poison", poison))
    workers.submit(job("poison", lambda: behind.append(1)))
    assert failed.wait(LONG)
    ends = [threading.Event() for _ in range(20)]
    for number, end in enumerate(ends):
        workers.submit(job(f"key-{number}", end.set))
    assert all(end.wait(LONG) for end in ends)
    assert not behind
    assert workers.set_aside() == 1
    assert workers.stop(LONG) == 0


def test_a_locked_row_is_no_fault_of_the_process() -> None:
    workers = Workers(1, delay=lambda _: 3600.0)
    last, after = threading.Event(), threading.Event()

    def meet(wait: Wait) -> None:
        raise NotDurableError(wait, "55P03 payments")

    def hold() -> None:
        last.set()
        after.wait(LONG)

    workers.submit(job("a", lambda: meet(Wait.ROW)))
    workers.submit(job("b", lambda: meet(Wait.DATABASE)))
    workers.submit(job("c", lambda: meet(Wait.ROW)))
    workers.submit(job("d", hold))
    assert last.wait(LONG)
    assert workers.waits() == {Wait.ROW: 2, Wait.DATABASE: 1}
    assert "the database: 55P03 payments" in (workers.fault() or "")
    while not workers.running():
        pass
    after.set()
    workers.stop(LONG)
    assert workers.fault() is None


def test_the_last_failure_is_reported() -> None:
    workers = Workers(1, delay=lambda _: 3600.0)

    def fail() -> None:
        raise IndexError

    workers.submit(job("a", fail))
    after = threading.Event()
    tried = threading.Event()

    def look() -> None:
        assert workers.fault() == "commands: the last one failed: IndexError"
        tried.set()

    workers.submit(job("b", look))
    workers.submit(job("c", after.set))
    assert after.wait(LONG)
    assert tried.is_set()
    workers.stop(LONG)
    assert workers.fault() is None


def test_hand_over_waits_for_running_jobs_and_drops_waiting_ones(workers: Workers) -> None:
    started, release = threading.Event(), threading.Event()
    done: list[str] = []

    def slow() -> None:
        started.set()
        release.wait(LONG)

    workers.submit(job("a", slow, lambda: done.append("running")))
    workers.submit(job("a", lambda: done.append("waiting")))
    workers.submit(job("a", nothing, lambda: done.append("foreign"), claim=OTHER))
    assert started.wait(LONG)
    assert not workers.hand_over({CLAIM}, 0)
    release.set()
    assert workers.hand_over({CLAIM}, LONG)
    assert workers.hand_over({OTHER}, LONG)
    assert done[0] == "running"
    assert "waiting" not in done


def test_a_job_that_fails_after_hand_over_is_not_tried_again(workers: Workers) -> None:
    started, release = threading.Event(), threading.Event()
    attempts: list[int] = []

    def slow() -> None:
        attempts.append(1)
        started.set()
        release.wait(LONG)
        raise ConnectionError

    workers.submit(job("a", slow))
    assert started.wait(LONG)
    assert not workers.hand_over({CLAIM}, 0)
    release.set()
    assert workers.hand_over({CLAIM}, LONG)
    after = threading.Event()
    workers.submit(job("a", after.set))
    assert after.wait(LONG)
    assert attempts == [1]


def test_stop_finishes_running_jobs_and_starts_no_others() -> None:
    workers = Workers(1)
    started, release = threading.Event(), threading.Event()
    done: list[str] = []

    def slow() -> None:
        started.set()
        release.wait(LONG)

    workers.submit(job("a", slow, lambda: done.append("running")))
    workers.submit(job("b", nothing, lambda: done.append("waiting")))
    assert started.wait(LONG)
    assert workers.stop(0) == 1
    release.set()
    assert workers.stop(LONG) == 0
    assert done == ["running"]
    assert workers.held == 0


def test_offer_takes_no_job_of_a_key_that_has_one(workers: Workers) -> None:
    started, release = threading.Event(), threading.Event()

    def slow() -> None:
        started.set()
        release.wait(LONG)

    assert workers.offer(job("a", slow))
    assert started.wait(LONG)
    assert not workers.offer(job("a", nothing))
    assert workers.held == 1
    release.set()


def test_workers_log_in_the_context_they_were_started_in() -> None:
    over = threading.Event()
    structlog.contextvars.clear_contextvars()
    with structlog.contextvars.bound_contextvars(process="consumer"):
        workers = Workers(1)
    seen: dict[str, str] = {}

    def look() -> None:
        seen.update(structlog.contextvars.get_contextvars())
        over.set()

    workers.submit(job("a", look))
    assert over.wait(LONG)
    workers.stop(LONG)
    assert seen == {"process": "consumer"}


def test_backoff_doubles_up_to_ten_seconds_with_jitter() -> None:
    for failures, longest in ((1, 0.2), (2, 0.4), (5, 3.2), (7, 10.0), (1000, 10.0)):
        delays = {pause_after(failures) for _ in range(50)}
        assert len(delays) > 1
        assert all(longest / 2 <= delay <= longest for delay in delays)
