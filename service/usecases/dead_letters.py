"""Dead letters: kept whole in the database, and announced on a topic of their own through the outbox."""

import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from runtime.logs import get_logger
from service.domain.messages import DEAD_LETTER, OutgoingMessage, rfc3339
from service.domain.published import NOTHING, Published
from service.domain.received_records import Cut, Origin, UnreadableMessage
from service.storage import dead_letters, outbox
from service.storage.engine import Connection, after_commit

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Sets aside a record that cannot be processed, so that it blocks no other."""

    topic: str
    published: Published = NOTHING
    """After a restore: the announcements that readers have seen."""

    def add(self, connection: Connection, unreadable: UnreadableMessage, origin: Origin) -> None:
        """Keep the record and announce it on the dead letter topic, once for any number of deliveries."""
        kept_at = dead_letters.add(connection, unreadable.reason, unreadable.detail, origin)
        if kept_at is None:
            return
        place = {"topic": origin.topic, "partition": origin.partition, "offset": origin.offset}
        after_commit(partial(log.warning, "dead_letter", reason=unreadable.reason, **place))
        outbox.append(connection, [self.published.letter(self._message(unreadable, origin, kept_at))])

    def _message(self, unreadable: UnreadableMessage, origin: Origin, kept_at: datetime) -> OutgoingMessage:
        body = {
            "reason": unreadable.reason,
            "detail": unreadable.detail,
            "topic": origin.topic,
            "partition": origin.partition,
            "offset": origin.offset,
            "timestamp": rfc3339(kept_at),
            "headers": [[name, _base64(value)] for name, value in origin.headers],
            **_part("key", origin.key, origin.key_cut),
            **_part("value", origin.value, origin.value_cut),
        }
        event_id = uuid4()
        return OutgoingMessage(
            event_id=event_id,
            topic=self.topic,
            key=f"{origin.topic}-{origin.partition}-{origin.offset}",
            type=DEAD_LETTER,
            value=json.dumps(body, separators=(",", ":")),
            headers=[("ce_id", str(event_id)), ("reason", unreadable.reason), ("content-type", "application/json")],
        )


def _part(name: str, kept: bytes | None, cut: Cut | None) -> dict[str, Any]:
    """The key or value whole, in base64. Of one too large for a broker: its size in bytes and its SHA-256."""
    if cut is None:
        return {name: _base64(kept)}
    return {name: None, f"{name}_omitted": {"bytes": cut.size, "sha256": cut.sha256}}


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode("ascii")
