"""Long-lived threads that run the keys' jobs."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection

from consumer.keyed_queue import Job, KeyedQueue
from consumer.metrics import RETRIES
from consumer.offsets import Claim
from consumer.threads import spawn
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


class Workers:
    """``threads`` jobs run at once."""

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
        """Jobs in memory."""
        return self._queue.held

    @property
    def held_bytes(self) -> int:
        """Bytes of the records that they came from."""
        return self._queue.held_bytes

    @property
    def places(self) -> int:
        """Places that the keys take of those they share: no key takes many."""
        return self._queue.places

    def waits(self) -> Counter[Wait]:
        """What the keys wait for that are set aside, and how many for each."""
        with self._work:
            return self._queue.waits()

    def running(self) -> int:
        """Jobs that run now."""
        return len(self._queue.running)

    def set_aside(self) -> int:
        """Keys that wait after a failure."""
        with self._work:
            return self._queue.set_aside()

    def fault(self) -> str | None:
        """What the last job failed with; None once one went through, or nothing that failed is left to be tried."""
        if self._fault is None or not self.set_aside():
            return None
        return f"commands: the last one failed: {self._fault}"

    def submit(self, job: Job) -> None:
        """Queue it behind everything in its key."""
        with self._work:
            self._queue.put(job)
            self._work.notify()

    def offer(self, job: Job) -> bool:
        """Take it only if nothing is in its key."""
        with self._work:
            if job.ordering_key in self._queue:
                return False
            self._queue.put(job)
            self._work.notify()
            return True

    def wait_for(self, room: Callable[[], bool], seconds: float) -> None:
        """Until ``room`` holds, looked at whenever a job is over; at most so long."""
        with self._over:
            self._over.wait_for(room, seconds)

    def hand_over(self, claims: Collection[Claim], seconds: float) -> bool:
        """Drop what waits under these claims, and wait for what runs. False when some still runs."""
        with self._over:
            self._queue.discard(lambda job: job.claim in claims)
            self._work.notify_all()
            return self._over.wait_for(lambda: all(job.claim not in claims for job in self._queue.running), seconds)

    def stop(self, seconds: float) -> int:
        """Start nothing more, and wait for what runs; how many still run."""
        with self._over:
            self._stopping = True
            self._queue.discard(lambda _: True)
            self._work.notify_all()
            self._over.wait_for(lambda: not self._queue.running, seconds)
            return len(self._queue.running)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.run()
            except Exception as exc:  # noqa: BLE001 - told below; whatever it was, the record is not durable
                self._failed(job, exc)
            else:
                job.done()
                self._fault = None
                with self._over:
                    self._queue.finish(job)
                    self._over.notify_all()
                # None is added any more, as the job is out of its key.
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
        if wait is not Wait.ROW:  # One row that somebody holds says nothing of other work.
            self._fault = fault
        with self._over:
            failures = self._queue.fail(job, time.monotonic(), wait)
            self._work.notify()
            self._over.notify_all()
        if job.retry:
            RETRIES.inc()
        trace = error if failures == 1 else None
        _log.error(
            "not durable",
            ordering_key=job.ordering_key,
            retry=job.retry,
            failures=failures,
            error=fault,
            exc_info=trace,
        )
