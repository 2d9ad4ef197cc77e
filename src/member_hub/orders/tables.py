"""Order lines and daily activity: what tiers, RFM and lifecycle are computed from; and lines that still wait.

Rows stand under the member id under which their channel account was filed and stay there (DESIGN 7); they are
read by account, so merging and splitting move none of them.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import OFFERED, DataClass, Purpose, personal, sealed, technical, token

ACTIVITY_RETENTION_DAYS = 396  # 13 months
WAITING_RETENTION_DAYS = 396
ORDERS = OFFERED | {Purpose.ANALYTICS}


class OrderLine(Base):
    """One line of one order, counted once by (channel, order, line); a refund is a line of its own."""

    __tablename__ = "order_line"
    __table_args__ = (
        Index("ix_order_line_origin_id", "origin_id"),
        Index("ix_order_line_ordered_at", "member_id", "ordered_at"),
        # Nearly empty: what waits to be counted. And refunds by what they refund, whoever brought them.
        Index(
            "ix_order_line_uncounted",
            "member_id",
            "channel",
            "order_no",
            "line_no",
            postgresql_where=text("counted_at IS NULL"),
        ),
        Index(
            "ix_order_line_refunds",
            "refund_of_order",
            "refund_of_line",
            postgresql_where=text("refund_of_order IS NOT NULL"),
        ),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("filed under, for life"))
    channel: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("website, app or store"))
    order_no: Mapped[str] = mapped_column(
        Text, primary_key=True, info=personal(zh="订单号", en="order number", guard="member.orders", purposes=ORDERS)
    )
    line_no: Mapped[int] = mapped_column(Integer, primary_key=True, info=technical("line of the order"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("the account that bought"))
    store: Mapped[str | None] = mapped_column(
        Text, info=personal(zh="购买门店", en="store of the purchase", guard="member.orders", purposes=ORDERS)
    )
    amount_fen: Mapped[int] = mapped_column(
        BigInteger, info=personal(zh="金额", en="amount", guard="member.orders", purposes=ORDERS)
    )
    ordered_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="下单时间", en="ordered at", guard="member.orders", purposes=ORDERS)
    )
    status: Mapped[str] = mapped_column(Text, info=technical("paid or refunded"))
    refund_of_order: Mapped[str | None] = mapped_column(
        Text, info=personal(zh="原订单号", en="original order", guard="member.orders", purposes=ORDERS)
    )
    refund_of_line: Mapped[int | None] = mapped_column(Integer, info=technical("original line"))
    counted_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when it brought points and growth; null: not yet")
    )


class Activity(Base):
    """How often an account did a kind of thing on a day: counts, no click stream."""

    __tablename__ = "activity"
    __table_args__ = (
        Index("ix_activity_origin_id", "origin_id"),
        Index("ix_activity_day", "day"),
        Index(
            "ix_activity_uncounted",
            "member_id",
            "origin_id",
            "day",
            "kind",
            postgresql_where=text("counted IS DISTINCT FROM count"),
        ),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("filed under, for life"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the account that was active"))
    day: Mapped[date] = mapped_column(
        Date,
        primary_key=True,
        info=personal(
            zh="活跃日期",
            en="day of activity",
            guard="member.activity",
            purposes=(Purpose.ACTIVITY_EVALUATION, Purpose.MEMBER_SERVICE, Purpose.RIGHTS_HANDLING),
            retention_days=ACTIVITY_RETENTION_DAYS,
        ),
    )
    kind: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("visit, check_in, review, share, survey"))
    count: Mapped[int] = mapped_column(
        SmallInteger,
        info=personal(
            zh="活跃次数",
            en="count of activity",
            guard="member.activity",
            purposes=(Purpose.ACTIVITY_EVALUATION, Purpose.MEMBER_SERVICE, Purpose.RIGHTS_HANDLING),
            retention_days=ACTIVITY_RETENTION_DAYS,
        ),
    )
    counted: Mapped[int | None] = mapped_column(
        SmallInteger, info=technical("the count that growth was computed from; null: none was")
    )


class WaitingLine(Base):
    """An order line or activity count whose account nobody has yet; applied when the account comes."""

    __tablename__ = "waiting_line"
    __sealed_subject__ = "subject_id"
    __sealed_row__ = ("message_key",)
    __table_args__ = (
        Index("ix_waiting_line_account_token", "account_token"),
        Index("ix_waiting_line_subject_id", "subject_id"),
        Index("ix_waiting_line_received_at", "received_at"),
    )

    source: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("orders or activity"))
    message_key: Mapped[bytes] = mapped_column(
        LargeBinary, primary_key=True, info=technical("keyed digest of the message id")
    )
    subject_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("random id of the unknown account's data key"))
    account_token: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=token(
            zh="待匹配账号的盲索引", en="blind index of the awaited account", retention_days=WAITING_RETENTION_DAYS
        ),
    )
    payload: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.COMMERCE,
            zh="待匹配的订单或活跃记录",
            en="order line or activity count that waits",
            retention_days=WAITING_RETENTION_DAYS,
            block_bytes=64,
        ),
    )
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when it came"))
