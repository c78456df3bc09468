"""Order within a key, fairness between keys, failed keys set aside, no memory of keys without jobs."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.keyed_queue import COPY_BYTES, PLACES_OF_A_KEY, Job, KeyedQueue
from consumer.offsets import Claim
from service.domain.errors import Wait

CLAIMS = [Claim(("commands", number), number) for number in range(3)]


def nothing() -> None:
    """These jobs are queued, but never run."""


def job(
    key: str,
    *,
    claim: Claim | None = CLAIMS[0],
    retry: bool = True,
    size: int = 1,
    content: bytes | None = None,
) -> Job:
    return Job(key, nothing, nothing, retry, claim, size, content)


def keyed_queue() -> KeyedQueue:
    return KeyedQueue(lambda failures: 10.0 * failures)


def test_jobs_of_one_key_run_one_at_a_time_in_order() -> None:
    held = keyed_queue()
    first, second = job("a"), job("a")
    held.put(first)
    held.put(second)
    assert held.take(0) is first
    assert held.take(0) is None
    held.finish(first)
    assert held.take(0) is second


def test_keys_alternate() -> None:
    held = keyed_queue()
    busy = [job("busy") for _ in range(3)]
    for one in busy:
        held.put(one)
    other = job("other")
    held.put(other)
    assert held.take(0) is busy[0]
    held.finish(busy[0])
    assert held.take(0) is other
    assert held.take(0) is busy[1]


def test_a_failing_key_waits_and_the_others_go_on() -> None:
    held = keyed_queue()
    poison, behind, other = job("poison"), job("poison"), job("other")
    for one in (poison, behind, other):
        held.put(one)
    assert held.take(0) is poison
    held.fail(poison, 0)
    assert held.set_aside() == 1
    assert held.take(0) is other
    assert held.take(9.9) is None
    assert held.next_due() == 10.0
    assert held.take(10.0) is poison
    held.fail(poison, 10.0)
    assert held.next_due() == 30.0
    assert held.take(30.0) is poison
    held.finish(poison)
    assert held.take(30.0) is behind
    held.fail(behind, 30.0)
    assert held.next_due() == 40.0


def test_the_reasons_of_waiting_keys_are_counted_until_they_are_ready() -> None:
    held = keyed_queue()
    for key, wait in (("a", Wait.ROW), ("b", Wait.ROW), ("c", Wait.DATABASE)):
        one = job(key)
        held.put(one)
        assert held.take(0) is one
        held.fail(one, 0, wait)
    assert held.waits() == {Wait.ROW: 2, Wait.DATABASE: 1}
    while held.take(10.0) is not None:
        pass
    assert held.waits() == {}


def test_one_key_takes_few_of_the_places_that_all_share() -> None:
    held = keyed_queue()
    for _ in range(400):
        held.put(job("long"))
    held.put(job("other"))
    assert (held.held, held.places) == (401, PLACES_OF_A_KEY + 1)
    while (one := held.take(0)) is not None:
        held.finish(one)
    assert held.places == 0


def test_a_copy_joins_a_waiting_job_of_the_same_claim_only() -> None:
    held = keyed_queue()
    first, copy, other, later = (
        job("a", content=b"1"),
        job("a", content=b"1"),
        job("a", content=b"1", claim=CLAIMS[1]),
        job("a", content=b"1"),
    )
    for one in (first, copy, other):
        held.put(one)
    assert (held.held, held.held_bytes, len(first.copies)) == (2, 2 + COPY_BYTES, 1)
    assert held.take(0) is first
    held.finish(first)
    held.put(later)
    assert held.take(0) is other
    held.finish(other)
    assert held.take(0) is later


def test_a_job_without_retry_ends_when_it_fails() -> None:
    held = keyed_queue()
    due = job("a", claim=None, retry=False)
    held.put(due)
    assert held.take(0) is due
    held.fail(due, 0)
    assert "a" not in held
    assert held.next_due() is None


def test_a_discarded_job_that_runs_is_not_tried_again() -> None:
    held = keyed_queue()
    running, waiting, foreign = job("a"), job("a"), job("a", claim=CLAIMS[1])
    for one in (running, waiting, foreign):
        held.put(one)
    assert held.take(0) is running
    held.discard(lambda one: one.claim == CLAIMS[0])
    assert held.held == 2
    held.fail(running, 0)
    assert held.take(0) is foreign


def test_discarding_the_failing_job_frees_its_key() -> None:
    held = keyed_queue()
    poison, behind = job("a"), job("a", claim=CLAIMS[1])
    held.put(poison)
    held.put(behind)
    assert held.take(0) is poison
    held.fail(poison, 0)
    held.discard(lambda one: one is poison)
    assert held.take(0) is behind


def test_emptied_key_starts_without_the_state_of_its_earlier_jobs() -> None:
    held = keyed_queue()
    held.put(job("a"))
    held.discard(lambda _: True)
    fresh = job("a")
    held.put(fresh)
    assert held.take(0) is fresh
    held.finish(fresh)
    assert held.take(0) is None


class Traffic(RuleBasedStateMachine):
    """Compares the queue with a model: for each key the list of jobs that must still come, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = keyed_queue()
        self.expected: dict[str, list[Job]] = {}
        self.running: list[Job] = []
        self.now = 0.0

    @rule(
        key=st.sampled_from("abc"),
        claim=st.sampled_from([*CLAIMS, None]),
        size=st.integers(0, 9),
        content=st.sampled_from([None, b"1", b"2"]),
    )
    def put(self, key: str, claim: Claim | None, size: int, content: bytes | None) -> None:
        content = content and content + key.encode()
        one = job(key, claim=claim, retry=claim is not None, size=size, content=content)
        jobs = self.expected.setdefault(key, [])
        if content is None or not any((each.claim, each.content) == (claim, content) for each in jobs):
            jobs.append(one)
        self.queue.put(one)

    @rule(seconds=st.sampled_from([0.0, 10.0, 1000.0]))
    def take(self, seconds: float) -> None:
        self.now += seconds
        found = self.queue.take(self.now)
        if found is not None:
            assert found is self.expected[found.ordering_key][0]
            assert found.ordering_key not in {one.ordering_key for one in self.running}
            self.running.append(found)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), failed=st.booleans())
    def end(self, data: st.DataObject, failed: bool) -> None:
        one = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        if failed:
            self.queue.fail(one, self.now)
        else:
            self.queue.finish(one)
        if not (failed and one.retry):
            self.expected[one.ordering_key].pop(0)

    @rule(claim=st.sampled_from(CLAIMS))
    def discard(self, claim: Claim) -> None:
        self.queue.discard(lambda one: one.claim == claim)
        for key, jobs in self.expected.items():
            self.expected[key] = [one for one in jobs if one.claim != claim or one in self.running]

    @invariant()
    def held_jobs_are_the_expected_ones(self) -> None:
        left = [one for jobs in self.expected.values() for one in jobs]
        assert (self.queue.held, self.queue.held_bytes) == (
            len(left),
            sum(one.size + COPY_BYTES * len(one.copies) for one in left),
        )
        assert self.queue.places == sum(min(len(jobs), PLACES_OF_A_KEY) for jobs in self.expected.values())
        assert {key for key, jobs in self.expected.items() if jobs} == set(self.queue._queues)
        assert self.queue.running == set(self.running)

    def teardown(self) -> None:
        """No job is stuck: with time, all of them come."""
        while self.running:
            one = self.running.pop()
            self.queue.finish(one)
            self.expected[one.ordering_key].pop(0)
        while (found := self.queue.take(1e9)) is not None:
            assert found is self.expected[found.ordering_key].pop(0)
            self.queue.finish(found)
        assert not any(self.expected.values())
        assert self.queue.held == 0


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=80, stateful_step_count=50, deadline=None, derandomize=True)
