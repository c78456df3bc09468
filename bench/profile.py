"""The processor time of a process and its hottest functions, measured from outside."""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

_SECONDS = 5
_RATE = 100
_TOP = 10


def processor_seconds(pid: int) -> float:
    """The processor time of a process and its children so far, ended children included."""
    parent = psutil.Process(pid)
    times = parent.cpu_times()
    seconds = _used(parent) + float(times.children_user + times.children_system)
    for child in parent.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # ended since it was listed
            seconds += _used(child)
    return seconds


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def top_ten(pid: int) -> tuple[str, ...]:
    """The functions of our own and of libraries most often on top of a stack that holds the GIL, by py-spy."""
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if program is None:
        return ("py-spy is not installed: no profile",)
    with tempfile.NamedTemporaryFile(suffix=".txt") as kept:
        record = ["record", "--gil", "--format", "raw", "--rate", str(_RATE), "--duration", str(_SECONDS)]
        argv = [program, *record, "--output", kept.name, "--pid", str(pid)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return (f"py-spy could not look into it: {done.stderr.strip().splitlines()[-1]}",)
        return _ranked(Path(kept.name).read_text())


def _ranked(collapsed: str) -> tuple[str, ...]:
    """Lines `frame;frame;frame count`; the last frame is where it was."""
    on_top: Counter[str] = Counter()
    for line in collapsed.splitlines():
        stack, _, count = line.rpartition(" ")
        on_top[stack.rpartition(";")[2]] += int(count)
    total = on_top.total() or 1
    return tuple(f"{count / total:6.1%}  {name}" for name, count in on_top.most_common(_TOP))
