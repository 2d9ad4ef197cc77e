"""What an ingest run leaves behind: its progress, the deliveries seen, and the rows refused."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import DataClass, Purpose, sealed, technical, token

QUARANTINE_DAYS = 30


class IngestRun(Base):
    """One file read once, from its first line to its last, over as many attempts as it takes."""

    __tablename__ = "ingest_run"
    __table_args__ = (Index("ix_ingest_run_file_digest", "source", "file_digest"),)

    run_id: Mapped[UUID] = mapped_column(
        PgUuid, primary_key=True, info=technical("random id; subject of the run's key")
    )
    source: Mapped[str] = mapped_column(Text, info=technical("website, app, store, orders or activity"))
    file_digest: Mapped[bytes] = mapped_column(LargeBinary, info=technical("keyed digest of content and mapping"))
    size_bytes: Mapped[int] = mapped_column(BigInteger, info=technical("size of the file"))
    position: Mapped[int] = mapped_column(BigInteger, info=technical("where to go on reading"))
    next_line: Mapped[int] = mapped_column(BigInteger, info=technical("the line at that position"))
    counts: Mapped[dict[str, int]] = mapped_column(JSONB, info=technical("outcomes so far"))
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when it began"))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("null: unfinished"))


class Inbox(Base):
    """Deliveries already applied or refused: keys and keyed digests, never payload."""

    __tablename__ = "inbox"

    source: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("which source"))
    message_key: Mapped[bytes] = mapped_column(
        LargeBinary, primary_key=True, info=technical("keyed digest of the message id")
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary, info=technical("keyed digest of what was delivered"))


class Quarantine(Base):
    """A row refused with its reason, sealed under the run's key; shredded after 30 days with that key."""

    __tablename__ = "quarantine"
    __sealed_subject__ = "run_id"
    __sealed_row__ = ("line",)
    __table_args__ = (
        Index("ix_quarantine_hint_tokens", "hint_tokens", postgresql_using="gin"),
        Index("ix_quarantine_digest", "source", "line", "digest", unique=True),
    )

    run_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the run that refused it"))
    line: Mapped[int] = mapped_column(Integer, primary_key=True, info=technical("line of the file, from 1"))
    source: Mapped[str] = mapped_column(Text, info=technical("which source"))
    reason: Mapped[str] = mapped_column(Text, info=technical("a word of the closed list"))
    raw: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.INTAKE,
            zh="被隔离的原始行",
            en="the refused row as it came",
            purposes=(Purpose.SYSTEM_OPERATION, Purpose.RIGHTS_HANDLING),
            retention_days=QUARANTINE_DAYS,
            block_bytes=128,
        ),
    )
    hint_tokens: Mapped[list[bytes]] = mapped_column(
        ARRAY(LargeBinary),
        info=token(
            zh="被隔离行中标识的盲索引", en="blind index of identifiers in the row", retention_days=QUARANTINE_DAYS
        ),
    )
    digest: Mapped[bytes] = mapped_column(
        LargeBinary, info=technical("keyed digest of the row: the same file again does not fill the quarantine again")
    )
    refused_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))
