"""The results of audits."""

from datetime import datetime

from sqlalchemy import Identity
from sqlalchemy.orm import Mapped, mapped_column

from service.storage.models.base import Base, FromZero, WrittenAt
from service.storage.refusals import AUDITS, checks


class Audit(Base):
    """The result of one run: appended when the run ends, never changed."""

    __tablename__ = "audits"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    kind: Mapped[str]
    finished_at: Mapped[WrittenAt]
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    compared: Mapped[int]
    differences: Mapped[int]
    repaired: Mapped[FromZero]

    __table_args__ = tuple(checks(AUDITS))
