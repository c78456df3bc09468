"""librdkafka's settings, from single variables or from KAFKA_CONFIG."""

from pathlib import Path

import pytest

from relay.settings import RelaySettings
from runtime.kafka_settings import kafka_config, refused, single_variables
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
    assert single_variables(environ) == {
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
    assert kafka_config(config) == expected


def test_kafka_config_overrides_single_variables(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("KAFKA_SASL_MECHANISM", "SCRAM-SHA-256")
    environment.setenv("KAFKA_SASL_PASSWORD", "p")
    environment.setenv("KAFKA_CONFIG", "sasl.mechanism=PLAIN,sasl.password=q")
    found = load(RelaySettings).client_config()
    assert (found["sasl.mechanism"], found["sasl.password"]) == ("PLAIN", "q")


KUBERNETES = {
    "KAFKA_SSL_PORT": "tcp://10.0.0.1:9093",
    "KAFKA_SSL_PORT_9093_TCP": "tcp://10.0.0.1:9093",
    "KAFKA_SSL_PORT_9093_TCP_ADDR": "10.0.0.1",
    "KAFKA_SSL_PORT_9093_TCP_PORT": "9093",
    "KAFKA_SSL_PORT_9093_TCP_PROTO": "tcp",
    "KAFKA_SSL_SERVICE_HOST": "10.0.0.1",
    "KAFKA_SSL_SERVICE_PORT": "9093",
    "KAFKA_SSL_SERVICE_PORT_CLIENTS": "9093",
    "KAFKA_SASL_EAST_SERVICE_HOST": "10.0.0.2",
    "KAFKA_PORT": "tcp://10.0.0.3:9092",
    "KAFKA_SERVICE_HOST": "10.0.0.3",
}
"""Variables that Kubernetes sets for services named kafka-ssl, kafka-sasl-east and kafka."""


def test_kubernetes_service_links_are_ignored() -> None:
    own = {"KAFKA_SASL_KERBEROS_SERVICE_NAME": "kafka"}
    assert single_variables({**KUBERNETES, **own}) == {"sasl.kerberos.service.name": "kafka"}


def test_error_names_a_port_overwritten_by_kubernetes(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPS_PORT", "tcp://10.0.0.1:9000")
    with pytest.raises(SettingError, match=r"^OPS_PORT: is the address of a service of that name, as Kubernetes sets"):
        load(RelaySettings)


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_invalid_port_is_refused(environment: pytest.MonkeyPatch, port: str) -> None:
    environment.setenv("OPS_PORT", port)
    with pytest.raises(SettingError, match=r"^OPS_PORT: "):
        load(RelaySettings)


def test_a_variable_that_librdkafka_refuses_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("KAFKA_SSL_COLOR_FILE", "/x")
    assert str(refused('No such configuration property: "ssl.color"')).startswith("KAFKA_SSL_COLOR_FILE: No such")
    assert str(refused('No such configuration property: "linger.s"')).startswith("KAFKA_CONFIG: No such")


def test_file_of_a_setting_is_read_once(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that disappears while the process runs must not end the process."""
    location = tmp_path / "location"
    location.write_text("/ca.pem")
    environment.setenv("KAFKA_SSL_CA_LOCATION_FILE", str(location))
    settings = load(RelaySettings)
    location.unlink()
    assert settings.client_config()["ssl.ca.location"] == "/ca.pem"


@pytest.mark.parametrize(
    "config", ["{", "{1: 2}", '{"a": {"b": 1}}', '{"a": null}', "sasl.password=half,hunter2", "=hunter2"]
)
def test_unreadable_config_names_the_variable_and_quotes_nothing(environment: pytest.MonkeyPatch, config: str) -> None:
    environment.setenv("KAFKA_CONFIG", config)
    with pytest.raises(SettingError, match=r"^KAFKA_CONFIG: ") as caught:
        load(RelaySettings)
    assert "hunter2" not in str(caught.value)


def test_client_config_contains_all_sources(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    environment.setenv("KAFKA_SASL_USERNAME", "u")
    environment.setenv("KAFKA_CONFIG", "linger.ms=5")
    assert load(RelaySettings).client_config() == {
        "bootstrap.servers": "kafka:9092",
        "security.protocol": "SASL_SSL",
        "sasl.username": "u",
        "linger.ms": "5",
    }
