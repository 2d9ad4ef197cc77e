"""What channel accounts claim about identifiers, and the keyed tokens by which a member is found.

Decision: `vault.identity_hint` has a row for *every* claim, whatever its status, and `vault.identity_token` one for
each value that finds exactly one member. DESIGN 5 had each claim in one of the two. Resolution then reads one table,
and a claim that changes its status moves no row. Price: about one more small row per verified phone or account.
Tokens stand in `vault` only, never in `hub`: no long-lived dump carries them. A token says by itself under which
version of its index key it was made (no other key gives it), so look-ups do not ask for the version; it is stored
for the rotation, which has to know what is left to do.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, Integer, LargeBinary, SmallInteger, Text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import VAULT, Base
from member_hub.privacy import OFFERED, DataClass, Mask, personal, sealed, technical, token


class CandidateStatus(StrEnum):
    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class IdentityClaim(Base):
    """What a channel account says about an identifier, for as long as the account is held."""

    __tablename__ = "identity_claim"
    __sealed_subject__ = "origin_id"
    __sealed_row__ = ("claim_id",)
    __table_args__ = (Index("ix_identity_claim_origin_id", "origin_id"),)

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose it is now"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("who says it"))
    claim_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    kind: Mapped[str] = mapped_column(Text, info=technical("own number, or what kind of identifier (kinds.py)"))
    namespace: Mapped[str] = mapped_column(Text, info=technical("site, appid, open platform or brand"))
    value: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.IDENTIFIER,
            zh="身份标识",
            en="identifier",
            guard="member.identifiers",
            mask=Mask.IDENTIFIER,
            purposes=OFFERED,
            block_bytes=32,
        ),
    )
    status: Mapped[str] = mapped_column(Text, info=technical("active, unverified, released, demoted, shared"))
    connects: Mapped[bool] = mapped_column(info=technical("whether it may unite accounts; typed live it may not"))
    verified_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=personal(zh="验证时间", en="verified at")
    )
    stated_from: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="首次提供时间", en="first stated at")
    )
    stated_to: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="最近提供时间", en="last stated at")
    )
    is_dated: Mapped[bool] = mapped_column(
        server_default=true(), info=technical("false: verified_at is when it was first said to be verified")
    )
    begins_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True),
        info=personal(zh="号码启用时间", en="proven then, with nothing that others had held before"),
    )


class IdentityToken(Base):
    """A value that finds exactly one member: active claims of unique kinds (CONTRACT MemberKey)."""

    __tablename__ = "identity_token"
    __table_args__ = (Index("ix_identity_token_origin_id", "origin_id"), {"schema": VAULT})

    kind: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("kind of identifier"))
    token: Mapped[bytes] = mapped_column(
        LargeBinary, primary_key=True, info=token(zh="标识的盲索引", en="blind index of an identifier")
    )
    key_version: Mapped[int] = mapped_column(Integer, primary_key=True, info=technical("version of the index key"))
    member_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("who is found"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("the account that holds it"))


class IdentityHint(Base):
    """Which channel accounts state a value, whatever the status of the claim; not unique."""

    __tablename__ = "identity_hint"
    __table_args__ = (Index("ix_identity_hint_origin_id", "origin_id"), {"schema": VAULT})

    kind: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("kind of identifier"))
    token: Mapped[bytes] = mapped_column(
        LargeBinary, primary_key=True, info=token(zh="标识的盲索引", en="blind index of an identifier")
    )
    key_version: Mapped[int] = mapped_column(Integer, primary_key=True, info=technical("version of the index key"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("who states it"))
    connects: Mapped[bool] = mapped_column(info=technical("whether it may unite accounts; typed live it may not"))
    claim_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("the claim it belongs to"))


class ReviewCandidate(Base):
    """Two channel accounts that may be one person: too weak to merge, for staff to decide. Ids and weights only."""

    __tablename__ = "review_candidate"
    __table_args__ = (
        CheckConstraint("origin_a < origin_b", name="ordered"),
        Index("ix_review_candidate_origin_b", "origin_b"),
    )

    origin_a: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the smaller id"))
    origin_b: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the larger id"))
    reason: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("why they may be one"))
    weight_bp: Mapped[int] = mapped_column(Integer, info=technical("basis points"))
    status: Mapped[str] = mapped_column(Text, info=technical("open, confirmed or dismissed"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when it was found"))


class NeverMerge(Base):
    """Two channel accounts that must stay apart: said by staff, or by the member."""

    __tablename__ = "never_merge"
    __table_args__ = (
        CheckConstraint("origin_a < origin_b", name="ordered"),
        Index("ix_never_merge_origin_b", "origin_b"),
    )

    origin_a: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the smaller id"))
    origin_b: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the larger id"))
    reason: Mapped[str] = mapped_column(Text, info=technical("a word of a closed list"))
    said_by: Mapped[str] = mapped_column(Text, info=technical("role and staff number or app"))
    said_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))


class MergeEvent(Base):
    """One merge or split, with what an unmerge needs: ids, the rule and its weight; never values."""

    __tablename__ = "merge_event"
    __table_args__ = (Index("ix_merge_event_kept", "kept"), Index("ix_merge_event_gone", "gone"))

    event_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    kind: Mapped[str] = mapped_column(Text, info=technical("merge or split"))
    kept: Mapped[UUID] = mapped_column(PgUuid, info=technical("the member that stays"))
    gone: Mapped[UUID] = mapped_column(PgUuid, info=technical("the member absorbed, or given back"))
    origin_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PgUuid), info=technical("the accounts that moved"))
    rule: Mapped[str] = mapped_column(Text, info=technical("which rule of identity/rules.py"))
    weight_bp: Mapped[int] = mapped_column(SmallInteger, info=technical("basis points"))
    happened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))
    caused_by: Mapped[str] = mapped_column(Text, info=technical("an ingest run, or a role and who acted"))
