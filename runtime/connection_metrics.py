"""The gauge of a process's connections to PostgreSQL: one name for pools, and for sessions that belong to no pool."""

from prometheus_client import Gauge

OPEN, IN_USE = "open", "in_use"

CONNECTIONS = Gauge(
    "payment_database_connections",
    "Database connections by pool or purpose: open (in use or idle), and in use",
    ["pool", "state"],
    multiprocess_mode="livesum",
)
