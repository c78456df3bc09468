"""Named steps between two durable effects, where a test may kill the process.

``CRASH_AT=relay.after_read`` kills it (SIGKILL) at that step, ``CRASH_AT=relay.after_read:3`` the third time.
"""

import itertools
import os
import signal
from enum import StrEnum


class CrashPoint(StrEnum):
    """Every step after which a dead process leaves something behind."""

    RELAY_AFTER_READ = "relay.after_read"
    RELAY_IN_TRANSACTION = "relay.in_transaction"
    RELAY_AFTER_REFUSAL = "relay.after_refusal"
    RELAY_AFTER_KAFKA_COMMIT = "relay.after_kafka_commit"
    RELAY_AFTER_MIRROR = "relay.after_mirror"


_name, _, _nth = os.environ.get("CRASH_AT", "").partition(":")
_target = CrashPoint(_name) if _name else None
_countdown = itertools.count(int(_nth or 1), -1)


def reached(point: CrashPoint) -> None:
    """Die here if this process was told to; otherwise nothing."""
    if point is _target and next(_countdown) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
