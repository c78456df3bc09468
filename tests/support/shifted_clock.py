"""A program of the service on a host whose clock is wrong: ``python -m tests.support.shifted_clock SECONDS WORDS…``.

The shift applies only to the wall clock, before any import of the service. The elapsed time (``time.monotonic``) is
right on such a host, too.
"""

import datetime
import sys
import time
from typing import Any


class _Any(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _DATETIME)


_DATETIME = datetime.datetime


def shift(seconds: float) -> None:
    """From now on the clock of this process is ``seconds`` ahead."""
    true_time = time.time

    class Shifted(datetime.datetime, metaclass=_Any):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return _DATETIME.now(tz) + datetime.timedelta(seconds=seconds)

    datetime.datetime = Shifted  # type: ignore[misc]
    time.time = lambda: true_time() + seconds


if __name__ == "__main__":
    shift(float(sys.argv[1]))
    from commandline.main import cli

    cli(sys.argv[2:], prog_name="cli.py")
