"""Members who have to be told something.

No address and no number stands here: what somebody is told by is looked up when they are told.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, SmallInteger, Text, func, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import technical


class NoticeTask(Base):
    """Something that a member has to be told; without `told_at` it is still to be done, by people if need be."""

    __tablename__ = "notice_task"
    __table_args__ = (
        Index("ix_notice_task_member_id", "member_id"),
        Index("ix_notice_task_due", "due_at", postgresql_where=text("told_at IS NULL")),
    )

    task_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    member_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("who is to be told"))
    kind: Mapped[str] = mapped_column(Text, info=technical("phone_released, account_opened, second_thing_wrong"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("since when"))
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0", info=technical("how often it was tried"))
    due_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), info=technical("when to try again; null: left to people")
    )
    told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("null: not told yet"))
    told_by: Mapped[str | None] = mapped_column(Text, info=technical("email or openid"))
