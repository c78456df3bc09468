"""The API's requests: their number by operation, and the last ones with their idempotency keys."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass

from devstack.stripe_simulator.wire import Json

_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Logged:
    """One finished request."""

    operation: str
    method: str
    path: str
    idempotency_key: str | None
    request_id: str
    status: int
    replayed: bool
    dropped: bool
    faults: tuple[str, ...]
    at: float


class RequestLog:
    """Requests in the order of their ends."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._last: deque[Logged] = deque(maxlen=_KEPT)

    def count(self, operation: str) -> None:
        """Count a new request."""
        self._counts[operation] += 1

    def add(self, entry: Logged) -> None:
        """Add a finished request."""
        self._last.append(entry)

    def counts(self) -> dict[str, int]:
        """Requests by operation, replays and refusals included."""
        return dict(self._counts)

    def entries(self, operation: str | None = None) -> list[Json]:
        """The last requests as JSON."""
        return [asdict(entry) for entry in self._last if operation in (None, entry.operation)]
