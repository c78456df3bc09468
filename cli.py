"""The command line: ``python cli.py --help``."""

import gc

# Imports leave no reference cycles. A search for cycles at every 700 objects would take a tenth of a process's start.
gc.set_threshold(50_000)

from commandline.main import cli  # noqa: E402

if __name__ == "__main__":
    cli(prog_name="cli.py")
