"""Jobs in lanes: in order within a lane, lanes in turn, a failing lane set aside. No threads, no clock."""

import heapq
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from consumer.offsets import Claim
from service.domain.errors import Wait

PLACES_OF_A_LANE = 8
"""How many of the places that all lanes share one lane takes: whatever waits behind these takes memory only."""
COPY_BYTES = 512
"""What is kept of a copy: who is told when the first is done."""


@dataclass(slots=True, eq=False)
class Job:
    """``done`` is called once ``run`` has returned; with ``retry``, a ``run`` that raises is called again later.

    ``claim`` is the partition's claim it came under, None for what came from the database; ``size`` in bytes. Of jobs
    of one claim with the same ``content`` the first is run for all: the ``copies`` are done when it is.
    """

    lane: str
    run: Callable[[], None]
    done: Callable[[], None]
    retry: bool
    claim: Claim | None = None
    size: int = 0
    content: bytes | None = None
    copies: list[Callable[[], None]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Lane:
    jobs: deque[Job] = field(default_factory=deque)
    failures: int = 0
    turn: int | None = None  # Its entry in the delayed heap; an entry with another number is void.
    wait: Wait | None = None
    places: int = 0


class Lanes:
    """A lane is kept only while it has a job: memory follows the jobs held, not the keys ever seen."""

    def __init__(self, delay: Callable[[int], float]) -> None:
        """``delay(failures)`` is how many seconds a lane waits after that many failures in a row."""
        self._delay = delay
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[_Lane] = deque()
        self._delayed: list[tuple[float, int, _Lane]] = []
        self._turns = count()
        self._first: dict[tuple[Claim | None, bytes], Job] = {}
        self.places = 0
        self.running: set[Job] = set()
        self.held = 0
        self.held_bytes = 0

    def __contains__(self, lane: str) -> bool:
        return lane in self._lanes

    def set_aside(self) -> int:
        """Lanes that wait after a failure."""
        return sum(self.waits().values())

    def waits(self) -> Counter[Wait]:
        """What lanes wait for that are set aside, and how many for each."""
        return Counter(lane.wait for lane in self._lanes.values() if lane.turn is not None and lane.wait is not None)

    def put(self, job: Job) -> None:
        """Behind everything in its lane, or to the first of which it is a copy."""
        first = self._first.get((job.claim, job.content)) if job.content is not None else None
        if first is not None:
            first.copies.append(job.done)
            self.held_bytes += COPY_BYTES
            return
        if job.content is not None:
            self._first[job.claim, job.content] = job
        lane = self._lanes.get(job.lane)
        if lane is None:
            lane = self._lanes[job.lane] = _Lane()
            self._ready.append(lane)
        lane.jobs.append(job)
        self._weigh(lane)
        self.held += 1
        self.held_bytes += job.size

    def take(self, now: float) -> Job | None:
        """The first job of the lane whose turn it is; it runs until ``finish`` or ``fail``."""
        while self._delayed and self._delayed[0][0] <= now:
            _, turn, lane = heapq.heappop(self._delayed)
            if lane.turn == turn:
                lane.turn = None
                self._ready.append(lane)
        while self._ready:
            lane = self._ready.popleft()
            if lane.jobs:
                self.running.add(lane.jobs[0])
                return lane.jobs[0]
        return None

    def next_due(self) -> float | None:
        """When a lane set aside has its turn."""
        return self._delayed[0][0] if self._delayed else None

    def finish(self, job: Job) -> None:
        """It is over: its lane goes behind the others, or away."""
        lane = self._lanes[job.lane]
        self.running.discard(job)
        self._forget(lane.jobs.popleft())
        self._weigh(lane)
        if lane.jobs:
            self._start_anew(lane)
        else:
            del self._lanes[job.lane]

    def fail(self, job: Job, now: float, wait: Wait = Wait.OTHER) -> int:
        """It did not work out: its lane waits and the others go on, or it is given up where it is not tried again.

        How often it has failed by now.
        """
        if not job.retry:
            self.finish(job)
            return 1
        lane = self._lanes[job.lane]
        self.running.discard(job)
        lane.failures += 1
        lane.wait = wait
        lane.turn = next(self._turns)
        heapq.heappush(self._delayed, (now + self._delay(lane.failures), lane.turn, lane))
        return lane.failures

    def discard(self, unwanted: Callable[[Job], bool]) -> None:
        """Forget these; one that is running goes on, but is not tried again."""
        for key, lane in list(self._lanes.items()):
            first = lane.jobs[0]
            lane.jobs = deque(job for job in lane.jobs if self._is_kept(job, unwanted))
            self._weigh(lane)
            if not lane.jobs:
                lane.turn = None
                del self._lanes[key]
            elif lane.turn is not None and lane.jobs[0] is not first:
                self._start_anew(lane)

    def _is_kept(self, job: Job, unwanted: Callable[[Job], bool]) -> bool:
        if not unwanted(job):
            return True
        job.retry = False
        if job not in self.running:
            self._forget(job)
        return job in self.running

    def _start_anew(self, lane: _Lane) -> None:
        lane.turn = None
        lane.failures = 0
        self._ready.append(lane)

    def _weigh(self, lane: _Lane) -> None:
        """The places that a lane takes follow its jobs."""
        places = min(len(lane.jobs), PLACES_OF_A_LANE)
        self.places += places - lane.places
        lane.places = places

    def _forget(self, job: Job) -> None:
        self.held -= 1
        self.held_bytes -= job.size + COPY_BYTES * len(job.copies)
        if job.content is not None and self._first.get((job.claim, job.content)) is job:
            del self._first[job.claim, job.content]
