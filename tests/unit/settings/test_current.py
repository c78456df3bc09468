"""The current settings, and the secrets that SIGHUP renews."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from consumer.settings import ConsumerSettings
from runtime.current import Current, secrets_of
from runtime.kafka_settings import use_credentials
from runtime.settings import load
from tests.support.loglines import logging_to_memory


@pytest.fixture
def files(environment: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory with each of the consumer's secrets in a file of its name."""
    values = {
        "DATABASE_URL": "postgresql://u:old@db/payments",
        "STRIPE_SECRET_KEY": "sk_test_old",
        "KAFKA_SASL_PASSWORD": "old",
        "KAFKA_SASL_USERNAME": "u",
    }
    for name, value in values.items():
        (tmp_path / name).write_text(value)
        environment.delenv(name, raising=False)
        environment.setenv(f"{name}_FILE", str(tmp_path / name))
    assert {name.lower() for name in values} == secrets_of(ConsumerSettings)
    return tmp_path


@pytest.fixture
def current(files: Path) -> Current[ConsumerSettings]:
    return Current(load(ConsumerSettings))


def test_subscriber_gets_the_settings_at_once_and_after_each_renewal(
    current: Current[ConsumerSettings], files: Path
) -> None:
    keys: list[str] = []
    current.subscribe(lambda settings: keys.append(settings.stripe_secret_key.get_secret_value()))
    (files / "STRIPE_SECRET_KEY").write_text("sk_test_new\n")
    assert current.renew()
    assert keys == ["sk_test_old", "sk_test_new"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("STRIPE_SECRET_KEY", "", "STRIPE_SECRET_KEY_FILE: "),
        ("DATABASE_URL", "mysql://db/x", "DATABASE_URL: must be a postgresql:// URL"),
        ("DATABASE_URL", None, "DATABASE_URL_FILE: cannot read "),
    ],
)
def test_faulty_file_leaves_every_secret_unchanged(
    current: Current[ConsumerSettings], files: Path, name: str, value: str | None, why: str
) -> None:
    before = current()
    (files / "KAFKA_SASL_PASSWORD").write_text("new")
    (files / name).unlink() if value is None else (files / name).write_text(value)
    with logging_to_memory() as lines:
        assert not current.renew()
    assert current() is before
    (line,) = [line for line in lines() if line["event"] == "settings_kept"]
    assert line["why"].startswith(why)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://u:new@elsewhere/payments"),
        ("DATABASE_URL", "postgresql://u:new@db/other"),
        ("DATABASE_URL", "postgresql://u:new@db:5433/payments"),
        ("STRIPE_SECRET_KEY", "sk_live_new"),
    ],
)
def test_secret_of_another_database_or_mode_is_not_adopted(
    current: Current[ConsumerSettings], files: Path, name: str, value: str
) -> None:
    before = current()
    (files / name).write_text(value)
    (files / "KAFKA_SASL_PASSWORD").write_text("new")
    assert current.renew()
    assert getattr(current(), name.lower()) == getattr(before, name.lower())
    assert current().client_config()["sasl.password"] == "new"


def test_user_and_password_of_the_database_are_renewed(current: Current[ConsumerSettings], files: Path) -> None:
    (files / "DATABASE_URL").write_text("postgresql://v:n%40w@db:5432/payments")
    assert current.renew()
    assert current.database_url() == "postgresql://u:old@db/payments", "an explicit port counts as another address"
    (files / "DATABASE_URL").write_text("postgresql://v:n%40w@db/payments")
    assert current.renew()
    assert current.database_url() == "postgresql://v:n%40w@db/payments"


def test_setting_that_is_no_secret_is_not_renewed(
    current: Current[ConsumerSettings], files: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CONSUMER_GROUP_ID", "another")
    (files / "STRIPE_SECRET_KEY").write_text("sk_test_new")
    assert current.renew()
    assert current().consumer_group_id == "payment-service-group"
    assert current().stripe_secret_key.get_secret_value() == "sk_test_new"


def test_kafka_clients_accept_new_credentials() -> None:
    """These are real clients, which do not connect in this test."""
    sasl: dict[str, Any] = {
        "bootstrap.servers": "127.0.0.1:1",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "u",
        "sasl.password": "old",
        "log_level": 0,
    }
    consumer, admin = Consumer({**sasl, "group.id": "g"}), AdminClient(sasl)
    use_credentials({**sasl, "sasl.password": "new"}, consumer, admin)
    use_credentials({"bootstrap.servers": "127.0.0.1:1"}, consumer, admin)
    consumer.close()


def test_every_kafka_client_gets_complete_credentials_only() -> None:
    clients = Mock(), Mock()
    use_credentials({"sasl.username": "u", "sasl.password": "new"}, *clients)
    use_credentials({"sasl.username": "u"}, *clients)
    for client in clients:
        client.set_sasl_credentials.assert_called_once_with("u", "new")
