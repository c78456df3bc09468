#!/usr/bin/env python3
"""The command line: ``python cli.py --help``."""

import atexit
import gc

# At the end Python searches all objects for cycles, those of modules too, which takes a quarter of a short command's
# time. Nothing depends on that search: files, sockets and directories are closed by their owners.
atexit.register(gc.freeze)

# Imports leave no reference cycles. A search for cycles at every 700 objects would take a tenth of a process's start.
gc.set_threshold(50_000)

from commandline.main import cli  # noqa: E402

if __name__ == "__main__":
    cli(prog_name="cli.py")
