"""The sizes of a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Sizes of one run."""

    rounds: int = 3
    rows: int = 200_000
    """Waiting outbox rows of a relay's round."""
    keys: int = 1000
    """Payments of these rows."""
    events_at_slow_pace: int = 500
    """Events of a latency round at 50 a second."""
    events_at_fast_pace: int = 5000
    """Events of a latency round at 500 a second."""
    commands: int = 2000
    """Commands of a consumer's round."""
    commands_one_by_one: int = 24
    requests: int = 4000
    """HTTP requests of a round."""
    statements: int = 1000
    """Executions of one statement, in a round of each way."""
    starts: int = 15
    """Starts of the command line."""
    grown_outbox: int = 5_000_000
    grown_payments: int = 1_000_000
    events_while_pruning: int = 1500
    """Events, and webhooks, at 50 a second, of one window before, while or after the outbox is pruned."""
    windows_around_pruning: int = 3
    """Windows before, and as many after; during the pruning there are as many as necessary."""
    memory_events: int = 1_000_000
    """Events that the relay publishes during the measurement of its memory."""
    memory_requests: int = 20_000
    memory_commands: int = 5000
    growth_rounds: int = 2
    """Rounds of everything on a grown database, and as many on an empty one."""
    foreign_seconds: float = 60.0
    """Duration of the foreign transaction."""


TINY = Scale(
    rounds=1,
    rows=5000,
    keys=50,
    events_at_slow_pace=25,
    events_at_fast_pace=100,
    commands=60,
    commands_one_by_one=4,
    requests=100,
    statements=50,
    starts=2,
    grown_outbox=20_000,
    grown_payments=5000,
    growth_rounds=1,
    memory_events=5000,
    memory_requests=500,
    memory_commands=100,
    events_while_pruning=100,
    windows_around_pruning=1,
    foreign_seconds=3.0,
)
"""For tests of the benchmarks; the figures mean nothing."""
