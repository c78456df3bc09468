"""What was asked of the API: counts by operation, and the last requests with their idempotency keys."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass

from devstack.stripe_simulator.wire import Json

_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Logged:
    """One request that came to its end."""

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
    """Requests in the order in which they ended."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._last: deque[Logged] = deque(maxlen=_KEPT)

    def count(self, operation: str) -> None:
        """A request came in."""
        self._counts[operation] += 1

    def add(self, entry: Logged) -> None:
        """A request came to its end."""
        self._last.append(entry)

    def counts(self) -> dict[str, int]:
        """Requests by operation, replays and refusals included."""
        return dict(self._counts)

    def entries(self, operation: str | None = None) -> list[Json]:
        """The last requests as JSON."""
        return [asdict(entry) for entry in self._last if operation in (None, entry.operation)]
