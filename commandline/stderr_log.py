"""The log of a command: for a person on a terminal errors only, for a collector every outcome and act."""

import sys


def log_to_stderr(process: str) -> None:
    """Configure the log of a command that acts or looks.

    On a terminal the command itself prints what it did. A job's stderr is collected like that of a server, and an
    operator's act has its line there, as JSON.
    """
    from runtime import logs

    if sys.stderr is not None and sys.stderr.isatty():
        logs.configure("ERROR", "console", process)
    else:
        logs.configure("INFO", "json", process)
