"""Every secret passes through the processes, and no log contains one."""

from urllib.parse import urlsplit

import pytest

from tests.support.acceptance import CHALLENGED, World
from tests.support.acceptance_http import Api
from tests.support.acceptance_webhooks import event_of, signature_of

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_no_log_contains_a_secret(world: World) -> None:
    guessed, forged = "a-guessed-token", event_of()
    signature = signature_of(forged, "whsec_guessed")
    assert Api(world.info.http_url, guessed).history("user").status == 401
    assert world.api.webhook(forged, signature).status == 400
    world.outcome(world.release(world.held().payment_id, account="acct_restricted"))
    challenged = world.authorize(CHALLENGED)
    payment = world.payment_in("REQUIRES_ACTION", challenged.payload["order_id"])
    world.stripe.finish_challenge(payment["stripe_payment_intent_id"])
    world.outcome(challenged)
    password = urlsplit(world.info.database_url).password
    secrets = [world.info.api_token, world.info.stripe_webhook_secret, password, "sk_test_", "_secret_", guessed]
    logs = world.logs()
    assert world.info.database_url not in logs
    assert [secret for secret in [*secrets, signature.rpartition("=")[2]] if secret and secret in logs] == []
