"""The tree of errors printed in `runtime/errors.py` is the tree of classes in the code."""

import importlib
import pkgutil
import re
from types import ModuleType

import pytest

import consumer
import relay
import runtime
import runtime.errors
import service
from runtime.errors import PaymentServiceError

PRINTED = re.findall(r"^([│├└─ ]*)(\w+Error)", str(runtime.errors.__doc__), re.MULTILINE)


def printed() -> set[tuple[str, str]]:
    """Each error with its parent, by the depth of its line."""
    found, above = set[tuple[str, str]](), [""]
    for marks, name in PRINTED:
        depth = len(marks) // 4
        above[depth + 1 :] = [name]
        found.add((above[depth], name))
    return found


def defined(base: type[PaymentServiceError], parent: str = "") -> set[tuple[str, str]]:
    below = (defined(kind, base.__name__) for kind in base.__subclasses__() if not kind.__module__.startswith("tests"))
    return {(parent, base.__name__)}.union(*below)


@pytest.fixture(scope="module", autouse=True)
def all_modules() -> None:
    packages: tuple[ModuleType, ...] = (runtime, service, relay, consumer)
    for package in packages:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def test_the_printed_tree_is_the_tree_of_classes() -> None:
    assert printed() == defined(PaymentServiceError)
