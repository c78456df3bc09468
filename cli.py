#!/usr/bin/env python3
"""The command line: ``python cli.py --help``."""

from commandline.main import cli

if __name__ == "__main__":
    cli(prog_name="cli.py")
