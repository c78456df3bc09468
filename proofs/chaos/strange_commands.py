"""Strangers' commands: large ones, and a flood of them while consumers join and leave."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import count

from devstack.saga_client import CommandSender
from devstack.service_process import ServiceProcess
from proofs.chaos.database import LOCKS, no_commands
from proofs.chaos.evidence import Asked, Scene
from proofs.chaos.faults import Trouble
from proofs.chaos.plan import Attack
from proofs.chaos.readiness import ask

_SECONDS = 120.0
_PAUSE_SECONDS = 0.2
_LARGE_PAIRS = 4
_LARGE_BYTES = 950_000
_FLOODED, _COPIES = 6, 100
"""Numbers of commands and of copies of each: more than all consumers can hold at once."""
_READY_SECONDS = 15.0


def large_parts() -> Sequence[object]:
    """Payloads of many small parts, each nearly as large as a record may be."""
    parts = _LARGE_BYTES // len("{},")
    return [{}] * parts, {"order_id": [[]] * parts}


class StrangeCommands:
    """Sends commands and notes them in the scene: each must be answered, or become a dead letter."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._commands = CommandSender(scene.kafka, scene.topics.commands)
        self._numbers = count(1)

    def close(self) -> None:
        self._commands.close()

    def troubles(self, extra: ServiceProcess) -> dict[Attack, list[Trouble]]:
        """All faults by commands; ``extra`` is a consumer that does not run."""
        return {Attack.LARGE_COMMANDS: [self.large()], Attack.REBALANCED: [self.flood(extra)]}

    def large(self) -> Trouble:
        """Commands that need much memory to be parsed."""
        parts = [{"payload": part} for part in large_parts()]
        return Trouble(frozenset({"large commands"}), lambda: self._ask(parts * _LARGE_PAIRS, copies=1))

    def flood(self, extra: ServiceProcess) -> Trouble:
        """Another consumer joins and leaves while all are full, because no command can be accepted or finished."""

        def join() -> None:
            sending = threading.Thread(target=self._ask, args=([{"payload": {"amount": "much"}}] * _FLOODED, _COPIES))
            sending.start()
            extra.start()
            _wait_until_ready(extra)
            sending.join()

        def join_and_leave() -> None:
            try:
                no_commands(self._scene.database_url, join)
                _wait_until_ready(extra)
            finally:
                extra.stop()

        return Trouble(frozenset({"another consumer", LOCKS}), join_and_leave)

    def _ask(self, contents: Sequence[Mapping[str, object]], copies: int) -> None:
        for content in contents:
            name = f"strange-{next(self._numbers)}"
            value = json.dumps(
                {"type": "authorize_payment", "correlation_id": name, **content}, separators=(",", ":")
            ).encode()
            places = [landed.result(_SECONDS) for landed in [self._commands.send(value) for _ in range(copies)]]
            self._scene.trail.asked.append(Asked(("authorize_payment", name), tuple(places)))


def _wait_until_ready(process: ServiceProcess) -> None:
    """Or until it is clear that it can't be while all are full."""
    until = time.monotonic() + _READY_SECONDS
    while ask(process, "/ready").status != 200 and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
