"""What the service's processes are given."""

from devstack.service_process import overlaid


def test_ours_goes_over_the_inherited() -> None:
    assert overlaid({"PATH": "/bin", "DATABASE_URL": "theirs"}, {"DATABASE_URL": "ours"}) == {
        "PATH": "/bin",
        "DATABASE_URL": "ours",
    }


def test_an_inherited_secret_file_does_not_stand_beside_ours() -> None:
    inherited = {"STRIPE_SECRET_KEY_FILE": "/run/secrets/stripe", "LOG_FILE": "kept"}
    assert overlaid(inherited, {"STRIPE_SECRET_KEY": "ours"}) == {"STRIPE_SECRET_KEY": "ours", "LOG_FILE": "kept"}
