"""Who proposed what about whom, and who approved it."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.approving.rules import ProposedAct
from member_hub.db.base import Base
from member_hub.privacy import SERVICE, Purpose, personal, technical

GUARD: Final = "member.loyalty"
FOR: Final = SERVICE | {Purpose.ANALYTICS, Purpose.MARKETING, Purpose.PERSONALISATION}  # as all loyalty is read for
# A day to be used in, then as long as a retry under the same key may come (idempotency), then swept with the next one.
KEPT_DAYS: Final = 10


def _said(zh: str, en: str) -> dict[Any, Any]:
    return personal(zh=zh, en=en, guard=GUARD, purposes=FOR, retention_days=KEPT_DAYS)


class ActApproval(Base):
    """One act on one member that one person proposed, for another to approve; the first then does it, once."""

    __tablename__ = "act_approval"
    __table_args__ = (
        CheckConstraint(f"act IN ({', '.join(repr(str(act)) for act in ProposedAct)})", name="act"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved"),
        CheckConstraint("used_at IS NULL OR approved_by IS NOT NULL", name="used"),
        Index("ix_act_approval_approval_id", "approval_id"),
        Index("ix_act_approval_expires_at", "expires_at"),
        Index("ix_act_approval_open", "proposed_at", "approval_id", postgresql_where=text("used_at IS NULL")),
        Index("ix_act_approval_proposed_by", "proposed_by", postgresql_where=text("used_at IS NULL")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whom it is about"))
    approval_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    act: Mapped[str] = mapped_column(Text, info=technical("the operation"))
    digest: Mapped[bytes] = mapped_column(LargeBinary, info=technical("keyed digest of what was asked, all of it"))
    amount: Mapped[int | None] = mapped_column(BigInteger, info=_said("拟调整积分", "points to be adjusted"))
    tier: Mapped[str | None] = mapped_column(Text, info=_said("拟定等级", "tier to be placed in"))
    floor: Mapped[str | None] = mapped_column(Text, info=_said("拟定保底等级", "lowest tier to be kept"))
    until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("拟定截止时间", "until when it is to hold")
    )
    reason: Mapped[str] = mapped_column(Text, info=_said("调整原因", "why it is asked for"))
    proposed_by: Mapped[str] = mapped_column(Text, info=technical("staff number of the one who asks"))
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=_said("申请时间", "proposed at"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("until when it holds"))
    approved_by: Mapped[str | None] = mapped_column(Text, info=technical("staff number of the one who approved"))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=_said("批准时间", "approved at"))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=_said("使用时间", "used at"))
    used_under: Mapped[bytes | None] = mapped_column(
        LargeBinary, info=technical("keyed digest of the request's key: a retry of that request finds it again")
    )
