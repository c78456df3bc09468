"""How long the command line takes to say what it can do."""

import subprocess
import sys
import time

from bench.figures import Reach, Result, Row, per_round
from bench.scale import Scale
from bench.servers import Servers
from devstack.service_process import ROOT


def measure(_servers: Servers, scale: Scale) -> Result:
    """In turn, so that both meet the same machine; the first start of each warms the disk cache."""
    help_, click = [], []
    for _ in range(scale.starts + 1):
        help_.append(_seconds("cli.py", "--help"))
        click.append(_seconds("-c", "import click"))
    ours = per_round("cli.py --help", "s", help_[1:])
    bare = per_round("python -c 'import click'", "s", click[1:])
    limit = per_round("the 0.3 s it may take", "s", [0.3] * scale.starts)
    return Result((Row(ours, limit, Reach(1.0, at_most=True)), Row(ours, bare)))


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
