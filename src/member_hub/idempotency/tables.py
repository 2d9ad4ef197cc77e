"""Which requests were done already: keyed digests of the caller's key and of the request as it was sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import technical


class DoneRequest(Base):
    """One request that was carried out, kept for as long as a retry may come."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("ix_idempotency_expires_at", "expires_at"),)

    caller: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("staff number, app or opaque member id"))
    key_digest: Mapped[bytes] = mapped_column(
        LargeBinary, primary_key=True, info=technical("keyed digest of the key that the caller chose")
    )
    request_digest: Mapped[bytes] = mapped_column(
        LargeBinary, info=technical("keyed digest of the request as sent: comparable with nothing else")
    )
    member_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("what came of it; a merged id resolves"))
    result_id: Mapped[UUID | None] = mapped_column(
        PgUuid, info=technical("what the first answer is found by, where a member id says too little")
    )
    result_number: Mapped[int | None] = mapped_column(
        Integer, info=technical("how many entries of it the first answer told of, where more may follow")
    )
    done_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when it was done"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when it is forgotten"))
