"""The end of the outbox, as an operator's glance reads it: the latest answers, and commands that nobody accepts."""

from sqlalchemy import text

from service.storage.engine import Connection
from service.storage.operator_session import Record, records

RECENT_MESSAGES = 300
"""Messages at the end of the outbox that are looked at."""

_ANSWERS = text(
    """
    WITH tail AS MATERIALIZED (
        SELECT type, value, headers FROM outbox
        WHERE NOT replayed AND position > (SELECT max(position) FROM outbox) - :rows
            AND created_at > now() - CAST('1 h' AS interval)
    ), answers AS (
        SELECT (SELECT h->>1 FROM json_array_elements(headers) h WHERE h->>0 = 'command_type') AS command_type,
            (SELECT h->>1 FROM json_array_elements(headers) h WHERE h->>0 = 'correlation_id') AS correlation_id,
            CASE WHEN type = 'payment.failed' THEN CAST(value AS json)->'payload'->>'error' END AS error
        FROM tail WHERE type LIKE 'payment.%'
    )
    SELECT count(*) AS answers, count(*) FILTER (WHERE c.last_error IS NOT NULL) AS after_fault,
        count(*) FILTER (WHERE error = 'STRIPE_ERROR') AS refused
    FROM answers a JOIN commands c USING (command_type, correlation_id)
    """
)

_UNREAD = text(
    """
    SELECT count(*) FROM outbox AS o
    WHERE NOT replayed AND position > (SELECT max(position) FROM outbox) - :rows
        AND position <= (SELECT max(low) FROM relay_checkpoints)
        AND created_at BETWEEN now() - CAST('1 h' AS interval) AND now() - CAST('30 s' AS interval)
        AND type LIKE '%\\_payment' AND NOT EXISTS (
            SELECT FROM commands AS c WHERE c.command_type = o.type AND c.correlation_id =
                (SELECT h->>1 FROM json_array_elements(o.headers) h WHERE h->>0 = 'correlation_id'))
    """
)
"""Commands of callers and operators that are in the commands topic, and that no consumer has accepted."""


def answers(connection: Connection) -> Record:
    """How many of the latest answers there are, and met a fault first, or were refused by Stripe."""
    return records(connection, _ANSWERS, rows=RECENT_MESSAGES)[0]


def unread(connection: Connection) -> int:
    """The number of commands that were published over 30 s ago, and that no consumer has accepted."""
    found: int = connection.execute(_UNREAD, {"rows": RECENT_MESSAGES}).scalar_one()
    return found
