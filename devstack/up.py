"""Keeps the stack running until Ctrl-C or SIGTERM."""

import json
import time
from pathlib import Path

from devstack.application import StackInfo
from devstack.java_install import Say
from devstack.processes import ProcessFailedError, end_by_signal
from devstack.stack import Stack

_CHECK_SECONDS = 1.0


def run_up(state_file: Path | None, say: Say) -> None:
    """Writes the state file, readable by its owner alone, when all is ready, and removes it at the end.

    It must run in the main thread. Raises PostgresUnavailableError, and ProcessFailedError also when a process of the
    service ends by itself later.
    """
    end_by_signal()
    try:
        if state_file is not None:
            state_file.unlink(missing_ok=True)
        with Stack(say) as stack:
            _announce(stack.info, state_file, say)
            _watch(stack)
    except KeyboardInterrupt:
        say("stopped")
    finally:
        if state_file is not None:
            state_file.unlink(missing_ok=True)


def _announce(info: StackInfo, state_file: Path | None, say: Say) -> None:
    if state_file is None:
        for name, value in info.as_json().items():
            say(f"{name}: {value}")
    else:
        unfinished = state_file.with_name(f"{state_file.name}.partial")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(info.as_json(), indent=2) + "\n")
        unfinished.replace(state_file)
        say(f"ready; how to reach it: {state_file}")
    say("Ctrl-C ends it")


def _watch(stack: Stack) -> None:
    while True:
        for service in stack.services.values():
            if not service.running:
                raise ProcessFailedError(f"{service.name} has ended by itself\n{service.log_tail()}")
        time.sleep(_CHECK_SECONDS)
