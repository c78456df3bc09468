"""The time of the command line until its help, and of each process until it is ready."""

import resource
import subprocess
import sys
import time
from typing import NamedTuple

from bench.figures import Reach, Result, Row, per_round
from bench.profile import processor_seconds
from bench.scale import Scale
from bench.servers import Servers
from devstack.application import Application
from devstack.service_process import ALL_SERVICES, ROOT, ServiceName, ServiceProcess

_CLICK = "python -c 'import click'"


class _Took(NamedTuple):
    seconds: float
    processor: float
    """Seconds of processor time."""


def measure(servers: Servers, scale: Scale) -> Result:
    """Measure in turn, under the same conditions; the first start of each warms the disk cache."""
    help_, click = [], []
    for _ in range(scale.starts + 1):
        help_.append(_run("cli.py", "--help"))
        click.append(_run("-c", "import click"))
    limit = per_round("the 0.3 s it may take", "s", [0.3] * scale.starts)
    beside_click = _beside_click("cli.py --help", help_[1:], click[1:])
    within = Row(beside_click[0].figure, limit, Reach(1.0, at_most=True))
    return Result((within, *beside_click, *_until_ready(servers, scale)))


def _run(*arguments: str) -> _Took:
    began, used = time.perf_counter(), _children_used()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return _Took(time.perf_counter() - began, _children_used() - used)


def _children_used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _until_ready(servers: Servers, scale: Scale) -> list[Row]:
    """The time from the start of each process until `/ready` answers 200, beside Python's own start."""
    starts: dict[ServiceName, list[_Took]] = {name: [] for name in ALL_SERVICES}
    bare = []
    with servers.database() as url:
        application = Application(database_url=url, kafka=servers.kafka, environment={"LOG_LEVEL": "WARNING"})
        try:
            application.start([])
            for _ in range(scale.rounds):
                bare.append(_run("-c", "import click"))
                for name, found in starts.items():
                    found.append(_ready_after(application.another(name)))
        finally:
            application.close()
    return [row for name, found in starts.items() for row in _beside_click(f"cli.py {name} until ready", found, bare)]


def _beside_click(name: str, ours: list[_Took], click: list[_Took]) -> tuple[Row, Row]:
    return (
        Row(
            per_round(name, "s", [one.seconds for one in ours]), per_round(_CLICK, "s", [one.seconds for one in click])
        ),
        Row(
            per_round(f"{name}, processor", "s CPU", [one.processor for one in ours]),
            per_round(_CLICK, "s CPU", [one.processor for one in click]),
        ),
    )


def _ready_after(process: ServiceProcess) -> _Took:
    began = time.perf_counter()
    process.start()
    try:
        process.wait_until_ready()
        return _Took(time.perf_counter() - began, processor_seconds(process.run.pid))
    finally:
        process.stop()
