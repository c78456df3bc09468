"""Metrics that are read from the database, so that they are true whichever process is down.

Every process of the service shows the same figures: take the maximum over processes, never their sum.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.storage.latest_figures import LatestFigures

_AGE = "payment_database_metrics_age_seconds"
_AGE_HELP = "Age of the figures read from the database, by group; +Inf before the first. Old figures are not shown"

_GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "commands_open": ("Commands accepted and not answered", ("command_type", "state")),
    "commands_oldest_open_seconds": ("Age of the oldest of these commands; 0 without one", ("command_type", "state")),
    "holds_to_cancel": ("Holds of failed or reverted payments that are not known to be gone", ()),
    "holds_to_cancel_oldest_seconds": ("Age of the oldest of these holds; 0 without one", ()),
    "outbox_waiting_rows": ("Outbox rows not published yet; above 10,000, gaps count as rows", ()),
    "outbox_oldest_waiting_seconds": ("Age of the oldest of these rows; 0 without one", ()),
    "dead_letters_open": ("Dead letters that nobody has resent or discarded", ("reason",)),
    "holds": ("Authorized payments not captured, by the time since their authorize was accepted", ("age",)),
    "money_owed": ("Money that is not where it belongs, in minor units", ("currency", "owed_to")),
    "audit_differences": ("Differences that the last run of this audit found and did not repair", ("audit",)),
    "audit_age_seconds": ("Time since the last run of this audit ended; absent before the first", ("audit",)),
    "payments": ("Payments", ("status",)),
}


@dataclass(frozen=True, slots=True)
class DatabaseMetrics(Collector):
    """Shows the latest figures; those that are too old are left out, and their age says so."""

    figures: LatestFigures

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, without asking the database: a registry wants them when the collector is registered."""
        yield _age()
        yield from map(_family, _GAUGES)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures and their age."""
        age = _age()
        shown: dict[str, Mapping[tuple[str, ...], float]] = {}
        for reading in self.figures.latest():
            age.add_metric([reading.group.name], reading.age)
            if reading.is_shown:
                shown.update(reading.figures)
        yield age
        for name, values in shown.items():
            family = _family(name)
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family


def _age() -> GaugeMetricFamily:
    return GaugeMetricFamily(_AGE, _AGE_HELP, labels=["group"])


def _family(name: str) -> GaugeMetricFamily:
    meaning, labels = _GAUGES[name]
    return GaugeMetricFamily(f"payment_{name}", meaning, labels=labels)
