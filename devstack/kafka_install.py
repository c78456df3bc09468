"""Apache Kafka's programs from their Maven artefacts, fetched once and kept."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.processes import Command, ManagedProcess, ProcessFailedError, run_to_end

KAFKA_VERSION = "4.4.0"
_JAVA_NEEDED = 17  # Kafka documentation, "Compatibility": brokers of 4.x need Java 17
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_FIRST_ANSWER_SECONDS = 8.0  # a repository that has sent nothing by then is out of reach
_STALL_SECONDS = 60.0  # between two finished downloads, once some have come
_POLL_SECONDS = 0.1
_CLUSTER_ID = "Y2FtcHVzLXBheW1lbnRzMQ"

Say = Callable[[str], None]


class KafkaUnavailableError(Exception):
    """Apache Kafka cannot run here; the message says why."""


@dataclass(frozen=True)
class KafkaInstall:
    """Java, Kafka's class path, and a formatted storage directory to start from."""

    java: str
    libs: Path
    storage: Path

    def argv(self, main_class: str, *arguments: str) -> list[str]:
        """A small, quickly started virtual machine."""
        return [
            self.java,
            *("-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            *("-cp", os.pathsep.join(str(jar) for jar in sorted(self.libs.iterdir()))),
            *(main_class, *arguments),
        ]


def cache_directory() -> Path:
    """`CAMPUS_PAYMENTS_CACHE`, or `campus-payments` in the user's cache directory (XDG_CACHE_HOME)."""
    given = os.environ.get("CAMPUS_PAYMENTS_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "campus-payments"


def find_install(say: Say) -> KafkaInstall:
    """The kept installation, or a new one. Raises KafkaUnavailableError within seconds when there can be none."""
    java = _find_java()
    home = cache_directory() / f"kafka-{KAFKA_VERSION}"
    if not home.is_dir():
        with _only_one(home.with_name(f"{home.name}.lock"), say):
            if not home.is_dir():
                _install(java, home, say)
    return KafkaInstall(java, home / "libs", home / "storage")


def _find_java() -> str:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if java is None:
        raise KafkaUnavailableError("there is no java on the PATH")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < _JAVA_NEEDED:
        found = told.splitlines()[0] if told else "it does not say its version"
        raise KafkaUnavailableError(f"Kafka {KAFKA_VERSION} needs Java {_JAVA_NEEDED} or later; {java}: {found}")
    return java


@contextmanager
def _only_one(lock: Path, say: Say) -> Iterator[None]:
    """One fetch at a time: Maven's own repository is not safe for two."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run that is fetching Apache Kafka")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _install(java: str, home: Path, say: Say) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise KafkaUnavailableError("its artefacts are not cached, and there is no mvn on the PATH to fetch them")
    say(f"fetching Apache Kafka {KAFKA_VERSION} from the Maven repository, once (about 45 MB)")
    building = Path(tempfile.mkdtemp(prefix=f"{home.name}-", suffix=".partial", dir=home.parent))
    try:
        shutil.copy(Path(__file__).parent / "java" / "pom.xml", building)
        _download(mvn, building)
        _format_storage(KafkaInstall(java, building / "libs", building / "storage"), building)
        building.rename(home)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _download(mvn: str, building: Path) -> None:
    argv = [
        *(mvn, "-B", "-U", "--strict-checksums", "-f", str(building / "pom.xml"), _PLUGIN),
        *(f"-Dkafka.version={KAFKA_VERSION}", "-DincludeScope=runtime", f"-DoutputDirectory={building / 'libs'}"),
        "-Daether.connector.connectTimeout=4000",
    ]
    process = ManagedProcess(Command(name="mvn", argv=argv, log=building / "mvn.log", scratch=building))
    try:
        _watch(process, building / "mvn.log")
        failed = process.wait(1) != 0
    except BaseException:
        process.kill()
        raise
    if failed or not any((building / "libs").glob("kafka_*.jar")):
        raise KafkaUnavailableError(f"mvn could not fetch its artefacts: {_first_error(building / 'mvn.log')}")


def _watch(process: ManagedProcess, log: Path) -> None:
    """Returns when Maven has ended; gives up on one that waits in vain, whatever its own time limits are."""
    finished, since = 0, time.monotonic()
    while process.running:
        now_finished = log.read_text(errors="replace").count("Downloaded")
        if now_finished > finished:
            finished, since = now_finished, time.monotonic()
        allowed = _STALL_SECONDS if finished else _FIRST_ANSWER_SECONDS
        if time.monotonic() - since > allowed:
            raise KafkaUnavailableError(f"mvn's repository sent nothing for {allowed:.0f} s")
        time.sleep(_POLL_SECONDS)


def _first_error(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return next(
        (line.removeprefix("[ERROR] ")[:300] for line in lines if line.startswith("[ERROR]")), "no reason given"
    )


def _format_storage(install: KafkaInstall, building: Path) -> None:
    """Formatted once and copied for each broker: the same node id and cluster id, no ports inside."""
    properties = building / "format.properties"
    properties.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
        "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\n"
        "controller.quorum.voters=1@127.0.0.1:9093\n"
        f"log.dirs={install.storage}\n"
    )
    argv = install.argv("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties))
    try:
        run_to_end(
            Command(name="kafka.tools.StorageTool", argv=argv, log=building / "format.log", scratch=building), 60
        )
    except ProcessFailedError as error:
        raise KafkaUnavailableError(f"its storage could not be formatted: {error}") from error
