"""A chaos run from its first saga to the count of violations."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from proofs.chaos.audit import Findings, audit, repeated
from proofs.chaos.evidence import Evidence, identity
from proofs.chaos.faults import Injector, injector
from proofs.chaos.plan import Attack, Fault, Plan, Saga
from proofs.chaos.sagas import SAGAS
from proofs.chaos.talk import SagaFailedError, Surroundings, Talk
from proofs.chaos.world import World

_SETTLE_SECONDS = 120.0

OnProgress = Callable[[int, int], None]
"""Receives the numbers of finished sagas and begun faults."""


@dataclass(frozen=True)
class Result:
    """The counts of work and faults, and the violations."""

    sagas: int
    commands: int
    copies: int
    effects: int
    events: int
    repeats: int
    """Repeated events; above 0 only if the delivery may repeat events."""
    struck: Counter[Attack]
    reported: list[float]
    """Seconds until the report of each outage that readiness reported."""
    refused_rows: Counter[str]
    """Strangers' rows that the database refused, by reason."""
    failed: list[str]
    """Sagas with a wrong answer or none."""
    findings: Findings
    seconds: float

    @property
    def clean(self) -> bool:
        """Whether every saga ended as planned and the audit found nothing."""
        return not self.failed and self.findings.clean


class _Progress:
    """The number of finished sagas, for which faults wait."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._changed = threading.Condition()
        self.over = 0
        self._faults = 0
        self.failed: list[str] = []

    def saga_over(self, failure: str | None) -> None:
        with self._changed:
            self.over += 1
            if failure is not None:
                self.failed.append(failure)
            self._changed.notify_all()
            self._on_progress(self.over, self._faults)

    def struck(self, faults: int) -> None:
        with self._changed:
            self._faults = faults
            self._on_progress(self.over, faults)

    def wait_for(self, over: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.over >= over)


def run(plan: Plan, world: World, *, at_once: int, on_progress: OnProgress) -> Result:
    """Run sagas and faults, await the end of all work, audit. ``at_once``: concurrent sagas. Raises mends' errors."""
    began = time.monotonic()
    topics = world.scene.topics
    client = world.scene.client()
    around = Surroundings(client, world.stripe, world.application.info, world.reconcile)
    progress = _Progress(on_progress)
    try:
        world.begin_faults()
        with injector(world.troubles) as faults:
            _run_plan(plan, faults, around, progress, at_once)
            faults.all_back()
        world.end_faults()
        evidence = world.scene.look_when_quiet(_SETTLE_SECONDS)
        world.see_everyone()
        may_repeat = world.delivery == "at-least-once" and bool(_MAY_REPEAT & faults.struck.keys())
        again = repeated(evidence)
        findings = audit(evidence, may_repeat=may_repeat)
        findings = replace(
            findings,
            losses=[*findings.losses, *missed(world, evidence)],
            wrong_ends=[*findings.wrong_ends, *world.watch.ended],
            unreported=world.watch.unreported,
            unproven=world.prove(set(again) if may_repeat else set()),
        )
    finally:
        client.close()
        around.http.clear()
    return Result(
        sagas=len(plan.sagas),
        commands=around.sent["commands"],
        copies=around.sent["copies"],
        effects=len(evidence.effects),
        events=sum(record.topic == topics.events for record in evidence.records),
        repeats=len(again),
        struck=faults.struck,
        reported=world.watch.reported,
        refused_rows=world.strange_rows.refused_rows,
        failed=progress.failed,
        findings=findings,
        seconds=time.monotonic() - began,
    )


_MAY_REPEAT = frozenset({Attack.RELAY_FROZEN, Attack.KAFKA_SILENT})
"""Attacks that may repeat records of at-least-once delivery (docs/guarantees.md): a relay frozen while it sends, or a
request that the network delays until the successor has read the topics."""


def missed(world: World, evidence: Evidence) -> list[str]:
    """The events that the published sagas' library missed, if it reads."""
    if world.published is None:
        return []
    events = {identity(record) for record in evidence.records if record.topic == world.scene.topics.events}
    return [f"not heard by the published library: {event}" for event in world.published.missing(events)]


def _run_plan(plan: Plan, attacker: Injector, around: Surroundings, progress: _Progress, at_once: int) -> None:
    """Begin sagas as others end, but none before a fault that is due, so that faults meet work in progress."""
    faults = deque(plan.faults)
    with ThreadPoolExecutor(at_once, thread_name_prefix="saga") as pool:
        for number, saga in enumerate(plan.sagas):
            progress.wait_for(number - at_once + 1)
            _inject_as_due(faults, attacker, progress)
            pool.submit(_play, saga, around, progress)
        while faults:
            progress.wait_for(faults[0].after)
            _inject_as_due(faults, attacker, progress)


def _inject_as_due(faults: deque[Fault], attacker: Injector, progress: _Progress) -> None:
    while faults and faults[0].after <= progress.over:
        attacker.inject(faults.popleft())
        progress.struck(attacker.struck.total())


def _play(saga: Saga, around: Surroundings, progress: _Progress) -> None:
    failure: str | None = None
    try:
        SAGAS[saga.kind](Talk(saga, around))
    except SagaFailedError as error:
        failure = str(error)
    except Exception as error:  # noqa: BLE001 - counted as a failed saga: the chaos run must come to its end
        failure = f"{saga.name}, {saga.kind}: {type(error).__name__}: {error}"
    progress.saga_over(failure)
