"""The environment of the service's processes."""

from devstack.service_process import overlaid


def test_given_variable_overrides_the_inherited_one() -> None:
    assert overlaid({"PATH": "/bin", "DATABASE_URL": "theirs"}, {"DATABASE_URL": "ours"}) == {
        "PATH": "/bin",
        "DATABASE_URL": "ours",
    }


def test_given_secret_replaces_the_inherited_file_variable() -> None:
    inherited = {"STRIPE_SECRET_KEY_FILE": "/run/secrets/stripe", "LOG_FILE": "kept"}
    assert overlaid(inherited, {"STRIPE_SECRET_KEY": "ours"}) == {"STRIPE_SECRET_KEY": "ours", "LOG_FILE": "kept"}
