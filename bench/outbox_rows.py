"""Outbox rows like the service's own: the same columns, an envelope of about 400 bytes, the same headers."""

import secrets
from contextlib import closing

import psycopg2

VALUE = (
    '{"type":"payment.authorized","correlation_id":"%3$s","timestamp":"2026-01-01T00:00:00.000Z",'
    '"source":"payment-service","payload":{"payment_id":"%1$s","order_id":"order-%2$s",'
    '"payment_intent_id":"pi_3PbenchBenchBenchBench%2$s","status":"AUTHORIZED","correlation_id":"%3$s"}}'
)
HEADERS = (
    '[["ce_id","%3$s"],["ce_type","payment.authorized"],["ce_source","payment-service"],["ce_specversion","1.0"],'
    '["ce_time","2026-01-01T00:00:00.000Z"],["content-type","application/json"],["ce_subject","%1$s"],'
    '["correlation_id","%3$s"],["sequence","%2$s"],["command_type","authorize_payment"]]'
)
_ROWS = """
    SELECT id AS event_id, %(topic)s AS topic, key, 'payment.authorized' AS type,
        (n - 1) / %(keys)s + 1 AS sequence,
        format(%(value)s, key, n, id) AS value, format(%(headers)s, key, n, id)::json AS headers
    FROM (SELECT n, gen_random_uuid() AS id, md5(%(salt)s || n %% %(keys)s)::uuid::text AS key
          FROM generate_series(1, %(rows)s) AS n) AS numbered
"""
_APPEND = f"INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers) {_ROWS}"

VALUE_BYTES = 372
"""Size of a value, within a digit or two of its number."""


def append(url: str, topic: str, rows: int, keys: int, *, rollbacks: bool = False) -> int:
    """Append this number of rows with new keys in one transaction, all visible together; returns the last position.

    With `rollbacks`, a fifth of all rows is rolled back in between, which leaves gaps.
    """
    values = {"topic": topic, "keys": keys, "value": VALUE, "headers": HEADERS}
    chunks = rows // keys if rollbacks else 1
    with closing(psycopg2.connect(url)) as session, session, session.cursor() as cursor:
        for number in range(chunks):
            chunk = {**values, "rows": rows // chunks, "salt": secrets.token_hex(8)}
            cursor.execute(_APPEND, chunk)
            if rollbacks and number % 4 == 0:
                cursor.execute("SAVEPOINT taken_back")
                cursor.execute(_APPEND, {**chunk, "salt": "taken back"})
                cursor.execute("ROLLBACK TO SAVEPOINT taken_back")
        cursor.execute("SELECT max(position) FROM outbox")
        return int((cursor.fetchone() or (0,))[0])
