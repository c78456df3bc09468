"""The command and the client of README.md, on the real stack."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.saga_client import enveloped
from tests.support.acceptance import World, fresh
from tests.support.readme import blocks, without_ids

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

COMMAND, EVENT = blocks("json")
_CLIENT_SECONDS = 60.0


def test_readme_command_has_the_shown_outcome(world: World) -> None:
    shown = json.loads(COMMAND)
    payload = {**shown["payload"], "order_id": fresh("order")}
    sent = world.send(shown["type"], payload, shape=lambda *fields: {**shown, **enveloped(*fields)})
    assert without_ids(json.dumps(world.outcome(sent).body, indent=2)) == without_ids(EVENT.rstrip())


def test_readme_client_prints_the_shown_outcome(world: World, tmp_path: Path) -> None:
    (client,) = blocks("python")
    for name, here in {"payment_commands": world.topics.commands, "payment_events": world.topics.events}.items():
        client = client.replace(f'"{name}"', f'"{here}"')
    (tmp_path / "stack.json").write_text(json.dumps(world.info.as_json()))
    argv = [sys.executable, "-c", client]
    run = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=_CLIENT_SECONDS, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert without_ids(run.stdout) == without_ids(EVENT)
