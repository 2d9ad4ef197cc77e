"""What is stored of tags beside the taggings (members/taggings.py): definitions, quantiles, how far the clock is."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, DateTime, Index, Integer, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.members.taggings import TagKind
from member_hub.privacy import technical


class Tag(Base):
    """One version of a definition: written once by one person, approved once by another, then for good."""

    __tablename__ = "tag"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(str(kind)) for kind in TagKind)})", name="kind"),
        CheckConstraint("(kind = 'rule') = (rule IS NOT NULL)", name="rule"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved"),
    )

    handler: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("the legal entity that defines it"))
    code: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("name of the tag"))
    version: Mapped[int] = mapped_column(Integer, primary_key=True, info=technical("counts definitions of the code"))
    kind: Mapped[str] = mapped_column(Text, info=technical("hand, rule or import"))
    tag_group: Mapped[str] = mapped_column(Text, info=technical("under which it is shown"))
    zh: Mapped[str] = mapped_column(Text, info=technical("name in Chinese"))
    en: Mapped[str] = mapped_column(Text, info=technical("name in English"))
    owner: Mapped[str] = mapped_column(Text, info=technical("who answers for it: a team"))
    data_class: Mapped[str] = mapped_column(Text, info=technical("what kind of data it tells"))
    purpose: Mapped[str] = mapped_column(Text, info=technical("what it is for"))
    is_service: Mapped[bool] = mapped_column(Boolean, info=technical("whether whoever serves the member sees it"))
    is_restrictive: Mapped[bool] = mapped_column(Boolean, info=technical("whether it protects: it wins at merging"))
    is_profiling: Mapped[bool] = mapped_column(Boolean, info=technical("whether it evaluates the person"))
    is_retired: Mapped[bool] = mapped_column(Boolean, info=technical("whether this version ends the tag"))
    rule: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True), info=technical("the condition, of a rule"))
    expires_days: Mapped[int | None] = mapped_column(Integer, info=technical("how long a tagging holds; null: no end"))
    proposed_by: Mapped[str] = mapped_column(Text, info=technical("staff number"))
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))
    approved_by: Mapped[str | None] = mapped_column(Text, info=technical("staff number of the second person"))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("when"))


class TagThreshold(Base):
    """The value of a figure at a quantile, over the members of a handler: about nobody."""

    __tablename__ = "tag_threshold"

    handler: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("over whose members"))
    figure: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("which figure"))
    percent: Mapped[int] = mapped_column(SmallInteger, primary_key=True, info=technical("1 to 99"))
    value: Mapped[int | None] = mapped_column(BigInteger, info=technical("null: nobody has the figure"))
    computed_for: Mapped[date] = mapped_column(Date, info=technical("the business day"))


class TagRound(Base):
    """How far the evaluation of a handler's members has come; one row, which whoever works on it holds."""

    __tablename__ = "tag_round"

    handler: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("whose members"))
    day: Mapped[date] = mapped_column(Date, info=technical("the business day that is evaluated"))
    after: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("the last member done; null: none yet"))
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("when all were done"))
    given: Mapped[int] = mapped_column(BigInteger, info=technical("taggings given or changed"))
    ended: Mapped[int] = mapped_column(BigInteger, info=technical("taggings that ended"))


class TagDue(Base):
    """Members whose tags are to be computed anew before the next day: they were merged or split."""

    __tablename__ = "tag_due"
    __table_args__ = (Index("ix_tag_due_due_at", "due_at"),)

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose"))
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("since when"))
