"""docs/configuration.md: every setting, by what reads it."""

from collections.abc import Iterator
from typing import Any

import click
from pydantic.fields import FieldInfo

from commandline.environment import SettingsCommand, as_written
from commandline.main import cli
from consumer.settings import ConsumerSettings
from relay.settings import RelaySettings
from runtime.current import secrets_of
from runtime.settings import ProcessSettings
from service.settings import ServiceSettings

PROCESSES: dict[str, type[ProcessSettings]] = {
    "serve": ServiceSettings,
    "consume": ConsumerSettings,
    "relay": RelaySettings,
}

_HEAD = """# Configuration

<!-- python -m reference writes this page from the settings; a test compares them. -->

Settings come from the environment. A bad or missing setting stops a process at once, with exit code 2 and one line
on stderr that names the setting. An empty variable counts as unset. `python cli.py serve --help` (and `consume`,
`relay`) shows the same settings.

**Each `NAME` may be given as `NAME_FILE`**, the path of a file with the value, such as a mounted secret. One final
newline is dropped. Both at once are an error, and so is an empty or unreadable file.

**Durations** are a number and a unit: `500ms`, `30s`, `15m`, `2h` or `1d`. A bare number means seconds.

**SIGHUP** has `serve`, `consume` and `relay` read the settings marked "at SIGHUP" again. No request fails, and no
transaction is cut off. The next request to Stripe, the next check of a token or signature, and the next connection to
Kafka use the new value; the relay uses a new Kafka password from its next active term on. Sessions with an old user of
PostgreSQL end with their work; a user that the database refuses is not adopted (`setting_kept`). Only a value
in a `NAME_FILE` can change, because a running process keeps its environment. If a file is faulty, everything stays as
it was, and the log says why (`settings_kept`). A change of any other setting, of the database's host or name, or of
the Stripe key's mode needs a restart; the log names it (`setting_kept`).

## Settings

| Setting | Read by | Value | Unit | Default | Meaning |
|---|---|---|---|---|---|
"""

_OTHERS = """
## Variables that are no settings of the service

| Variable | Read by | Meaning |
|---|---|---|
"""

_VARIABLES = {
    (
        "`KAFKA_SASL_…`, `KAFKA_SSL_…`",
        "`serve`, `consume`, `relay`",
    ): "one setting of librdkafka each: "
    "`KAFKA_SSL_CA_LOCATION` is `ssl.ca.location`. Each may be a `…_FILE`. Service links of Kubernetes "
    "(`KAFKA_SSL_PORT`, `KAFKA_SSL_SERVICE_HOST` and others, for a service named `kafka-ssl`) are ignored",
    ("`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`", "`serve`, `consume`"): "the proxy to Stripe",
    ("`TMPDIR`", "`serve`"): "the directory for metrics and heartbeats of the server processes where `/dev/shm` "
    "takes no file",
}

_COMMANDS = """
## Operators' commands

Every command needs `DATABASE_URL`, except `demo`, `up` and `stripe-events`. These read more:

| Command | Settings |
|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = "".join(f"| {' | '.join(cells)} |\n" for cells in _settings())
    commands = "".join(f"| `{name}` | {_names(fields)} |\n" for name, fields in _operators())
    doctor = "| `doctor` | those of `serve`, `consume` and `relay`, as far as they are set |\n"
    others = "".join(f"| {' | '.join(cells)} | {meaning} |\n" for cells, meaning in _VARIABLES.items())
    return f"{_HEAD}{rows}{_OTHERS}{others}{_COMMANDS}{commands}{doctor}"


def _settings() -> Iterator[tuple[str, ...]]:
    fields = {name: field for kind in PROCESSES.values() for name, field in kind.model_fields.items()}
    for name, field in sorted(fields.items()):
        readers = [process for process, kind in PROCESSES.items() if name in kind.model_fields]
        kind = PROCESSES[readers[0]]
        schema = kind.model_json_schema()["properties"][name]
        yield (
            f"`{name.upper()}`",
            ", ".join(f"`{reader}`" for reader in readers),
            _value(schema) + (", at SIGHUP" if name in secrets_of(kind) else ""),
            _unit(field, schema),
            _default(field),
            (field.description or "").replace("|", "\\|"),
        )


def _value(schema: dict[str, Any]) -> str:
    """What the setting may be, in words."""
    (shown,) = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    if "enum" in shown:
        return " or ".join(f"`{value}`" for value in shown["enum"])
    if shown["type"] == "integer":
        return f"integer{_bounds(shown)}"
    if shown.get("format") == "duration":
        return "duration"
    if shown.get("format") == "password":
        return "secret"
    return "list, comma-separated" if shown["type"] == "array" else "text"


def _bounds(shown: dict[str, Any]) -> str:
    least, most = shown.get("minimum"), shown.get("maximum")
    if most is None:
        return "" if least is None else f", {least} or more"
    return f", {least} to {most}"


def _unit(field: FieldInfo, schema: dict[str, Any]) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "unit" in extra:
        return str(extra["unit"])
    return "time" if schema.get("format") == "duration" else "–"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "none" if field.default is None else f"`{as_written(field.default)}`"


def _operators() -> Iterator[tuple[str, list[str]]]:
    for name, command in _commands(cli):
        if isinstance(command, SettingsCommand) and name not in PROCESSES:
            yield name, command.setting_names()


def _commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix}{name} ")
        elif command is not None:
            yield f"{prefix}{name}", command


def _names(fields: list[str]) -> str:
    return ", ".join(f"`{name.upper()}`" for name in fields)
