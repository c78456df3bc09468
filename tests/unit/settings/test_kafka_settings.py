"""librdkafka's settings, as variables or all in one."""

from pathlib import Path

import pytest

from relay.settings import RelaySettings
from runtime.kafka_settings import kafka_overrides
from runtime.settings import load
from runtime.settings_source import SettingError


def test_single_variables_become_librdkafka_names(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("a,b=c\n", encoding="utf-8")
    environ = {
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_PASSWORD_FILE": str(password),
        "KAFKA_SSL_CA_LOCATION": "/ca.pem",
        "KAFKA_SSL_KEY_PASSWORD": "",
        "KAFKA_OTHER": "ignored",
    }
    assert kafka_overrides(None, environ) == {
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.password": "a,b=c",
        "ssl.ca.location": "/ca.pem",
    }


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("linger.ms=5, client.id = me ,", {"linger.ms": "5", "client.id": "me"}),
        ("sasl.jaas=a=b", {"sasl.jaas": "a=b"}),
        (' {"linger.ms": 5, "sasl.password": "a,b", "x": true}', {"linger.ms": 5, "sasl.password": "a,b", "x": True}),
        ("", {}),
    ],
)
def test_config_is_json_or_pairs(config: str, expected: dict[str, object]) -> None:
    assert kafka_overrides(config, {}) == expected


def test_config_wins_over_single_variables() -> None:
    found = kafka_overrides("sasl.mechanism=PLAIN", {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"})
    assert found == {"sasl.mechanism": "PLAIN"}


@pytest.mark.parametrize(
    "config", ["{", "{1: 2}", '{"a": {"b": 1}}', '{"a": null}', "sasl.password=half,hunter2", "=hunter2"]
)
def test_unreadable_config_names_the_variable_and_quotes_nothing(environment: pytest.MonkeyPatch, config: str) -> None:
    environment.setenv("KAFKA_CONFIG", config)
    with pytest.raises(SettingError, match=r"^KAFKA_CONFIG: ") as caught:
        load(RelaySettings)
    assert "hunter2" not in str(caught.value)


def test_client_config_holds_all(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    environment.setenv("KAFKA_SASL_USERNAME", "u")
    environment.setenv("KAFKA_CONFIG", "linger.ms=5")
    assert load(RelaySettings).client_config() == {
        "bootstrap.servers": "kafka:9092",
        "security.protocol": "SASL_SSL",
        "sasl.username": "u",
        "linger.ms": "5",
    }
