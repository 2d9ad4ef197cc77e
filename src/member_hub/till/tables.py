"""Member codes that were issued lately: keyed digests, each good for one look-up within a minute."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, LargeBinary
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import personal, technical, token

KEPT_DAYS = 1  # swept within minutes where codes are issued, and by the clock


class MemberCode(Base):
    """One code. It stays for some minutes after its end, for the rate of issuing is counted from these rows."""

    __tablename__ = "member_code"
    __table_args__ = (
        Index("ix_member_code_member_id", "member_id", "issued_at"),
        Index("ix_member_code_expires_at", "expires_at"),
    )

    code_digest: Mapped[bytes] = mapped_column(
        LargeBinary,
        primary_key=True,
        info=token(zh="会员码摘要", en="keyed digest of a member code", retention_days=KEPT_DAYS),
    )
    member_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("who shows it; a merged id resolves"))
    issued_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True),
        info=personal(zh="会员码生成时间", en="member code issued at", retention_days=KEPT_DAYS),
    )
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("until when it finds"))
    used_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True),
        info=personal(zh="会员码使用时间", en="member code used at", retention_days=KEPT_DAYS),
    )
