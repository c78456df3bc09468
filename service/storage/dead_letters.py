"""Dead letters: records that cannot be processed, kept whole."""

from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as pg_insert

from service.domain.received_records import Origin
from service.storage.models import DeadLetter


def _cuts(origin: Origin) -> list[str]:
    parts = (("key", origin.key, origin.key_cut), ("value", origin.value, origin.value_cut))
    return [
        f"the first {len(kept or b'')} of the {name}'s {cut.size} bytes are kept, sha256 of all {cut.sha256}"
        for name, kept, cut in parts
        if cut is not None
    ]


def add(connection: Connection, reason: str, detail: str, origin: Origin) -> datetime | None:
    """Store a dead letter; returns its time, or None when it is stored already (redelivery).

    The stored detail also names the parts of the record that were cut.
    """
    statement = (
        pg_insert(DeadLetter)
        .values(
            reason=reason,
            detail="; ".join([detail, *_cuts(origin)]).replace("\0", "\N{REPLACEMENT CHARACTER}"),
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            key=origin.key,
            value=origin.value,
            headers=[[name, None if value is None else value.hex()] for name, value in origin.headers],
        )
        .on_conflict_do_nothing()
        .returning(DeadLetter.received_at)
    )
    found: datetime | None = connection.execute(statement).scalar_one_or_none()
    return found
