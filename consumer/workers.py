"""Long-lived threads that run the jobs of all keys."""

import contextvars
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection

from structlog.contextvars import bind_contextvars, clear_contextvars

from consumer.keyed_queue import Job, KeyedQueue
from consumer.metrics import RETRIES
from consumer.offsets import Claim
from runtime.backoff import backoff
from runtime.logs import get_logger
from service.domain.errors import NotDurableError, Wait

_log = get_logger(__name__)
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 10.0


def pause_after(failures: int) -> float:
    """Seconds until the next try of a key that failed."""
    spread = random.random()  # noqa: S311 - jitter
    return backoff(failures, first=_FIRST_DELAY, longest=_LONGEST_DELAY, spread=spread)


def spawn(name: str, run: Callable[[], None]) -> None:
    """Run ``run`` in a daemon thread, which logs with the context of the thread that starts it.

    A daemon can't keep the process alive. Another process takes up a command that never returned here.
    """
    threading.Thread(target=contextvars.copy_context().run, args=(run,), name=name, daemon=True).start()


class Workers:
    """Runs jobs on ``threads`` threads. Any thread may call the methods."""

    def __init__(self, threads: int, delay: Callable[[int], float] = pause_after) -> None:
        self._queue = KeyedQueue(delay)
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._over = threading.Condition(lock)
        self._stopping = False
        self._fault: str | None = None
        for number in range(threads):
            spawn(f"worker-{number}", self._run)

    @property
    def held(self) -> int:
        """The number of jobs in memory."""
        return self._queue.held

    @property
    def held_bytes(self) -> int:
        """Their memory in bytes, as counted against the limit."""
        return self._queue.held_bytes

    @property
    def places(self) -> int:
        """The number of places that all keys take together. One key takes few."""
        return self._queue.places

    def waits(self) -> Counter[Wait]:
        """The number of keys set aside, by the reason of their wait."""
        with self._work:
            return self._queue.waits()

    def running(self) -> int:
        """The number of jobs that run now."""
        return len(self._queue.running)

    def set_aside(self) -> int:
        """The number of keys that wait after a failure."""
        with self._work:
            return self._queue.set_aside()

    def fault(self) -> str | None:
        """The last failure; None once a job has succeeded, or when no failed job waits for another try."""
        if self._fault is None or not self.set_aside():
            return None
        return f"commands: the last one failed: {self._fault}"

    def submit(self, job: Job) -> None:
        """Queue the job behind all others of its key."""
        with self._work:
            self._queue.put(job)
            self._work.notify()

    def offer(self, job: Job) -> bool:
        """Queue the job only if its key has no other. Returns whether it was queued."""
        with self._work:
            if job.ordering_key in self._queue:
                return False
            self._queue.put(job)
            self._work.notify()
            return True

    def wait_for(self, room: Callable[[], bool], seconds: float) -> None:
        """Wait until ``room()`` is true, which is checked whenever a job ends; at most ``seconds``."""
        with self._over:
            self._over.wait_for(room, seconds)

    def hand_over(self, claims: Collection[Claim], seconds: float) -> bool:
        """Drop the jobs of these claims that wait, and wait for those that run. False when some still run."""
        with self._over:
            self._queue.discard(lambda job: job.claim in claims)
            self._work.notify_all()
            return self._over.wait_for(lambda: all(job.claim not in claims for job in self._queue.running), seconds)

    def stop(self, seconds: float) -> int:
        """Start no more jobs, and wait for those that run. Returns the number that still run."""
        with self._over:
            self._stopping = True
            self._queue.discard(lambda _: True)
            self._work.notify_all()
            self._over.wait_for(lambda: not self._queue.running, seconds)
            return len(self._queue.running)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            bind_contextvars(**job.names())
            self._work_on(job)
            clear_contextvars()

    def _work_on(self, job: Job) -> None:
        try:
            job.run()
        except Exception as exc:  # noqa: BLE001 - logged below; in any case the record is not durable
            self._failed(job, exc)
        else:
            job.done()
            self._fault = None
            with self._over:
                self._queue.finish(job)
                self._over.notify_all()
            # No copy can join any more, because the job has left the queue.
            for done in job.copies:
                done()

    def _next(self) -> Job | None:
        with self._work:
            while not self._stopping:
                now = time.monotonic()
                job = self._queue.take(now)
                if job is not None:
                    return job
                due = self._queue.next_due()
                self._work.wait(None if due is None else max(0.0, due - now))
            return None

    def _failed(self, job: Job, error: Exception) -> None:
        wait = error.wait if isinstance(error, NotDurableError) else Wait.OTHER
        fault = f"{wait}: {error}" if isinstance(error, NotDurableError) else type(error).__name__
        if wait is not Wait.ROW:  # A row that another session has locked says nothing about other work.
            self._fault = fault
        with self._over:
            failures = self._queue.fail(job, time.monotonic(), wait)
            self._work.notify()
            self._over.notify_all()
        if job.retry:
            RETRIES.inc()
        trace = error if failures == 1 else None
        _log.error(
            "not_durable",
            ordering_key=job.ordering_key,
            retry=job.retry,
            failures=failures,
            error=fault,
            exc_info=trace,
        )
