"""A database after years of work: settled payments, their commands, and an outbox that was never pruned."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

from bench.outbox_rows import HEADERS, VALUE
from bench.scale import Scale
from bench.servers import Servers

_PAYMENT_ID = "md5('grown' || n)::uuid"
_AT = "now() - interval '400 days' + n * interval '1 year' / %(payments)s"

_PAYMENTS = f"""
    INSERT INTO payments (payment_id, order_id, customer_id, runner_id, runner_connect_account_id, amount, currency,
        status, authorize_correlation_id, stripe_payment_intent_id, stripe_charge_id, stripe_transfer_id, captured_at,
        event_sequence, created_at, updated_at, looked_at)
    SELECT {_PAYMENT_ID}, 'grown-' || n, 'customer-' || n %% 50000,
        CASE WHEN n %% 50 > 0 THEN 'runner-' || n %% 5000 END,
        CASE WHEN n %% 50 > 0 THEN 'acct_' || n %% 5000 END, 1500, 'sgd',
        CASE WHEN n %% 50 > 0 THEN 'SUCCEEDED' ELSE 'AUTHORIZED' END, 'grown-' || n,
        'pi_3PgrownGrownGrownGrown' || n, 'ch_3PgrownGrownGrownGrown' || n,
        CASE WHEN n %% 50 > 0 THEN 'tr_3PgrownGrownGrownGrown' || n END, CASE WHEN n %% 50 > 0 THEN {_AT} END,
        5, {_AT}, {_AT}, now() + interval '1 day'
    FROM generate_series(1, %(payments)s) AS n
"""
"""One payment in fifty is still authorized; its last look is recent, so the consumer ignores it."""

_COMMANDS = f"""
    INSERT INTO commands (correlation_id, command_type, fingerprint, payload, payment_id, state, recovery_point,
        outcome, received_at, updated_at, completed_at)
    SELECT 'grown-' || n, 'authorize_payment', sha256(n::text::bytea),
        jsonb_build_object('customer_id', 'customer-' || n %% 50000, 'payment_method_id', 'pm_card_visa',
            'amount', 1500, 'currency', 'sgd', 'order_id', 'grown-' || n),
        {_PAYMENT_ID}, 'done', 'answered', jsonb_build_object('type', 'payment.authorized'), {_AT}, {_AT}, {_AT}
    FROM generate_series(1, %(payments)s) AS n
"""
_TRANSITIONS = f"""
    INSERT INTO payment_transitions (payment_id, from_status, to_status, cause, at)
    SELECT {_PAYMENT_ID}, 'INITIATING', 'AUTHORIZED', 'authorize_payment grown-' || n, {_AT}
    FROM generate_series(1, %(payments)s) AS n
"""
_REQUEST_KEYS = f"""
    INSERT INTO request_keys (route, payment_id, idempotency_key, fingerprint, correlation_id, created_at)
    SELECT 'release_payment', {_PAYMENT_ID}, 'key-' || n, sha256(n::text::bytea), 'grown-release-' || n, {_AT}
    FROM generate_series(1, %(payments)s) AS n
"""
_STRIPE_EVENTS = f"""
    INSERT INTO stripe_events (event_id, type, object_id, payment_id, result, received_at)
    SELECT 'evt_3Pgrown' || md5(n::text), 'payment_intent.amount_capturable_updated', 'pi_3PgrownGrownGrownGrown' || n,
        {_PAYMENT_ID}, 'no_change', {_AT}
    FROM generate_series(1, %(payments)s) AS n
"""
_OUTBOX = """
    INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers, created_at)
    SELECT id, 'grown', key, 'payment.authorized', (n - 1) / %(payments)s + 1,
        format(%(value)s, key, n, id), format(%(headers)s, key, n, id)::json,
        now() - interval '400 days' + n * interval '1 year' / %(outbox)s
    FROM (SELECT n, gen_random_uuid() AS id, md5('grown' || n %% %(payments)s + 1)::uuid::text AS key
          FROM generate_series(1, %(outbox)s) AS n) AS numbered
"""
_TABLES = {
    "payments": _PAYMENTS,
    "commands": _COMMANDS,
    "payment_transitions": _TRANSITIONS,
    "request_keys": _REQUEST_KEYS,
    "stripe_events": _STRIPE_EVENTS,
    "outbox": _OUTBOX,
}


class GrownServers(Servers):
    """The same servers, with the one grown database in place of every new one."""

    def __init__(self, servers: Servers, url: str) -> None:
        super().__init__()
        self.postgres = servers.postgres
        self.kafka = servers.kafka
        self._url = url

    @contextmanager
    def database(self) -> Iterator[str]:
        yield self._url


@contextmanager
def grown(servers: Servers, scale: Scale) -> Iterator[GrownServers]:
    """Servers with a grown database, which is filled first. This takes minutes."""
    with servers.database() as url:
        fill(url, scale.grown_outbox, scale.grown_payments)
        yield GrownServers(servers, url)


def fill(url: str, outbox: int, payments: int) -> None:
    """Insert these numbers of outbox rows and payments; each payment has a command and one row in every other table."""
    values = {"outbox": outbox, "payments": payments, "value": VALUE, "headers": HEADERS}
    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        session.autocommit = True
        # Without foreign keys and triggers, because these rows need no check and no wake-up.
        cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
        for table, statement in _TABLES.items():
            with _indexed_afterwards(cursor, table):
                cursor.execute(statement, values)
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _indexed_afterwards(cursor: Any, table: str) -> Iterator[None]:
    """Drops the indexes for the block and builds them afterwards, which is several times faster."""
    cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname !~ '^pk_'", (table,))
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        cursor.execute(definition)
