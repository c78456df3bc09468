"""One request in its steps through the simulator."""

from __future__ import annotations

from dataclasses import dataclass, field

from stripe import api_version as library_api_version

from devstack.stripe_simulator.faults import Fault, Kind
from devstack.stripe_simulator.operation import Operation
from devstack.stripe_simulator.state import Call
from devstack.stripe_simulator.wire import Reply, Request


@dataclass(slots=True)
class Ticket:
    """The state of a request. A reply that is set before the execution replaces the execution."""

    request: Request
    id: str
    api_version: str = library_api_version
    operation: Operation | None = None
    call: Call | None = None
    key: str | None = None
    fingerprint: str = ""
    """The fingerprint of a request with a key."""
    struck: list[Fault] = field(default_factory=list)
    reply: Reply | None = None
    replayed: bool = False
    holds_key: bool = False
    locks: str | None = None
    """The intent that this request locks for changes."""
    latency_before: float = 0.0
    """Seconds to wait before `execute`."""
    latency_after: float = 0.0
    """Seconds to wait before `finish`."""

    @property
    def outcome(self) -> Fault | None:
        """The fault that decides the answer, if one hit."""
        return next((f for f in self.struck if f.kind not in (Kind.LATENCY_BEFORE, Kind.LATENCY_AFTER)), None)
