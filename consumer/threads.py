"""Threads of the consumer."""

import contextvars
import threading
from collections.abc import Callable


def spawn(name: str, run: Callable[[], None]) -> None:
    """Run ``run`` in a daemon thread, which logs with the context of the thread that starts it.

    A daemon can't keep the process alive. Another process takes up a command that never returned here.
    """
    threading.Thread(target=contextvars.copy_context().run, args=(run,), name=name, daemon=True).start()
