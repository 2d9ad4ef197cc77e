"""What the channel files said about consent, kept as said until the consent part replays it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, LargeBinary
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import DataClass, Purpose, personal, sealed, technical


class ConsentLine(Base):
    """One statement (purpose, granted, at, notice) of one channel account; stays with its account for life."""

    __tablename__ = "consent_line"
    __sealed_subject__ = "origin_id"
    __sealed_row__ = ("line_digest",)
    __sealed_digest__ = {"line_digest": ("statement",)}  # noqa: RUF012 (read by crypto/layout.py only)
    __table_args__ = (Index("ix_consent_line_origin_id", "origin_id"),)

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose it is now"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("who said it"))
    line_digest: Mapped[bytes] = mapped_column(
        LargeBinary, primary_key=True, info=technical("HMAC under a key of the origin's data key")
    )
    statement: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.CONSENT,
            zh="同意记录",
            en="consent statement",
            guard="member.consents",
            purposes=(Purpose.MEMBER_SERVICE, Purpose.CUSTOMER_SUPPORT, Purpose.RIGHTS_HANDLING),
            block_bytes=64,
        ),
    )
    said_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=personal(zh="表示时间", en="said at"))
