"""Threads of the consumer."""

import contextvars
import threading
from collections.abc import Callable


def spawn(name: str, run: Callable[[], None]) -> None:
    """Run it in a daemon thread, which logs with the context of the thread that starts it.

    A daemon cannot keep the process alive: what never returns is taken up again by another process.
    """
    threading.Thread(target=contextvars.copy_context().run, args=(run,), name=name, daemon=True).start()
