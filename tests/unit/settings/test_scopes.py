"""Tokens with the scope ``operate``."""

import pytest

from runtime.settings import load
from runtime.settings_source import SettingError
from service.settings import ServiceSettings


def test_token_of_an_operator_has_a_name_and_the_scope(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("API_TOKENS", "saga:one,olivia:two:operate, otto : a:b:operate ,odd:operates")
    settings = load(ServiceSettings)
    assert settings.operators() == [("olivia", "two"), ("otto", "a:b")]
    assert settings.tokens() == [("saga", "one"), ("olivia", "two"), ("otto", "a:b"), ("odd", "operates")]
    environment.setenv("API_AUTH", "off")
    assert (load(ServiceSettings).tokens(), load(ServiceSettings).operators()) == ([], settings.operators())


@pytest.mark.parametrize(
    ("tokens", "message"),
    [("n::operate", "holds an empty entry"), ("s3cret:operate", "the scope operate needs a name")],
)
def test_a_scope_without_name_or_token_is_refused(environment: pytest.MonkeyPatch, tokens: str, message: str) -> None:
    environment.setenv("API_TOKENS", tokens)
    with pytest.raises(SettingError, match=message):
        load(ServiceSettings)
