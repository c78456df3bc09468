"""``payment timeline``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from commandline.connection import reading
from commandline.environment import SettingsCommand, load_settings
from commandline.options import PAYMENT, json_option
from commandline.output import say, show_list, table
from commandline.payment_filter import payment_called

if TYPE_CHECKING:
    from runtime.record_search import Absent, Found, Sought
    from service.usecases.operations.timeline import Entry

_COLUMNS = ("at", "source", "what", "detail")
_KAFKA = (
    "database_url",
    "kafka_bootstrap_servers",
    "kafka_security_protocol",
    "kafka_sasl_username",
    "kafka_sasl_password",
    "kafka_config",
)


@click.command(
    cls=SettingsCommand,
    settings="runtime.settings:KafkaSettings",
    only=_KAFKA,
    short_help="What happened to a payment, in order of time.",
)
@click.argument("id_", metavar="ID", type=PAYMENT)
@click.option("--kafka", is_flag=True, help="Look up where its events are in Kafka; takes a few seconds at most.")
@json_option
def timeline(id_: str, *, kafka: bool, as_json: bool) -> None:
    """Commands, calls to Stripe, webhooks, changes of status and events of the payment, in order of time.

    A command has the topic, partition and offset of its record; a call to Stripe the ids of its requests. An event is
    published as far as the relay's checkpoint says so; the checkpoint follows Kafka within a second. With --kafka each
    published event is looked up in its topic, near the time at which it was written. Without it, no setting of Kafka is
    read.

    \b
    cli.py payment timeline order-17
    cli.py payment timeline order-17 --kafka
    """
    from service.usecases.operations.kafka_places import placed
    from service.usecases.operations.timeline import timeline as entries_of

    with reading() as connection:
        found = payment_called(connection, id_)
        entries, fault = entries_of(connection, found), None
    if kafka:
        entries, fault = placed(entries, str(found["payment_id"]), _search)
    if as_json:
        show_list([entry.as_record() for entry in entries], (), limit=len(entries), as_json=True)
    else:
        say(f"payment {found['payment_id']}: {found['amount']} {found['currency']} in minor units")
        say(f"order {found['order_id']}")
        table([_line(entry) for entry in entries], _COLUMNS)
    if fault is not None:
        say(f"Kafka does not answer: {fault}", err=True)


def _search(sought: "Sequence[Sought]") -> "list[Found | Absent]":
    from runtime.record_search import search
    from runtime.settings import KafkaSettings
    from service.usecases.operations.kafka_places import SEARCH_SECONDS

    return search(load_settings(KafkaSettings, only=_KAFKA).client_config(), sought, SEARCH_SECONDS)


def _line(entry: "Entry") -> dict[str, str]:
    """An entry for people. The detail identifies it."""
    detail = [entry.detail] if entry.detail else []
    if entry.source.name == "EVENT":
        detail = _of_event(entry)
    elif entry.source.name == "COMMAND":
        place = [] if entry.topic is None else [f"{entry.topic} partition {entry.partition}, offset {entry.offset}"]
        detail = [f"correlation id {entry.correlation_id}", *place]
    at = f"{entry.at:%Y-%m-%d %H:%M:%S}.{entry.at.microsecond // 1000:03d}"
    return {"at": at, "source": entry.source.name.lower(), "what": entry.what, "detail": ", ".join(detail)}


def _of_event(entry: "Entry") -> list[str]:
    from service.usecases.operations.kafka_places import in_words

    numbers = [] if entry.sequence is None else [f"sequence {entry.sequence}"]
    state = in_words(entry) or ("published" if entry.published else "waits for the relay")
    return [*numbers, f"position {entry.position}", *(["replay"] if entry.replayed else []), state]
