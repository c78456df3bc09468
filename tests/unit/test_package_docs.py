"""The docstrings of packages name every module and every thread that the packages have."""

import re
from pathlib import Path

import pytest

import consumer
import relay
import runtime

STARTS_A_THREAD = re.compile(r"""(?:in_thread|spawn)\(f?"([\w-]+)""")


def folder(package: object) -> Path:
    return Path(str(getattr(package, "__file__", ""))).parent


@pytest.mark.parametrize("package", [consumer, relay, runtime], ids=["consumer", "relay", "runtime"])
def test_package_docstring_names_each_module(package: object) -> None:
    modules = {path.stem for path in folder(package).glob("*.py")} - {"__init__"}
    assert modules - set(re.findall(r"``(\w+)``", package.__doc__ or "")) == set()


@pytest.mark.parametrize("package", [consumer, relay], ids=["consumer", "relay"])
def test_package_docstring_names_each_thread(package: object) -> None:
    sources = [path.read_text(encoding="utf-8") for path in folder(package).glob("*.py")]
    started = {name for source in sources for name in STARTS_A_THREAD.findall(source)}
    assert started
    rows = re.findall(r"^``([\w-]+)``  ", package.__doc__ or "", re.MULTILINE)
    assert {name for name in started if not any(row.startswith(name) for row in rows)} == set()
    assert {row for row in rows if row != "ops" and not any(row.startswith(name) for name in started)} == set()
