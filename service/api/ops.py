"""Liveness, readiness and metrics."""

import os

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from runtime.log_stream import LOST_LINES
from service.api.ports import Ports
from service.api.replies import reply, unavailable


def blueprint(ports: Ports) -> Blueprint:
    """The operators' routes."""
    routes = Blueprint("ops", __name__)
    LOST_LINES.show()
    figures = CollectorRegistry()
    if ports.figures is not None:
        figures.register(ports.figures)

    @routes.get("/health")
    def health() -> Response:
        return reply({"status": "healthy"})

    @routes.get("/ready")
    def ready() -> Response:
        fault = ports.unready()
        if fault is not None:
            raise unavailable("NOT_READY", fault.message, failing=fault.part)
        return reply({"status": "ready"})

    @routes.get("/metrics")
    def metrics() -> Response:
        text = generate_latest(_registry()) + generate_latest(figures)
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    return routes


def _registry() -> CollectorRegistry:
    """The metrics of all workers, if they keep them in files (prometheus_client, "Multiprocess Mode")."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
