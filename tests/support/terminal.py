"""A command of ``cli.py`` on a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def on_terminal(database_url: str, *words: str, columns: int = 80, **environment: str) -> list[str]:
    """The output lines of ``cli.py`` on a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    env |= {"DATABASE_URL": database_url, "TERM": "xterm-256color", "PAGER": "cat", **environment}
    argv = [sys.executable, str(ROOT / "cli.py"), *words]
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        written = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert running.returncode == 0, written.decode()
    return written.decode().replace("\r\n", "\n").splitlines()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux reports the end of file on a pseudo-terminal so
        return b""
