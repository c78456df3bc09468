"""The operators' page on a database with a million payments: how long each view takes to answer."""

import gc
import time
from contextlib import ExitStack
from urllib.parse import quote

from flask.testing import FlaskClient

from bench.figures import Reach, Result, Row, per_round, percentile
from bench.grown_database import fill
from bench.scale import Scale
from bench.servers import Servers, query
from runtime import logs
from runtime.current import Current
from runtime.settings import load
from service.bootstrap import build_service
from service.settings import ServiceSettings

LIMIT_MILLISECONDS = 200.0
_TIMES = 40
_TOKEN = "bench"
_OPEN = """
    INSERT INTO commands (correlation_id, command_type, fingerprint, payload, payment_id, state, recovery_point,
        attempts, last_error, next_attempt_at, received_at)
    SELECT 'open-' || n, 'release_payment', sha256(n::text::bytea), '{}', md5('grown' || n)::uuid, 'pending',
        'accepted', 2, 'no answer from Stripe', now() + n * interval '1 s', now() - n * interval '1 s'
    FROM generate_series(1, 20000) AS n
"""
"""An outage of Stripe: twenty thousand commands wait."""

_LETTERS = """
    INSERT INTO dead_letters (reason, topic, partition, "offset", value)
    SELECT 'INVALID_PAYLOAD', 'payment_commands', 0, n, 'x' FROM generate_series(1, 5000) AS n
"""
_CHECKPOINT = """
    INSERT INTO relay_checkpoints (relay, low, system_identifier, timeline)
    SELECT 'payment-service', max(position) - 100000, 1, 1 FROM outbox
"""


def measure(servers: Servers, scale: Scale) -> Result:
    """Every view in turn, several times after a first one; the 95th percentile counts, beside the limit."""
    with ExitStack() as stack:
        url = stack.enter_context(servers.database())
        fill(url, scale.grown_payments, scale.grown_payments)
        for statement in (_OPEN, _LETTERS, _CHECKPOINT, "ANALYZE"):
            query(url, statement)
        settings = load(
            ServiceSettings, database_url=url, stripe_secret_key="sk_test_1", api_tokens=f"bench:{_TOKEN}:operate"
        )
        logs.configure("ERROR", "console", "bench")
        client = build_service(Current(settings)).test_client()
        client.post("/ops/login", data={"token": _TOKEN})
        gc.collect()
        return Result(
            tuple(_row(client, name, path) for name, path in _views(url).items()),
            notes=(f"{scale.grown_payments:,} payments; 95th percentile of {_TIMES} answers; limit 200 ms",),
        )


def _views(url: str) -> dict[str, str]:
    ((payment,),) = query(url, "SELECT payment_id FROM payments WHERE order_id = 'grown-4242'")
    ((event,),) = query(url, "SELECT event_id FROM outbox WHERE position = 4242")
    found = {
        "overview": "/ops",
        "relay": "/ops/relay",
        "payment": f"/ops/payments/{payment}",
        "newest payments": "/ops/payments",
        "held for over 6 days": "/ops/payments?status=AUTHORIZED&older=6d",
        "payments of a customer": "/ops/payments?customer=customer-17",
        "open commands": "/ops/commands?type=release_payment&fault=yes&older=1h",
        "open commands, last page": "/ops/commands?skip=9950",
        "dead letters": "/ops/dead-letters?reason=INVALID_PAYLOAD",
        "acts": "/ops/actions",
        "money owed": "/ops/owed",
    }
    for what, id_ in {
        "order": "grown-4242",
        "customer": "customer-17",
        "Stripe id": "ch_3PgrownGrownGrownGrown4242",
        "event": str(event),
        "nothing": "no such id",
    }.items():
        found[f"search by {what}"] = f"/ops/search?q={quote(id_)}"
    return found


def _row(client: FlaskClient, name: str, path: str) -> Row:
    _milliseconds(client, path)
    took = [_milliseconds(client, path) for _ in range(_TIMES)]
    figure = per_round(name, "ms", [percentile(took, 0.95)])
    return Row(figure, per_round("limit", "ms", [LIMIT_MILLISECONDS]), Reach(1.0, at_most=True))


def _milliseconds(client: FlaskClient, path: str) -> float:
    begun = time.perf_counter()
    answer = client.get(path, follow_redirects=True)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")
    return (time.perf_counter() - begun) * 1000
