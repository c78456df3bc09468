"""Code that all three processes use: settings, logs, shutdown, probes, crash points, Kafka topics.

This package knows nothing of payments, Stripe, HTTP routes or the outbox. ``service``, ``relay`` and ``consumer``
import it; it imports none of them (import contracts in ``pyproject.toml``).

- Settings: ``settings`` has the settings of every process, ``settings_types`` the form of each value,
  ``settings_source`` the sources of values, ``kafka_settings`` the settings passed on to librdkafka, ``current`` the
  settings in force, whose secrets SIGHUP renews.
- Life of a process: ``logs``, ``log_stream`` (lines that stderr refuses), ``tracing`` (spans), ``trace_export`` (spans
  on their way to a collector), ``shutdown`` (one event that every wait observes), ``probes`` (/health, /ready,
  /metrics), ``health_check`` (a container's health check), ``background`` (threads that can't keep a process alive),
  ``crash_points``, ``backoff`` (the wait before another try), ``lean_imports`` (a quicker start), ``version``.
- Kafka: ``topics`` creates topics, ``topic_policies`` checks their settings, ``coordination`` explains why brokers
  coordinate nothing, ``broker_connection`` keeps librdkafka's reports, ``topic_reader`` reads topics back,
  ``record_search`` finds single records.
- Texts: ``printable`` and ``error_text`` make text safe to print; ``plurals`` writes a number and its word;
  ``durations`` parses ``15m``; ``errors`` has the tree of errors.
- PostgreSQL: ``database_hosts`` (several hosts in one URL, and the signs of a session that can't write),
  ``connection_metrics`` (the gauge of open connections).
"""
