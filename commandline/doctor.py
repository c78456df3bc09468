"""``doctor``: is everything there that the three processes need?"""

import sys
from collections.abc import Iterable, Iterator
from itertools import chain

import click

from commandline.checks import Finding
from commandline.options import json_option
from commandline.output import say, show_list


@click.command(short_help="Check settings and every connection; say what to mend.")
@json_option
def doctor(*, as_json: bool) -> None:
    """Check the settings of the three processes and every connection they need, and say what to mend.

    Changes nothing that anybody sees: a transaction is tried on an id of its own, and aborted. Run it with the
    environment that the processes get. Exits 1 when something is wrong; a warning is for you to judge.
    """
    findings = list(examine())
    if as_json:
        show_list([_record(each) for each in findings], (), limit=len(findings), as_json=True)
    else:
        for each in findings:
            say(f"{_mark(each)}  {each.check}: {each.detail}")
            if each.mend is not None:
                say(f"       → {each.mend}")
    sys.exit(0 if all(each.ok for each in findings) else 1)


def examine() -> Iterator[Finding]:
    """Everything, settings first. What can't be tried, for a setting or a server that it needs, says so."""
    from commandline.check_group import check_group
    from commandline.check_kafka import check_kafka
    from commandline.check_pooler import check_pooler
    from commandline.check_readers import check_readers
    from commandline.check_stripe import check_stripe, check_webhook_secret
    from commandline.check_topics import check_topics
    from commandline.check_transaction import check_transaction
    from commandline.check_work import check_work
    from commandline.checks import check_database, check_settings, with_settings
    from consumer.settings import ConsumerSettings, GroupSettings
    from relay.settings import RelaySettings
    from runtime.settings import KafkaSettings, ProcessSettings
    from service.settings import ServiceSettings, StripeSettings

    yield from check_settings("serve", ServiceSettings)
    yield from check_settings("consume", ConsumerSettings)
    yield from check_settings("relay", RelaySettings)
    database = list(
        with_settings("database", ProcessSettings, lambda found: chain(check_pooler(found), check_database(found)))
    )
    yield from database
    if available(database, "database", "schema"):
        yield from with_settings("work", RelaySettings, check_work)
    kafka = list(with_settings("Kafka", KafkaSettings, check_kafka))
    yield from kafka
    if available(kafka, "Kafka"):
        yield from with_settings("topic", KafkaSettings, check_topics)
        yield from with_settings("transaction", RelaySettings, check_transaction)
        yield from with_settings("group", GroupSettings, check_group)
        yield from with_settings("readers", RelaySettings, check_readers)
    yield from with_settings("Stripe", StripeSettings, check_stripe)
    yield from with_settings("webhooks", ServiceSettings, check_webhook_secret)


def available(findings: Iterable[Finding], *checks: str) -> bool:
    """Whether these checks passed. Checks that depend on a failed one are left out, because they would fail, too."""
    return all(each.ok for each in findings if each.check in checks)


def _mark(finding: Finding) -> str:
    if finding.warning:
        return "warn "
    return "ok   " if finding.ok else "WRONG"


def _record(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "ok": finding.ok,
        "warning": finding.warning,
        "detail": finding.detail,
        "mend": finding.mend,
    }
