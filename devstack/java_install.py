"""Java programs from their Maven artefacts, downloaded once and cached."""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from devstack.processes import Command, ManagedProcess, ProcessFailedError, run_to_end, scratch_directory

_JAVA_NEEDED = 17  # Kafka documentation, "Compatibility": brokers and Connect of 4.x need Java 17.
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_FIRST_ANSWER_SECONDS = 8.0  # A repository that has sent nothing by then is unreachable.
_STALL_SECONDS = 60.0  # without a new download, after the first ones have arrived
_POLL_SECONDS = 0.1
_VERSION_SECONDS = 20.0

SMALL = ("-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
"""A small, quickly started virtual machine."""

Say = Callable[[str], None]


class JavaUnavailableError(Exception):
    """Java, Maven or the artefacts are not available here; the message gives the reason."""


@dataclass(frozen=True)
class JavaProgram:
    """A class path, and the virtual machine for it with its `options`."""

    java: str
    libs: Path
    options: tuple[str, ...] = SMALL

    def argv(self, main_class: str, *arguments: str) -> list[str]:
        return [
            *(self.java, *self.options, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
            *("-cp", os.pathsep.join(str(jar) for jar in sorted(self.libs.iterdir()))),
            *(main_class, *arguments),
        ]

    def with_options(self, *options: str) -> "JavaProgram":
        """The same program with additional options of the virtual machine."""
        return replace(self, options=(*self.options, *options))


@dataclass(frozen=True, kw_only=True)
class Artefacts:
    """The artefacts to download: the dependencies of `pom` with these values of its `properties`.

    `proof` is the pattern of a jar that exists after a successful download. `megabytes` is the size for the message to
    waiting users. `patience`: longest wait for the repository's first answer, in seconds.
    """

    name: str
    home: Path
    pom: Path
    properties: dict[str, str]
    proof: str
    megabytes: int
    patience: float | None = None


def find_program(
    artefacts: Artefacts, say: Say, finish: Callable[[JavaProgram, Path], None] = lambda _program, _building: None
) -> JavaProgram:
    """The cached artefacts, or newly downloaded ones; `finish` may add files before their directory enters the cache.

    Raises JavaUnavailableError when they are not available: within seconds, unless `patience` is longer.
    """
    java, home = _find_java(artefacts), artefacts.home
    if not home.is_dir():
        with only_one(home.with_name("maven.lock"), say):
            if not home.is_dir():
                _install(java, artefacts, say, finish)
    return JavaProgram(java, home / "libs")


def cache_directory() -> Path:
    """`CAMPUS_PAYMENTS_CACHE`, or `campus-payments` in the user's cache directory (XDG_CACHE_HOME)."""
    given = os.environ.get("CAMPUS_PAYMENTS_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "campus-payments"


def _find_java(artefacts: Artefacts) -> str:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if java is None:
        raise JavaUnavailableError("there is no java on the PATH")
    output = _said_of_its_version(java)
    version = re.search(r'version "(\d+)', output)
    if version is None or int(version[1]) < _JAVA_NEEDED:
        found = output.splitlines()[0] if output else "it does not say its version"
        raise JavaUnavailableError(f"{artefacts.name} needs Java {_JAVA_NEEDED} or later; {java}: {found}")
    return java


def _said_of_its_version(java: str) -> str:
    """The output of ``java -version``, which ends with this process as servers do. Raises JavaUnavailableError."""
    scratch = scratch_directory("java")
    asked = Command(name=java, argv=[java, "-version"], log=scratch / "version", scratch=scratch)
    try:
        run_to_end(asked, _VERSION_SECONDS)
        return asked.log.read_text(errors="replace")
    except ProcessFailedError as error:
        raise JavaUnavailableError(str(error)) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def only_one(lock: Path, say: Say) -> Iterator[None]:
    """Lets one process download at a time, because two of them could damage Maven's own repository."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run that is fetching the same")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _install(java: str, artefacts: Artefacts, say: Say, finish: Callable[[JavaProgram, Path], None]) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise JavaUnavailableError("its artefacts are not cached, and there is no mvn on the PATH to fetch them")
    home = artefacts.home
    say(f"fetching {artefacts.name} from the Maven repository, once (about {artefacts.megabytes} MB)")
    building = Path(tempfile.mkdtemp(prefix=f"{home.name}-", suffix=".partial", dir=home.parent))
    try:
        shutil.copy(artefacts.pom, building / "pom.xml")
        _download(mvn, artefacts, building)
        finish(JavaProgram(java, building / "libs"), building)
        building.rename(home)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _download(mvn: str, artefacts: Artefacts, building: Path) -> None:
    argv = [
        *(mvn, "-B", "-U", "--strict-checksums", "-f", str(building / "pom.xml"), _PLUGIN),
        *(f"-D{name}={value}" for name, value in artefacts.properties.items()),
        *("-DincludeScope=runtime", f"-DoutputDirectory={building / 'libs'}"),
        "-Daether.connector.connectTimeout=4000",
    ]
    process = ManagedProcess(Command(name="mvn", argv=argv, log=building / "mvn.log", scratch=building))
    try:
        _watch(process, building / "mvn.log", artefacts.patience or _FIRST_ANSWER_SECONDS)
        failed = process.wait(1) != 0
    except BaseException:
        process.kill()
        raise
    if failed or not any((building / "libs").glob(artefacts.proof)):
        raise JavaUnavailableError(f"mvn could not fetch its artefacts: {_first_error(building / 'mvn.log')}")


def _watch(process: ManagedProcess, log: Path, patience: float) -> None:
    """Returns when Maven has ended. Gives up on a Maven that waits in vain, independent of Maven's own time limits.

    Maven counts as working while it writes output, because it also works on artefacts that it need not download.
    """
    written, since = 0, time.monotonic()
    while process.running:
        text = log.read_text(errors="replace")
        if len(text) > written:
            written, since = len(text), time.monotonic()
        allowed = _STALL_SECONDS if "Downloaded" in text else patience
        if time.monotonic() - since > allowed:
            raise JavaUnavailableError(f"mvn's repository sent nothing for {allowed:.0f} s")
        time.sleep(_POLL_SECONDS)


def _first_error(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return next(
        (line.removeprefix("[ERROR] ")[:300] for line in lines if line.startswith("[ERROR]")), "no reason given"
    )
