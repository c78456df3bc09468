"""The domain uses only the standard library. An import contract could not list every other package."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

DOMAIN = Path(__file__).parents[2] / "service" / "domain"


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def test_domain_imports_only_domain_and_standard_library() -> None:
    files = sorted(DOMAIN.rglob("*.py"))
    assert files
    foreign = {
        f"{file.name}: {name}"
        for file in files
        for name in imported(file.read_text())
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not name.startswith(("service.domain", "runtime.errors", "runtime.backoff"))
    }
    assert foreign == set()
