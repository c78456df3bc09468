"""The ground that the three processes stand on: settings, logs, shutdown, probes, crash points, Kafka topics.

Nothing here knows of payments, Stripe, HTTP routes or the outbox. ``service``, ``relay`` and ``consumer`` import this
package; it imports none of them (import contracts in ``pyproject.toml``).

- Settings: ``settings`` has what every process reads, ``settings_types`` how each value is written,
  ``settings_source`` where values come from, ``kafka_settings`` what goes to librdkafka.
- Life of a process: ``logs``, ``shutdown`` (one event that every wait observes), ``probes`` (/health, /ready,
  /metrics), ``health_check`` (what a container runs), ``background`` (threads that keep nobody), ``crash_points``.
- Kafka: ``topics`` makes them, ``topic_policies`` reads their settings, ``coordination`` says why brokers coordinate
  nothing, ``broker_connection`` keeps what librdkafka tells.
- Texts: ``printable`` and ``error_text`` make anything safe to print; ``durations`` reads ``15m``.
- ``database_hosts``: several hosts in one URL, and how a session shows that it can't write.
"""
