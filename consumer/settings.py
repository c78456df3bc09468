"""Settings of the consumer."""

from pydantic import Field

from runtime.settings import KafkaSettings
from service.settings import CommandSettings


class GroupSettings(KafkaSettings):
    """Settings of the consumer group, for the consumer and for operators' commands."""

    consumer_group_id: str = Field(default="payment-service-group", min_length=1, description="consumer group")


class ConsumerSettings(GroupSettings, CommandSettings):
    """``cli.py consume``."""

    consumer_concurrency: int = Field(
        default=64, ge=1, le=1000, description="commands in flight at once", json_schema_extra={"unit": "commands"}
    )
