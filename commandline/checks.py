"""What ``doctor`` looks at: settings of each process, and the database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from commandline.environment import load_settings
from commandline.failures import BadSettingError, CannotError, database_faults

if TYPE_CHECKING:
    from runtime.settings import ProcessSettings
    from service.storage.operator_health import DatabaseFacts

S = TypeVar("S", bound="ProcessSettings")

LARGEST_SKEW_SECONDS = 30.0
_TO_PRIMARY = "point DATABASE_URL to the primary, or name all hosts: postgresql://u:p@host1:5432,host2:5432/db"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. ``mend`` is the remedy of a fault or of a possible fault (``warning``)."""

    check: str
    detail: str
    mend: str | None = None
    warning: bool = False

    @property
    def ok(self) -> bool:
        return self.mend is None or self.warning


def check_settings(process: str, kind: "type[ProcessSettings]") -> Iterator[Finding]:
    """Each fault of one process's settings."""
    try:
        load_settings(kind)
    except BadSettingError as error:
        for line in error.message.splitlines():
            yield Finding(f"settings of {process}", line, f"set it; cli.py {process} --help names every setting")
    else:
        yield Finding(f"settings of {process}", "complete")


def with_settings(check: str, kind: type[S], look: Callable[[S], Iterator[Finding]]) -> Iterator[Finding]:
    """Looks, where the settings that it needs can be read."""
    try:
        settings = load_settings(kind)
    except BadSettingError:
        yield Finding(check, "not tried", "correct its settings first")
    else:
        yield from look(settings)


def check_database(settings: "ProcessSettings") -> Iterator[Finding]:
    """Reachable, writable, recent enough, in UTF8, at the right schema, texts in the order of its indexes, its clock
    near ours."""
    from service.storage.engine import make_engine
    from service.storage.operator_health import database_facts

    engine = make_engine(settings.database_url.get_secret_value(), pool_size=1)
    try:
        with database_faults(), engine.connect() as connection:
            facts = database_facts(connection)
    except CannotError as error:
        yield Finding("database", error.message.removeprefix("database: "), "start it, or correct DATABASE_URL")
        return
    finally:
        engine.dispose()
    yield from _judge(facts)


def _judge(facts: "DatabaseFacts") -> Iterator[Finding]:
    from service.storage.operator_health import OLDEST_VERSION

    old = facts.version < OLDEST_VERSION
    said = f"PostgreSQL {facts.version} answers"
    yield Finding("database", said, f"PostgreSQL {OLDEST_VERSION} or later is needed" if old else None)
    if facts.server.read_only:
        yield Finding("database", "takes no writes: a standby, or set read-only", _TO_PRIMARY)
    yield encoding(facts.server.encoding)
    schema = facts.schema
    found = f"schema is at {schema.current or 'nothing'}, this code expects {schema.head}"
    yield Finding("schema", found, None if schema.fits else "run: cli.py db upgrade")
    for drift in facts.drifts:
        yield Finding("collation", drift.detail, drift.mend, warning=True)
    yield clock("the database", facts.clock, datetime.now(UTC))


def encoding(found: str) -> Finding:
    """Text from outside is in every script."""
    from service.storage.requirements import encoding_fault

    fault = encoding_fault(found)
    if fault is None:
        return Finding("encoding", found)
    detail, _, mend = fault.partition(": ")
    return Finding("encoding", detail, mend)


def clock(of: str, theirs: datetime, ours: datetime) -> Finding:
    """Webhook signatures and deadlines compare clocks."""
    skew = (ours - theirs).total_seconds()
    far = abs(skew) > LARGEST_SKEW_SECONDS
    detail = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} {of}'s"
    return Finding("clock", detail if far else f"agrees with {of}'s", "set this machine's clock" if far else None)
