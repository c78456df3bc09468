"""Recovery after a restore numbers new events above all published ones."""

from dataclasses import replace
from uuid import uuid4

import pytest

from service.domain.messages import OutgoingMessage
from tests.integration.core.kept_topics import PAYMENT, Topics
from tests.integration.core.restoring import Loss
from tests.support.core import Core


def sequences(core: Core) -> list[int]:
    return [row["sequence"] for row in core.sql("SELECT sequence FROM outbox ORDER BY sequence")]


@pytest.mark.parametrize("kept", [0, 1])
def test_unpublished_outcome_is_numbered_after_published_events(loss: Loss, kept_topics: Topics, kept: int) -> None:
    """The topics hold the news of the refund, but no outcome of the revert that followed it."""
    kept_topics.authorize_before_or_after_the_dump(loss, kept=bool(kept))
    with loss.before() as core:
        kept_topics.release(core)
        core.stripe.dashboard("refund", core.intent(PAYMENT), amount=400)
        core.hear()
        kept_topics.published(core)
        kept_topics.revert(core)
    with loss.after(hours=1) as core:
        kept_topics.recover(core)
        assert core.outcome("revert_payment", "c-revert").sequence == 4
        assert sequences(core) == [1, 2, 3, 4]


def test_events_are_numbered_after_news_that_come_from_the_topic_alone(loss: Loss, kept_topics: Topics) -> None:
    """Stripe does not show the cause of the news, so no comparison with Stripe makes it again."""
    with loss.before() as core:
        kept_topics.authorize(core)
        kept_topics.published(core)
    loss.dump()
    (authorized,) = kept_topics.messages
    kept_topics.messages.append(news_after(authorized))
    with loss.after(hours=1) as core:
        kept_topics.recover(core)
        assert sequences(core) == [1, 2]
        core.revert(PAYMENT)
        assert core.outcome("revert_payment", "c-revert").sequence == 3


def news_after(event: OutgoingMessage) -> OutgoingMessage:
    """A news event of the same payment, with the next number."""
    headers = [("sequence", "2"), *((name, value) for name, value in event.headers if name == "correlation_id")]
    return replace(event, event_id=uuid4(), type="payment.disputed", headers=headers, sequence=2)
