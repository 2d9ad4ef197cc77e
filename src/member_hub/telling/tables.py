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

OPEN = "told_at IS NULL"
AS_ONE = "as_one"  # told_by: another member, with whom they are one now, had been told the same

OVER = "over"  # told_by: nobody, because what was to be told is so no more


class NoticeTask(Base):
    """Something that a member has to be told; without `told_at` it is still to be done, by people if need be.

    One open task per member, kind and what it is about; about nothing in particular counts as the same, too.
    """

    __tablename__ = "notice_task"
    __table_args__ = (
        Index("ix_notice_task_member_id", "member_id"),
        Index("ix_notice_task_due", "kind", "due_at", postgresql_where=text(OPEN)),
        Index(
            "uq_notice_task_open",
            "member_id",
            "kind",
            "subject_ref",
            unique=True,
            postgresql_where=text(OPEN),
            postgresql_nulls_not_distinct=True,
        ),
    )

    task_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    member_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("who is to be told; a merged id means its root"))
    kind: Mapped[str] = mapped_column(Text, info=technical("of what; a kind of telling/kinds.py"))
    # The default is for a process of the version before, which knows no subject: each of its tasks is about its own.
    subject_ref: Mapped[UUID | None] = mapped_column(
        PgUuid,
        server_default=func.gen_random_uuid(),
        info=technical("what it is about: the id of a notice, a guardian link, the code that was used"),
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("since when"))
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0", info=technical("how often it was tried"))
    due_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), info=technical("when to try again; null: left to people")
    )
    told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("null: not told yet"))
    told_by: Mapped[str | None] = mapped_column(
        Text, info=technical("openid, email or sms; as_one, over: see there; served: through an app or at a counter")
    )
