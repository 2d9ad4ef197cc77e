"""What signing in stores: codes as keyed digests, and sessions.

No phone and no address stands here, sealed or not: a code is sent once, from the request that asks for it, and what
remains is only compared. Rows of codes are counted against the limits for a day and then go.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, LargeBinary, SmallInteger, Text, text, true
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import personal, technical, token

CODE_RETENTION_DAYS = 1  # the longest window of the limits
SECOND_TRY_RETENTION_DAYS = 30
LIVE = "used_at IS NULL AND void_at IS NULL"


class OneTimeCode(Base):
    """A code that was asked for: one live one per phone and purpose, the newest."""

    __tablename__ = "one_time_code"
    __table_args__ = (
        Index("uq_one_time_code_live", "phone_token", "purpose", unique=True, postgresql_where=text(LIVE)),
        Index("ix_one_time_code_phone_token", "phone_token", "created_at"),
        Index("ix_one_time_code_address_token", "address_token", "created_at"),
        Index(
            "ix_one_time_code_network_token",
            "network_token",
            "created_at",
            postgresql_where=text("network_token IS NOT NULL"),
        ),
        Index("ix_one_time_code_created_at", "created_at"),
    )

    code_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    phone_token: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=token(
            zh="验证码手机号的盲索引", en="blind index of the phone of a code", retention_days=CODE_RETENTION_DAYS
        ),
    )
    address_token: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=token(
            zh="请求验证码的网络地址的盲索引",
            en="blind index of the network address that asked",
            retention_days=CODE_RETENTION_DAYS,
        ),
    )
    network_token: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        info=token(
            zh="请求验证码的 IPv6 网络的盲索引",
            en="blind index of the IPv6 network that asked",
            retention_days=CODE_RETENTION_DAYS,
        ),
    )
    is_sent: Mapped[bool] = mapped_column(
        server_default=true(), info=technical("whether the number is one that codes go to")
    )
    purpose: Mapped[str] = mapped_column(Text, info=technical("sign_in or till"))
    code_digest: Mapped[bytes] = mapped_column(
        LargeBinary, info=technical("keyed digest of the code with its phone token, purpose and id")
    )
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("by the database's clock"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("by the database's clock"))
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0", info=technical("right and wrong ones"))
    used_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when it opened something")
    )
    void_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when a newer one took its place, or it could not be sent")
    )


class SignInTry(Base):
    """A code that was said to begin a session, right or wrong; counted by address for a day, and of nobody."""

    __tablename__ = "sign_in_try"
    __table_args__ = (
        Index("ix_sign_in_try_address_token", "address_token", "tried_at"),
        Index("ix_sign_in_try_tried_at", "tried_at"),
    )

    try_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    address_token: Mapped[bytes] = mapped_column(
        LargeBinary, info=technical("keyed digest of a network address; leads to no member, kept a day")
    )
    tried_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("by the database's clock"))


class SecondTry(Base):
    """A second thing that was not the holder's, said with a right code: whoever has the number may guess no further."""

    __tablename__ = "second_try"
    __table_args__ = (
        Index("ix_second_try_phone_token", "phone_token", "tried_at"),
        Index("ix_second_try_tried_at", "tried_at"),
    )

    try_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    phone_token: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=token(
            zh="第二凭据有误的手机号的盲索引",
            en="blind index of the phone with which a wrong second thing was said",
            retention_days=SECOND_TRY_RETENTION_DAYS,
        ),
    )
    tried_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("by the database's clock"))


class Session(Base):
    """A member who signed in; its id is in the access token, so ending it ends the token."""

    __tablename__ = "session"
    __table_args__ = (Index("ix_session_member_id", "member_id"), Index("ix_session_expires_at", "expires_at"))

    session_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    member_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("who signed in; a merged id acts as its root"))
    started_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="登录时间", en="signed in at", retention_days=CODE_RETENTION_DAYS)
    )
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when its token ends"))
    ended_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when it was ended early")
    )
