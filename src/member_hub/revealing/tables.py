"""Who allowed whom to see a masked field of whom, and how often somebody did today."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, DateTime, Index, Integer, Text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import personal, technical

KEPT_DAYS = 2  # swept after its end; what became of it is in the audit log


class Approval(Base):
    """A second person lets one named colleague do one thing with one member, once, within a day."""

    __tablename__ = "approval"
    __table_args__ = (Index("ix_approval_expires_at", "expires_at"),)

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose data"))
    approval_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    operation: Mapped[str] = mapped_column(Text, info=technical("the operation that is approved"))
    field: Mapped[str] = mapped_column(
        Text, info=personal(zh="获准查看明文的字段", en="field that may be revealed", retention_days=KEPT_DAYS)
    )
    granted_to: Mapped[str] = mapped_column(Text, info=technical("staff number of the one who may"))
    approved_by: Mapped[str] = mapped_column(Text, info=technical("staff number of the one who approved"))
    approved_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="批准时间", en="approved at", retention_days=KEPT_DAYS)
    )
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("until when it holds"))
    used_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=personal(zh="批准使用时间", en="approval used at", retention_days=KEPT_DAYS)
    )


class DailyCount(Base):
    """How often one person did a limited thing on one business day; about no member."""

    __tablename__ = "daily_count"

    operation: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("the operation that is limited"))
    subject: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("staff number"))
    day: Mapped[date] = mapped_column(Date, primary_key=True, info=technical("business day, Asia/Shanghai"))
    count: Mapped[int] = mapped_column(Integer, info=technical("how often so far"))
