"""Checks that readiness reports each outage. It probes /ready continuously, as a load balancer does."""

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from devstack.service_process import ServiceProcess

_SHORTEST_SECONDS = 12.0
_LONGEST_SECONDS = 20.0
"""An outage lasts until its report, within these limits."""

_READY_AGAIN_SECONDS = 60.0
_PROBE_SECONDS = 3.0
_PAUSE_SECONDS = 0.25
_LAST_LINES = 5

Affected = Sequence[Sequence[ServiceProcess]]
"""Groups of processes. At least one process of each group must report, because of two relays only one is active."""


@dataclass(frozen=True)
class Outage:
    """A fault that keeps processes from their work so long that they must report it."""

    name: str
    part: Sequence[str]
    """Words of which /ready must contain one, in any case."""
    affected: Affected
    ready_meanwhile: bool = False
    """Whether a 200 or a metric that names the part is a report, too, because the rest of the work goes on."""

    @property
    def processes(self) -> list[ServiceProcess]:
        """All affected processes."""
        return [process for group in self.affected for process in group]


@dataclass(frozen=True)
class Answer:
    """The answer to a probe; without a status when none came in time."""

    status: int | None
    text: str

    def reports(self, outage: Outage) -> bool:
        """Whether it names the failing part and reports the process as not ready."""
        named = any(word.casefold() in self.text.casefold() for word in outage.part)
        return named and (self.status == 503 or (outage.ready_meanwhile and self.status == 200))


def name_of(process: ServiceProcess) -> str:
    """The name of a process, for people and for the rest of the chaos run."""
    return f"{process.name} {process.port}"


Ask = Callable[[ServiceProcess, str], Answer]


def ask(process: ServiceProcess, path: str) -> Answer:
    """One probe."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return Answer(reply.status, reply.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, f"no answer: {type(error).__name__}")
    finally:
        connection.close()


class Watch:
    """Counts reported outages and names the unreported ones. Several outages may be watched at once."""

    def __init__(
        self, probe: Ask = ask, shortest: float = _SHORTEST_SECONDS, longest: float = _LONGEST_SECONDS
    ) -> None:
        self._probe = probe
        self._shortest = shortest
        self._longest = longest
        self._lock = threading.Lock()
        self.reported: list[float] = []
        """Seconds until the report of each reported outage."""
        self.unreported: list[str] = []
        """Outages without a report in time, and processes that were not ready again afterwards."""
        self.ended: list[str] = []
        """Processes that ended without a fault."""

    def see(self, process: ServiceProcess) -> None:
        """Check that a process without a fault runs."""
        if not process.running:
            with self._lock:
                self.ended.append(f"{name_of(process)} has ended by itself:\n{process.run.log_tail(_LAST_LINES)}")

    def outage(self, outage: Outage, mend: Callable[[], object]) -> None:
        """Watch an outage in progress, then end it by ``mend``. Returns when the processes are ready again, or fail."""
        began = time.monotonic()
        with ThreadPoolExecutor(len(outage.processes), thread_name_prefix="probe") as pool:
            groups = [_Group(outage, group, began) for group in outage.affected]
            hearings = [pool.submit(self._hear, group, one) for group in groups for one in group.processes]
            for hearing in hearings:
                hearing.result()
            time.sleep(max(0.0, began + self._shortest - time.monotonic()))
            mend()
            ready = list(pool.map(self._ready_again, outage.processes))
        times = [group.reported_after for group in groups if group.reported_after is not None]
        with self._lock:
            if len(times) == len(groups):
                self.reported.append(max(times))
            self.unreported += [f"{outage.name}: {group}" for group in groups if group.reported_after is None]
            self.unreported += [f"{outage.name}, but after it: {fault}" for fault in ready if fault]

    def _hear(self, group: "_Group", process: ServiceProcess) -> None:
        """Probe until one of the group has reported, or until the time-out; each process gets one probe at least."""
        while True:
            for path in ("/ready", "/metrics") if group.outage.ready_meanwhile else ("/ready",):
                group.heard(process, path, self._probe(process, path))
            if group.reported_after is not None or time.monotonic() > group.began + self._longest:
                return
            time.sleep(_PAUSE_SECONDS)

    def _ready_again(self, process: ServiceProcess) -> str | None:
        """None when the process is ready; its last answer after the time-out."""
        until = time.monotonic() + _READY_AGAIN_SECONDS
        while (answer := self._probe(process, "/ready")).status != 200:
            if time.monotonic() > until:
                return (
                    f"{name_of(process)} is not ready after {_READY_AGAIN_SECONDS:.0f} s: {answer.status} {answer.text}"
                )
            time.sleep(_PAUSE_SECONDS)
        return None


class _Group:
    """Processes of which one must report."""

    def __init__(self, outage: Outage, processes: Sequence[ServiceProcess], began: float) -> None:
        self.outage = outage
        self.processes = processes
        self.began = began
        self.reported_after: float | None = None
        self._said: dict[str, str] = {}

    def heard(self, process: ServiceProcess, path: str, answer: Answer) -> None:
        if answer.reports(self.outage):
            self.reported_after = self.reported_after or time.monotonic() - self.began
        elif path == "/ready":
            self._said[name_of(process)] = f"{answer.status} {answer.text.strip()}"

    def __str__(self) -> str:
        return f"not reported; the last answer was: {self._said}"
