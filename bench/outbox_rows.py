"""Outbox rows like the service's own: the same columns, an envelope of about 400 bytes, the same headers."""

from contextlib import closing

import psycopg2

_VALUE = (
    '{"type":"payment.authorized","correlation_id":"%3$s","timestamp":"2026-01-01T00:00:00.000Z",'
    '"source":"payment-service","payload":{"payment_id":"%1$s","order_id":"order-%2$s",'
    '"payment_intent_id":"pi_3PbenchBenchBenchBench%2$s","status":"AUTHORIZED","correlation_id":"%3$s"}}'
)
_HEADERS = (
    '[["ce_id","%3$s"],["ce_type","payment.authorized"],["ce_source","payment-service"],["ce_specversion","1.0"],'
    '["ce_time","2026-01-01T00:00:00.000Z"],["content-type","application/json"],["ce_subject","%1$s"],'
    '["correlation_id","%3$s"],["sequence","%2$s"],["command_type","authorize_payment"]]'
)
_ROWS = """
    SELECT id AS event_id, %(topic)s AS topic, key, 'payment.authorized' AS type,
        %(first)s / %(keys)s + (n - 1) / %(keys)s + 1 AS sequence,
        format(%(value)s, key, n, id) AS value, format(%(headers)s, key, n, id)::json AS headers
    FROM (SELECT n, gen_random_uuid() AS id, md5((n %% %(keys)s)::text)::uuid::text AS key
          FROM generate_series(1, %(rows)s) AS n) AS numbered
"""
_APPEND = f"INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers) {_ROWS}"

VALUE_BYTES = 372
"""Of a value, to within a digit or two of its number."""


def append(url: str, topic: str, rows: int, keys: int) -> int:
    """Append so many rows in one transaction, all visible at once; the last position.

    `rows` must be a multiple of `keys`, else the next call's sequences meet the last one's.
    """
    with closing(psycopg2.connect(url)) as session, session, session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM outbox")
        first = (cursor.fetchone() or (0,))[0]
        values = {"topic": topic, "rows": rows, "keys": keys, "first": first, "value": _VALUE, "headers": _HEADERS}
        cursor.execute(_APPEND, values)
        cursor.execute("SELECT max(position) FROM outbox")
        return int((cursor.fetchone() or (0,))[0])
