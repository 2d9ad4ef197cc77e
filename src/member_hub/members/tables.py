"""What is stored about a member: the golden profile, the channel accounts behind it, every value still held.

`hub.member` is a cache of what survivorship chose; `hub.profile_value` is what was said, by whom and when.
Phones and e-mail addresses are identity claims (identity/tables.py) and are not held a second time here.

Decision: gender and home store are readable columns. They are filtered on (MemberFilter, statistics, row scope),
and a keyed digest of three values hides nothing. Price: an old dump still says "F, SH001" of an id that
nothing else describes any more.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import (
    OFFERED,
    SERVICE,
    TAILORED,
    DataClass,
    Mask,
    OnErasure,
    Purpose,
    personal,
    sealed,
    technical,
)


class MemberStatus(StrEnum):
    ACTIVE = "active"
    FROZEN = "frozen"
    RESTRICTED = "restricted"
    MERGED = "merged"
    ERASED = "erased"


class AgeBand(StrEnum):
    """How old a member is taken to be: by the youngest reading of every birth date held (PIPL 8, 31; PIPL.md 1b)."""

    UNKNOWN = "unknown"
    CHILD = "child"  # under 14
    MINOR = "minor"  # 14 to 17
    ADULT = "adult"


class Channel(StrEnum):
    WEBSITE = "website"
    APP = "app"
    STORE = "store"

    @property
    def bit(self) -> int:
        return {"website": 1, "app": 2, "store": 4}[self.value]


def _statuses() -> str:
    return ", ".join(f"'{status.value}'" for status in MemberStatus)


def _bands() -> str:
    return ", ".join(f"'{band.value}'" for band in AgeBand)


class Member(Base):
    """One person as the brand knows them; the row stays as a tombstone when merged or erased."""

    __tablename__ = "member"
    __sealed_subject__ = "member_id"
    __table_args__ = (
        CheckConstraint(f"status IN ({_statuses()})", name="status"),
        CheckConstraint("(status = 'merged') = (merged_into IS NOT NULL)", name="merged_into"),
        CheckConstraint(f"age_band IN ({_bands()})", name="age_band"),
        Index("ix_member_gate_until", "gate_until", "member_id", postgresql_where=text("gate_until IS NOT NULL")),
        Index("ix_member_age_band", "age_band", "member_id", postgresql_where=text("age_band IN ('child', 'minor')")),
        Index(
            "ix_member_joined_at", "joined_at", "member_id", postgresql_where=text("status NOT IN ('merged', 'erased')")
        ),
        Index("ix_member_home_store", "home_store", "joined_at", "member_id"),
        Index("ix_member_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    status: Mapped[str] = mapped_column(Text, info=technical("state of the membership"))
    merged_into: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("always the root, never a chain"))
    handler: Mapped[str] = mapped_column(Text, info=technical("the legal entity that answers for the data"))
    joined_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True),
        info=personal(zh="入会时间", en="joined at", purposes=SERVICE | {Purpose.ANALYTICS}, on_erasure=OnErasure.KEEP),
    )
    home_store: Mapped[str | None] = mapped_column(
        Text,
        info=personal(
            zh="归属门店", en="home store", purposes=SERVICE | {Purpose.ANALYTICS}, on_erasure=OnErasure.CLEAR
        ),
    )
    gender: Mapped[str | None] = mapped_column(
        Text,
        info=personal(
            zh="性别",
            en="gender",
            guard="member.gender",
            purposes=TAILORED | {Purpose.ANALYTICS},
            on_erasure=OnErasure.CLEAR,
        ),
    )
    channels: Mapped[int] = mapped_column(SmallInteger, info=technical("bit per channel with an account"))
    consent_bits: Mapped[int] = mapped_column(BigInteger, server_default="0", info=technical("bit per purpose"))
    restriction_bits: Mapped[int] = mapped_column(BigInteger, server_default="0", info=technical("bit per purpose"))
    gate_until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("until when the bits hold")
    )
    privacy_epoch: Mapped[int] = mapped_column(
        Integer, server_default="0", info=technical("counts changes of the bits")
    )
    age_band: Mapped[str] = mapped_column(
        Text,
        server_default=AgeBand.UNKNOWN.value,
        info=personal(
            zh="年龄段(未知、未满十四、十四至十七、成年)",
            en="age band (unknown, under 14, 14 to 17, adult)",
            on_erasure=OnErasure.KEEP,
        ),
    )
    consented_fields: Mapped[int] = mapped_column(
        Integer,
        server_default="0",
        info=technical("four bits per profile field: for which consented purpose alone its value is held; 0: service"),
    )
    version: Mapped[int] = mapped_column(Integer, server_default="1", info=technical("counts changes of the profile"))
    name: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.CONTACT,
            zh="姓名",
            en="name",
            guard="member.name",
            mask=Mask.NAME,
            purposes=OFFERED,
            on_erasure=OnErasure.CLEAR,
            block_bytes=32,
        ),
    )
    phone: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.CONTACT,
            zh="手机号",
            en="phone",
            guard="member.phone",
            mask=Mask.PHONE,
            purposes=OFFERED,
            on_erasure=OnErasure.CLEAR,
            block_bytes=32,
        ),
    )
    email: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.CONTACT,
            zh="电子邮箱",
            en="e-mail",
            guard="member.email",
            mask=Mask.EMAIL,
            purposes=OFFERED,
            on_erasure=OnErasure.CLEAR,
            block_bytes=32,
        ),
    )
    birthday: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.PROFILE,
            zh="出生日期",
            en="birthday",
            guard="member.birthday",
            mask=Mask.BIRTHDAY,
            purposes=OFFERED,
            on_erasure=OnErasure.CLEAR,
        ),
    )
    address: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.CONTACT,
            zh="地址",
            en="address",
            guard="member.address",
            mask=Mask.ADDRESS,
            purposes=OFFERED,
            on_erasure=OnErasure.CLEAR,
            block_bytes=64,
        ),
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when the row was made"))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when the row last changed"))


class ChannelAccount(Base):
    """One source record: a website account, an app account, a store card. A member is a set of these."""

    __tablename__ = "channel_account"
    __sealed_subject__ = "origin_id"
    __table_args__ = (
        Index("ix_channel_account_origin_id", "origin_id"),
        Index(  # nearly empty: balances that wait to be counted
            "ix_channel_account_unopened",
            "member_id",
            "origin_id",
            postgresql_where=text("opening IS NOT NULL AND opened_at IS NULL"),
        ),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose it is now"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id for life"))
    filed_under: Mapped[UUID] = mapped_column(
        PgUuid, info=technical("the member id under which its orders and activity stand, for life")
    )
    channel: Mapped[str] = mapped_column(Text, info=technical("website, app or store"))
    namespace: Mapped[str] = mapped_column(Text, info=technical("the site, the appid or the brand"))
    handler: Mapped[str] = mapped_column(Text, info=technical("the legal entity that runs the channel"))
    home_store: Mapped[str | None] = mapped_column(Text, info=personal(zh="办卡门店", en="store of the card"))
    first_seen_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="首次出现时间", en="first seen at")
    )
    last_seen_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="最近出现时间", en="last seen at")
    )
    account: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.IDENTIFIER,
            zh="渠道账号",
            en="channel account",
            guard="member.accounts",
            mask=Mask.IDENTIFIER,
            purposes=OFFERED,
            block_bytes=32,
        ),
    )
    opening: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.COMMERCE,
            zh="期初积分与原等级",
            en="opening balance and old tier word",
            guard="member.loyalty",
            purposes=TAILORED | {Purpose.ANALYTICS},
            block_bytes=64,
        ),
    )
    opened_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when the stated balance was counted; null: not yet, or none is stated")
    )


class ProfileValue(Base):
    """A value that a channel account states or stated about its person, with where and when."""

    __tablename__ = "profile_value"
    __sealed_subject__ = "origin_id"
    __sealed_row__ = ("field", "value_digest")
    __sealed_digest__ = {"value_digest": ("field", "value")}  # noqa: RUF012 (read by crypto/layout.py only)
    __table_args__ = (
        Index("ix_profile_value_origin_id", "origin_id"),
        Index("ix_profile_value_consented", "member_id", postgresql_where=text("collected_for IS NOT NULL")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose it is now"))
    field: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("name, birthday, gender or address"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("who said it"))
    value_digest: Mapped[bytes] = mapped_column(
        LargeBinary,
        primary_key=True,
        info=technical("HMAC under a key of the origin's data key: comparable with nothing else, gone with it"),
    )
    collected_for: Mapped[str | None] = mapped_column(
        Text, info=technical("the consented purpose that alone justifies it; null: held for the service")
    )
    value: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.CONTACT,
            zh="档案字段的历史值",
            en="a stated value of a profile field",
            guard="member.name",
            purposes=OFFERED,
            block_bytes=64,
        ),
    )
    strength: Mapped[int] = mapped_column(
        SmallInteger, info=technical("verified > self-declared > staff > import > inferred")
    )
    connects: Mapped[bool] = mapped_column(info=technical("whether it may unite accounts; typed live it may not"))
    first_stated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="首次提供时间", en="first stated at")
    )
    stated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="最近提供时间", en="last stated at")
    )
    verified_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=personal(zh="验证时间", en="verified at")
    )


class MemberStore(Base):
    """Where a channel account bought and when last: the row scope "own stores" (DESIGN 4) beside the home store."""

    __tablename__ = "member_store"
    __table_args__ = (
        Index("ix_member_store_store", "store", "member_id", "purchased_at"),
        Index("ix_member_store_origin_id", "origin_id"),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose it is now"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the account that bought"))
    store: Mapped[str] = mapped_column(Text, primary_key=True, info=personal(zh="到店门店", en="store visited"))
    purchased_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="最近购买时间", en="last purchase at")
    )
