"""Jobs by ordering key: in order within a key, round robin over keys, a failing key set aside. No threads, no clock."""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from consumer.offsets import Claim
from service.domain.errors import Wait

PLACES_OF_A_KEY = 8
"""The most places that one key takes of the places that all keys share. Further jobs of the key take memory only."""
COPY_BYTES = 512
"""Memory of a copy: the function to call when the first job is done."""


@dataclass(slots=True, eq=False)
class Job:
    """``done`` is called once ``run`` has returned. With ``retry``, a ``run`` that raises is called again later.

    ``claim`` is the claim of the record's partition, None for a command from the database; ``size`` is in bytes. Of
    jobs with the same claim and ``content`` only the first runs: its ``copies`` are done when it is. ``names``: the
    fields that all log lines of its work have.
    """

    ordering_key: str
    run: Callable[[], None]
    done: Callable[[], None]
    retry: bool
    claim: Claim | None = None
    size: int = 0
    content: bytes | None = None
    names: Callable[[], Mapping[str, str]] = dict
    copies: list[Callable[[], None]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Queue:
    jobs: deque[Job] = field(default_factory=deque)
    failures: int = 0
    entry: int | None = None  # The number of its entry in the delayed heap; entries with other numbers are void.
    wait: Wait | None = None
    places: int = 0


class KeyedQueue:
    """Keeps a key only while it has a job, so memory depends on the jobs held, not on the keys ever seen."""

    def __init__(self, delay: Callable[[int], float]) -> None:
        """``delay(failures)`` is the number of seconds that a key waits after so many failures in a row."""
        self._delay = delay
        self._queues: dict[str, _Queue] = {}
        self._ready: deque[_Queue] = deque()
        self._delayed: list[tuple[float, int, _Queue]] = []
        self._entries = count()
        self._first: dict[tuple[Claim | None, bytes], Job] = {}
        self.places = 0
        self.running: set[Job] = set()
        self.held = 0
        self.held_bytes = 0

    def __contains__(self, ordering_key: str) -> bool:
        return ordering_key in self._queues

    def set_aside(self) -> int:
        """The number of keys that wait after a failure."""
        return sum(self.waits().values())

    def waits(self) -> Counter[Wait]:
        """The number of keys set aside, by the reason of their wait."""
        return Counter(
            queue.wait for queue in self._queues.values() if queue.entry is not None and queue.wait is not None
        )

    def put(self, job: Job) -> None:
        """Append the job to its key, or make it a copy of an equal job."""
        first = self._first.get((job.claim, job.content)) if job.content is not None else None
        if first is not None:
            first.copies.append(job.done)
            self.held_bytes += COPY_BYTES
            return
        if job.content is not None:
            self._first[job.claim, job.content] = job
        queue = self._queues.get(job.ordering_key)
        if queue is None:
            queue = self._queues[job.ordering_key] = _Queue()
            self._ready.append(queue)
        queue.jobs.append(job)
        self._weigh(queue)
        self.held += 1
        self.held_bytes += job.size

    def take(self, now: float) -> Job | None:
        """The first job of the next key; None when no key is ready. The job runs until ``finish`` or ``fail``."""
        while self._delayed and self._delayed[0][0] <= now:
            _, entry, queue = heapq.heappop(self._delayed)
            if queue.entry == entry:
                queue.entry = None
                self._ready.append(queue)
        while self._ready:
            queue = self._ready.popleft()
            if queue.jobs:
                self.running.add(queue.jobs[0])
                return queue.jobs[0]
        return None

    def next_due(self) -> float | None:
        """The time when the next key set aside is ready again; None when none is set aside."""
        return self._delayed[0][0] if self._delayed else None

    def finish(self, job: Job) -> None:
        """End a job that succeeded. Its key goes behind the other keys, or is forgotten when it has no more jobs."""
        queue = self._queues[job.ordering_key]
        self.running.discard(job)
        self._forget(queue.jobs.popleft())
        self._weigh(queue)
        if queue.jobs:
            self._start_anew(queue)
        else:
            del self._queues[job.ordering_key]

    def fail(self, job: Job, now: float, wait: Wait = Wait.OTHER) -> int:
        """Set the key of a failed job aside; a job without ``retry`` ends. Returns how often the job has failed."""
        if not job.retry:
            self.finish(job)
            return 1
        queue = self._queues[job.ordering_key]
        self.running.discard(job)
        queue.failures += 1
        queue.wait = wait
        queue.entry = next(self._entries)
        heapq.heappush(self._delayed, (now + self._delay(queue.failures), queue.entry, queue))
        return queue.failures

    def discard(self, unwanted: Callable[[Job], bool]) -> None:
        """Forget the ``unwanted`` jobs. One that is running goes on, but is not tried again."""
        for key, queue in list(self._queues.items()):
            first = queue.jobs[0]
            queue.jobs = deque(job for job in queue.jobs if self._is_kept(job, unwanted))
            self._weigh(queue)
            if not queue.jobs:
                queue.entry = None
                del self._queues[key]
            elif queue.entry is not None and queue.jobs[0] is not first:
                self._start_anew(queue)

    def _is_kept(self, job: Job, unwanted: Callable[[Job], bool]) -> bool:
        if not unwanted(job):
            return True
        job.retry = False
        if job not in self.running:
            self._forget(job)
        return job in self.running

    def _start_anew(self, queue: _Queue) -> None:
        queue.entry = None
        queue.failures = 0
        self._ready.append(queue)

    def _weigh(self, queue: _Queue) -> None:
        """Adapt the places that a key takes to its jobs."""
        places = min(len(queue.jobs), PLACES_OF_A_KEY)
        self.places += places - queue.places
        queue.places = places

    def _forget(self, job: Job) -> None:
        self.held -= 1
        self.held_bytes -= job.size + COPY_BYTES * len(job.copies)
        if job.content is not None and self._first.get((job.claim, job.content)) is job:
            del self._first[job.claim, job.content]
