"""A bad or missing setting stops the process with one line that names the setting and quotes no secret."""

from datetime import timedelta
from pathlib import Path

import pytest

from consumer.settings import ConsumerSettings
from relay.settings import RelaySettings
from runtime.settings import ProcessSettings, load
from runtime.settings_source import SettingError, read_variable
from service.settings import ServiceSettings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - never bound here
ALL = [ConsumerSettings, RelaySettings, ServiceSettings]


@pytest.mark.parametrize("kind", ALL)
def test_required_settings_are_enough(kind: type[ProcessSettings]) -> None:
    settings = load(kind)
    assert settings.payment_commands_topic == "payment_commands"
    assert settings.dead_letter_topic == "payment_commands.dead_letter"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DATABASE_URL", "", "DATABASE_URL: is not set"),
        ("DATABASE_URL", "mysql://db/x", "DATABASE_URL: must be a postgresql:// URL"),
        ("DATABASE_URL", "db/x", "DATABASE_URL: must be a postgresql:// URL"),
        ("DATABASE_URL", "postgresql://u:hunter2/x@db/y", "DATABASE_URL: has no readable host and port"),
        ("DATABASE_URL", "postgresql://[db/y", "DATABASE_URL: has no readable host and port"),
        ("STRIPE_SECRET_KEY", "", "STRIPE_SECRET_KEY: is not set"),
        ("STRIPE_API_BASE", "ftp://x", "STRIPE_API_BASE: must be an http:// or https:// URL"),
        ("STRIPE_API_BASE", "http://", "STRIPE_API_BASE: must be an http:// or https:// URL"),
        ("STRIPE_TIMEOUT", "0s", "STRIPE_TIMEOUT: "),
        ("STRIPE_TIMEOUT", "soon", "STRIPE_TIMEOUT: 'soon' is not a duration; write 30s"),
        ("SHUTDOWN_GRACE", "99999999999999d", "SHUTDOWN_GRACE: '99999999999999d' is too long"),
        ("SHUTDOWN_GRACE", "-1s", "SHUTDOWN_GRACE: '-1s' is not a duration"),
        ("DEFAULT_CURRENCY", "xxx", "DEFAULT_CURRENCY: must be an ISO 4217 code"),
        ("REVERT_EVENT_TYPE", "payment.gone", "REVERT_EVENT_TYPE: "),
        ("HISTORY_UNIT", "cents", "HISTORY_UNIT: "),
        ("CORS_ORIGINS", "shop.example", "CORS_ORIGINS: 'shop.example' is no origin; write https://"),
        ("CORS_ORIGINS", "https://shop.example/", "CORS_ORIGINS: 'https://shop.example/' is no origin"),
        ("CORS_ORIGINS", "https://shop.example/pay", "CORS_ORIGINS: 'https://shop.example/pay' is no origin"),
        ("CORS_ORIGINS", "https://shop.example?", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "https://u@shop.example", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "https://shop.example:70000", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "https://shop.example:", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "https://", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "https://[::1", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "ftp://shop.example", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "https://sh\nop.example", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "https://*.example", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "https://shöp.example", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "null", "CORS_ORIGINS: "),
        ("CORS_ORIGINS", "*", "CORS_ORIGINS: '*' would let every page read; name each origin"),
        ("CORS_ORIGINS", "https://shop.example,*", "CORS_ORIGINS: '*' would let every page read"),
        ("CORS_ORIGINS", "https://a.example,,https://b.example", "CORS_ORIGINS: '' is no origin"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL: "),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: "),
        ("PORT", "http", "PORT: "),
        ("PORT", "70000", "PORT: "),
        ("WORKERS", "0", "WORKERS: "),
        ("PAYMENT_EVENTS_TOPIC", "a b", "PAYMENT_EVENTS_TOPIC: "),
        ("API_AUTH", "maybe", "API_AUTH: "),
        ("HOST", EVERYWHERE, "API_TOKENS: must be set to listen on 0.0.0.0"),
        ("HOST", "payments.internal", "API_TOKENS: must be set to listen on payments.internal"),
        ("API_TOKENS", "a,,b", "API_TOKENS: holds an empty entry"),
        ("API_TOKENS", "ops:", "API_TOKENS: holds an empty entry"),
        ("API_TOKENS", ":token", "API_TOKENS: holds an empty entry"),
        ("API_TOKENS", ",", "API_TOKENS: holds an empty entry"),
    ],
)
def test_error_is_one_line_that_names_the_setting(
    environment: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        load(ServiceSettings)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_every_faulty_setting_has_its_own_line(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DATABASE_URL")
    environment.setenv("PORT", "x")
    with pytest.raises(SettingError) as caught:
        load(ServiceSettings)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["DATABASE_URL", "PORT"]


def test_faults_of_several_files_are_reported_together(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("STRIPE_SECRET_KEY_FILE", "/nowhere/key")
    environment.setenv("STRIPE_WEBHOOK_SECRET_FILE", "/nowhere/secret")
    with pytest.raises(SettingError) as caught:
        load(ServiceSettings)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET_FILE",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_tokens(environment: pytest.MonkeyPatch, host: str) -> None:
    environment.setenv("HOST", host)
    assert load(ServiceSettings).tokens() == []


@pytest.mark.parametrize(("name", "value"), [("API_AUTH", "off"), ("API_TOKENS", "t")])
def test_open_host_needs_tokens_or_auth_off(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv("HOST", EVERYWHERE)
    environment.setenv(name, value)
    assert load(ServiceSettings).host == EVERYWHERE


def test_tokens_have_names_and_may_be_rotated(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("API_TOKENS", "saga:old, saga:new ,plain,odd:with:colon")
    assert load(ServiceSettings).tokens() == [
        ("saga", "old"),
        ("saga", "new"),
        ("token-3", "plain"),
        ("odd", "with:colon"),
    ]


def test_disabled_authentication_ignores_tokens(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("API_TOKENS", "t")
    environment.setenv("API_AUTH", "off")
    assert load(ServiceSettings).tokens() == []


def test_webhook_secrets_are_a_list(environment: pytest.MonkeyPatch) -> None:
    assert load(ServiceSettings).webhook_secrets() == []
    environment.setenv("STRIPE_WEBHOOK_SECRET", "whsec_new, whsec_old,")
    assert load(ServiceSettings).webhook_secrets() == ["whsec_new", "whsec_old"]


def test_origins_are_normalized_as_browsers_do(environment: pytest.MonkeyPatch) -> None:
    assert load(ServiceSettings).cors_origins is None
    written = "https://Shop.example:443, http://localhost:3000 ,HTTP://a.example:80,https://[::1]:8443"
    environment.setenv("CORS_ORIGINS", written)
    assert load(ServiceSettings).cors_origins == (
        "https://shop.example",
        "http://localhost:3000",
        "http://a.example",
        "https://[::1]:8443",
    )


def test_values_are_read_in_common_notations(environment: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LOG_LEVEL": "debug",
        "DEFAULT_CURRENCY": "USD",
        "SHUTDOWN_GRACE": "2m",
        "STRIPE_API_BASE": "http://127.0.0.1:1/",
        "DATABASE_URL": "POSTGRES://u:p%40w@[::1]:5432/db",
    }.items():
        environment.setenv(name, value)
    settings = load(ServiceSettings)
    assert (settings.log_level, settings.default_currency) == ("DEBUG", "usd")
    assert settings.shutdown_grace == timedelta(minutes=2)
    assert settings.stripe_api_base == "http://127.0.0.1:1"
    assert settings.database_url.get_secret_value() == "postgresql://u:p%40w@[::1]:5432/db"


def test_option_overrides_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PORT", "1111")
    assert load(ServiceSettings, port=2222, host=None).port == 2222


def test_secrets_are_hidden_in_the_representation(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("API_TOKENS", "saga:hunter2")
    shown = repr(load(ServiceSettings))
    assert not [secret for secret in ("hunter2", "sk_test_1", "pw@") if secret in shown]


@pytest.mark.parametrize("content", ["value", "value\n", "value\r\n"])
def test_one_trailing_newline_of_a_file_is_removed(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content.encode())
    assert read_variable("NAME", {"NAME_FILE": str(path)}) == "value"


def test_other_whitespace_of_a_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(" a\nb \n\n", encoding="utf-8")
    assert read_variable("NAME", {"NAME_FILE": str(path)}) == " a\nb \n"


def test_variable_and_file_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^NAME: NAME and NAME_FILE are both set"):
        read_variable("NAME", {"NAME": "a", "NAME_FILE": str(tmp_path)})


def test_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from file", encoding="utf-8")
    assert read_variable("NAME", {"NAME": ""}) is None
    assert read_variable("NAME", {"NAME": "", "NAME_FILE": str(path)}) == "from file"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"hunter2\xff"])
def test_unusable_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingError, match=r"^NAME_FILE: ") as caught:
        read_variable("NAME", {"NAME_FILE": str(path)})
    assert "hunter2" not in str(caught.value)
