"""Libraries without their optional parts, which would take a tenth of a process's start."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without(library: str) -> Iterator[None]:
    """Hide a library from the imports in this block, as if it were not installed. A loaded one stays visible."""
    modules: dict[str, Any] = sys.modules
    hidden = library not in modules
    if hidden:
        modules[library] = None  # the import system's own mark (Python documentation, "The module cache")
    try:
        yield
    finally:
        if hidden:
            del modules[library]
