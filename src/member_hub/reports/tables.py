"""The figures of a week, as they were first given: what keeps asking again from being a second measurement."""

from datetime import date
from typing import Any

from sqlalchemy import Date, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import Purpose, technical


class StatisticsSnapshot(Base):
    """One table of the grid: groups of twenty and more, rounded; no row, no exact number, nobody."""

    __tablename__ = "statistics_snapshot"
    __table_args__ = (Index("ix_statistics_snapshot_epoch", "epoch"),)

    handler: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("whose members were counted"))
    counted_for: Mapped[str] = mapped_column(
        Text,
        primary_key=True,
        server_default=Purpose.ANALYTICS.value,
        info=technical("the purpose, and recipient, by whose objections and consent it was counted"),
    )
    cut: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("by which dimensions, sorted"))
    epoch: Mapped[date] = mapped_column(Date, primary_key=True, info=technical("the Monday with which the week began"))
    cells: Mapped[list[Any]] = mapped_column(
        JSONB, info=technical("per group: the facts in common, the rounded number, the lot that it was rounded by")
    )
