"""A payment service in the middle of a bad night: what a view of the operators' page may have to show."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from tests.support.core import CHALLENGED, DECLINED, Core

HOSTILE = "<script>alert(1)</script>\u202e'\"&"
"""Text from outside that would be a program, or read backwards, where it is not escaped."""

LETTER = b'{"type": "release_payment", "correlation_id": "c-letter", "payload": {}}'
NO_ACCOUNT = "acct_missing"
UNANSWERED = "saga-waiting"
FAILED = "saga-failed"


class Scene(NamedTuple):
    """Ids of what the database holds: payments in their states, and three open dead letters."""

    released: UUID
    held: UUID
    failed: UUID
    letters: list[int]


def set_scene(core: Core) -> Scene:
    """Payments in all states, a command without an answer of Stripe, one that failed, and a relay that is behind."""
    released = core.authorize("saga-released", "order-released")
    core.release(released, "saga-released-done")
    core.deliver_all(released)
    held = core.authorize("saga-held", "order-held")
    core.release(core.authorize("saga-stuck", "order-stuck"), FAILED, NO_ACCOUNT)
    core.authorize(UNANSWERED, "order-waiting", CHALLENGED)
    core.authorize("saga-refused", "order-refused", DECLINED)
    core.authorize("saga-hostile", f"order-{HOSTILE}", description=HOSTILE)
    core.sql(
        "UPDATE commands SET attempts = 3, last_error = 'no answer from Stripe', "
        "received_at = now() - interval '9 min' WHERE correlation_id = :id",
        id=UNANSWERED,
    )
    core.sql(
        "INSERT INTO relay_checkpoints (relay, low, system_identifier, timeline) "
        "SELECT 'payment-service', max(position) - 2, 1, 1 FROM outbox"
    )
    return Scene(released, held, core.payment_id("order-refused"), _letters(core))


def views_of(scene: Scene) -> list[str]:
    """Every kind of view, with something in it."""
    released = f"/ops/payments/{scene.released}"
    return [
        *("/ops", "/ops/payments", "/ops/search?q=customer-1", "/ops/commands", "/ops/dead-letters", "/ops/relay"),
        *("/ops/owed", "/ops/actions", released, f"{released}?kafka=look", f"/ops/dead-letters/{scene.letters[2]}"),
        *(f"/ops/payments/{scene.held}/release", f"/ops/command?id={FAILED}&type=release_payment"),
    ]


def _letters(core: Core) -> list[int]:
    found = [("INVALID_PAYLOAD", LETTER), ("INVALID_PAYLOAD", LETTER), (HOSTILE, HOSTILE.encode())]
    insert = text(
        'INSERT INTO dead_letters (reason, detail, topic, partition, "offset", key, value) '
        "VALUES (:reason, :detail, 'payment_commands', 0, :offset, 'k', :value)"
    )
    with core.database.begin() as connection:
        for offset, (reason, value) in enumerate(found):
            values = {"reason": reason, "detail": HOSTILE, "offset": offset, "value": value}
            connection.execute(insert, values)
    return [row["id"] for row in core.sql("SELECT id FROM dead_letters ORDER BY id")]
