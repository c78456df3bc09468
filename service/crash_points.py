"""Named steps between two durable effects, where a test may kill the process.

``CRASH_AT=relay.after_read`` kills it (SIGKILL) at that step, ``CRASH_AT=relay.after_read:3`` the third time.
``CRASH_AT=@FILE`` reads the same from a file, at every step anew: a running process can be told where to die. Who
dies removes the file first, so of several processes only one does, and only once.
"""

import itertools
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path


class CrashPoint(StrEnum):
    """Every step after which a dead process leaves something behind."""

    ACCEPT_BEFORE_COMMIT = "accept.before_commit"
    ACCEPT_AFTER_COMMIT = "accept.after_commit"
    CREATE_INTENT_BEFORE_CALL = "create_intent.before_call"
    CREATE_INTENT_AFTER_CALL = "create_intent.after_call"
    CREATE_INTENT_BEFORE_COMMIT = "create_intent.before_commit"
    CREATE_INTENT_AFTER_COMMIT = "create_intent.after_commit"
    CAPTURE_BEFORE_CALL = "capture.before_call"
    CAPTURE_AFTER_CALL = "capture.after_call"
    CAPTURE_BEFORE_COMMIT = "capture.before_commit"
    CAPTURE_AFTER_COMMIT = "capture.after_commit"
    TRANSFER_BEFORE_CALL = "transfer.before_call"
    TRANSFER_AFTER_CALL = "transfer.after_call"
    TRANSFER_BEFORE_COMMIT = "transfer.before_commit"
    TRANSFER_AFTER_COMMIT = "transfer.after_commit"
    CANCEL_BEFORE_CALL = "cancel.before_call"
    CANCEL_AFTER_CALL = "cancel.after_call"
    CANCEL_BEFORE_COMMIT = "cancel.before_commit"
    CANCEL_AFTER_COMMIT = "cancel.after_commit"
    REVERSE_TRANSFER_BEFORE_CALL = "reverse_transfer.before_call"
    REVERSE_TRANSFER_AFTER_CALL = "reverse_transfer.after_call"
    REVERSE_TRANSFER_BEFORE_COMMIT = "reverse_transfer.before_commit"
    REVERSE_TRANSFER_AFTER_COMMIT = "reverse_transfer.after_commit"
    REFUND_BEFORE_CALL = "refund.before_call"
    REFUND_AFTER_CALL = "refund.after_call"
    REFUND_BEFORE_COMMIT = "refund.before_commit"
    REFUND_AFTER_COMMIT = "refund.after_commit"
    WEBHOOK_BEFORE_COMMIT = "webhook.before_commit"
    WEBHOOK_AFTER_COMMIT = "webhook.after_commit"
    LOOK_BEFORE_COMMIT = "look.before_commit"
    LOOK_AFTER_COMMIT = "look.after_commit"
    REQUEST_BEFORE_COMMIT = "request.before_commit"
    REQUEST_AFTER_COMMIT = "request.after_commit"
    RELAY_AFTER_READ = "relay.after_read"
    RELAY_IN_TRANSACTION = "relay.in_transaction"
    RELAY_BEFORE_KAFKA_COMMIT = "relay.before_kafka_commit"
    RELAY_AFTER_REFUSAL = "relay.after_refusal"
    RELAY_AFTER_KAFKA_COMMIT = "relay.after_kafka_commit"
    RELAY_AFTER_MIRROR = "relay.after_mirror"
    CONSUMER_BEFORE_OFFSET_COMMIT = "consumer.before_offset_commit"
    CONSUMER_AFTER_OFFSET_COMMIT = "consumer.after_offset_commit"


_asked = os.environ.get("CRASH_AT", "")
_file = Path(_asked[1:]) if _asked.startswith("@") else None
_visits: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))


def reached(point: CrashPoint) -> None:
    """Die here if this process was told to; otherwise nothing."""
    if _asked and _is_fatal(point):
        os.kill(os.getpid(), signal.SIGKILL)


def _is_fatal(point: CrashPoint) -> bool:
    try:
        target = _asked if _file is None else _file.read_text()
        name, _, nth = target.partition(":")
        if CrashPoint(name) is not point or next(_visits[target]) != int(nth or 1):
            return False
        if _file is not None:
            _file.unlink()
    except FileNotFoundError:  # nobody is to die, or another has just died
        return False
    return True


if _asked and _file is None:
    CrashPoint(_asked.partition(":")[0])
