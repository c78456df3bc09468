"""`python -m bench.bare_app PORT`: Flask, psycopg2, one statement a route, under the service's gunicorn settings."""

import json
import os
import sys
import threading
from typing import Any

import psycopg2
from flask import Flask, Response, request
from gunicorn.app.base import BaseApplication

_SELECT = """
    SELECT payment_id, order_id, customer_id, runner_id, amount, currency, status, description,
        stripe_payment_intent_id, stripe_transfer_id, stripe_refund_id, failure, created_at, updated_at
    FROM payments WHERE order_id = %s ORDER BY created_at DESC LIMIT 1
"""
_INSERT = """
    INSERT INTO stripe_events (event_id, type, object_id, result) VALUES (%s, %s, %s, 'ignored') ON CONFLICT DO NOTHING
"""
_local = threading.local()


def _session() -> Any:
    """The thread's session, which stays open."""
    if not hasattr(_local, "session"):
        _local.session = psycopg2.connect(os.environ["DATABASE_URL"])
        _local.session.autocommit = True
    return _local.session


def build() -> Flask:
    """The bare application, without checks, log, metrics and signature."""
    app = Flask("bare", static_folder=None)

    @app.get("/payment/<order_id>/status")
    def status(order_id: str) -> Response:
        with _session().cursor() as cursor:
            cursor.execute(_SELECT, (order_id,))
            row = cursor.fetchone()
        return Response(json.dumps(row, default=str), 200 if row else 404, mimetype="application/json")

    @app.post("/stripe-webhook")
    def stripe_webhook() -> Response:
        event = json.loads(request.get_data())
        with _session().cursor() as cursor:
            cursor.execute(_INSERT, (event["id"], event["type"], event["data"]["object"]["id"]))
        return Response('{"received": true}', mimetype="application/json")

    return app


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def load_config(self) -> None:
        ours = {
            "bind": f"127.0.0.1:{sys.argv[1]}",
            "workers": int(os.environ["WORKERS"]),
            "worker_class": "gthread",
            "threads": 10,
            "timeout": 60,
            "keepalive": 75,
            "worker_tmp_dir": "/dev/shm",  # noqa: S108 - heartbeats off the disk, as the service has it
            "control_socket_disable": True,
            "loglevel": "info",
        }
        for name, value in ours.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return build()


if __name__ == "__main__":
    _Server().run()
