"""Checks that memory and database connections do not grow."""

from typing import NamedTuple

import psutil

from bench import our_relay
from bench.command_load import CommandLoad
from bench.figures import Curve, Plot, Reach, Result, Row, per_round
from bench.http_face import noted
from bench.http_load import send
from bench.outbox_rows import append
from bench.scale import Scale
from bench.servers import Servers, query
from devstack.application import Application
from devstack.service_process import ALL_SERVICES, ServiceName

_STEPS = 10
_WORKERS, _POOL, _RELAY_SESSIONS = 2, 10, 2
_ALLOWED = _WORKERS * (_POOL + 1) + (_POOL + 2) + _RELAY_SESSIONS
"""Each worker of the service has a pool and a session for readiness; the consumer also has one for leases."""

_FLAT = Reach(1.1, at_most=True)
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

_LOAD: dict[ServiceName, str] = {"relay": "events", "serve": "webhooks", "consume": "commands"}


class _Sample(NamedTuple):
    memory: dict[ServiceName, float]
    """MiB (PSS) of each process and its children."""
    connections: int
    """Sessions of all of them in the database."""


def measure(servers: Servers, scale: Scale) -> Result:
    """Measure every process after each tenth of the load; the first tenth is the warm-up."""
    events, requests = scale.memory_events // _STEPS, scale.memory_requests // _STEPS
    with servers.database() as url, servers.topic("commands") as commands, servers.topic("events") as topic:
        bootstrap = servers.kafka.bootstrap_servers
        names = {"PAYMENT_COMMANDS_TOPIC": commands, "PAYMENT_EVENTS_TOPIC": topic}
        own = {"RELAY_NAME": topic, "CONSUMER_GROUP_ID": commands, "LOG_LEVEL": "WARNING"}
        own |= {"WORKERS": str(_WORKERS), "DATABASE_POOL_SIZE": str(_POOL)}
        application = Application(database_url=url, kafka=servers.kafka, environment=names | own)
        try:
            application.start()
            load = CommandLoad(url, bootstrap, commands)
            samples = [_sample(application)]
            for step in range(_STEPS):
                our_relay.wait_for(url, append(url, topic, events, scale.keys))
                first = step * requests
                webhooks = [noted(application.info, number) for number in range(first, first + requests)]
                send(application.services["serve"].port, webhooks)
                load.send(scale.memory_commands // _STEPS)
                load.wait()
                samples.append(_sample(application))
        finally:
            application.close()
    return _result(samples, scale)


def _sample(application: Application) -> _Sample:
    memory = {name: _mebibytes(application.services[name].run.pid) for name in ALL_SERVICES}
    return _Sample(memory, int(str(query(application.info.database_url, _CONNECTIONS)[0][0])))


def _mebibytes(pid: int) -> float:
    """The memory that only these processes use; pages that workers share count once."""
    process = psutil.Process(pid)
    return sum(float(one.memory_full_info().pss) for one in (process, *process.children(recursive=True))) / 2**20


def _result(samples: list[_Sample], scale: Scale) -> Result:
    counts = {"relay": scale.memory_events, "serve": scale.memory_requests, "consume": scale.memory_commands}
    start, warm, end = samples[0], samples[1], samples[-1]
    rows = []
    for name, what in _LOAD.items():
        after = per_round(f"{name}, after {counts[name]:,} {what}", "MiB", [end.memory[name]])
        rows.append(Row(after, per_round("after a tenth of them", "MiB", [warm.memory[name]]), _FLAT))
        rows.append(Row(after, per_round("at start", "MiB", [start.memory[name]])))
    connections = per_round("database connections, all processes", "", [float(end.connections)])
    rows.append(Row(connections, per_round("what their pools allow", "", [float(_ALLOWED)]), Reach(1.0, at_most=True)))
    rows.append(Row(connections, per_round("at start", "", [float(start.connections)])))
    curves = tuple(_curve(name, samples) for name in _LOAD)
    return Result(tuple(rows), plots=(Plot("Memory under load", "part of the load, %", "MiB", curves),))


def _curve(name: ServiceName, samples: list[_Sample]) -> Curve:
    return Curve(name, tuple((100 * step / _STEPS, sample.memory[name]) for step, sample in enumerate(samples)))
