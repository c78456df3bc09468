"""Settings of the relay."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from runtime.settings import KafkaSettings
from runtime.settings_types import PositiveDuration, RelayName


class RelaySettings(KafkaSettings):
    """``cli.py relay``."""

    relay_delivery: Literal["exactly-once", "at-least-once"] = Field(
        default="exactly-once",
        description="with Kafka transactions, or without: for brokers that have none, and for readers that use "
        "kafka-python before 2.0.6. Without them a relay that was frozen while it sent, and overtaken, repeats a batch",
    )
    relay_name: RelayName = Field(
        default="payment-relay",
        description="name of the receipt's group, and of the transactional ids: NAME and NAME/2",
    )
    relay_batch_size: int = Field(
        default=10_000,
        ge=1,
        le=100_000,
        description="rows of one Kafka transaction",
        json_schema_extra={"unit": "rows"},
    )
    relay_poll_interval: PositiveDuration = Field(default=timedelta(seconds=1), description="poll behind LISTEN/NOTIFY")
