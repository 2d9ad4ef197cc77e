"""Tags on members: the rows, and what takes them away the moment a member objects.

The rows stand here, and what makes them in tags/, because an objection is settled further down (consent/) and has to
take profiles away in its own transaction, whichever way it came: placed by the member, put back from the outside ledger
after a restore, brought along by a merge. `settle` is the one place that all ways go through (history/settling.py).
What rests on a consent that is withdrawn goes the same way.

Decision: each row says by which objections it ends (`restricted_by`, bits as in members/bits.py) and whether it
profiles, so that ending needs no definition. Price: a definition that changes its purpose reaches its rows with the
next evaluation.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ColumnElement,
    DateTime,
    Index,
    Integer,
    Text,
    and_,
    delete,
    false,
    func,
    not_,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base, Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId
from member_hub.members.bits import PROFILING, PURPOSE_BITS
from member_hub.members.row_gate import consent_stands
from member_hub.members.tables import AgeBand, Member
from member_hub.privacy import TAILORED, Purpose, personal, technical

GUARD: Final = "member.tags"
FOR: Final = TAILORED | {Purpose.ANALYTICS}
PROFILED: Final = (AgeBand.MINOR, AgeBand.ADULT)  # nobody of unknown age, no child (PIPL 24, 28, 31)
RESTING_ON_CONSENT: Final = frozenset({Purpose.MARKETING, Purpose.PERSONALISATION})
DO_NOT_CONTACT: Final = "do_not_contact"  # the built-in tag that authoriseSend obeys (consent/deciding/sending.py)
BY_THE_HUB: Final = UUID(int=0)  # `given_id` of what the hub itself gives: once per member and tag


class TagKind(StrEnum):
    """How a tag comes to a member."""

    HAND = "hand"  # somebody gives it
    RULE = "rule"  # a condition over declared figures holds
    IMPORT = "import"  # a file says so
    COMPUTED = "computed"  # the hub computes its value: RFM, lifecycle stage, churn risk


class Tagging(Base):
    """A tag on a member: how, by whom, since when, until when."""

    __tablename__ = "tagging"
    __table_args__ = (
        CheckConstraint(f"how IN ({', '.join(repr(str(kind)) for kind in TagKind)})", name="how"),
        CheckConstraint("how IN ('hand', 'import') OR (is_profiling AND origins = '{}')", name="profiles"),
        Index("ix_tagging_until", "until", postgresql_where=text("until IS NOT NULL")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose it is now"))
    tag: Mapped[str] = mapped_column(
        Text, primary_key=True, info=personal(zh="会员标签", en="tag", guard=GUARD, purposes=FOR)
    )
    given_id: Mapped[UUID] = mapped_column(
        PgUuid, primary_key=True, info=technical("random id; zero where the hub itself gives it, once per tag")
    )
    handler: Mapped[str] = mapped_column(Text, info=technical("the legal entity that defines the tag"))
    how: Mapped[str] = mapped_column(Text, info=technical("hand, rule, import or computed"))
    origins: Mapped[list[UUID]] = mapped_column(
        ARRAY(PgUuid), info=technical("the accounts that the member had when it was given; none: of the whole member")
    )
    value: Mapped[str | None] = mapped_column(
        Text, info=personal(zh="标签取值", en="value of a computed tag", guard=GUARD, purposes=FOR)
    )
    since: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="打标时间", en="tagged since", guard=GUARD, purposes=FOR)
    )
    until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=personal(zh="标签到期时间", en="tagged until", guard=GUARD, purposes=FOR)
    )
    given_by: Mapped[str] = mapped_column(Text, info=technical("staff number, app, import, or tags: the hub itself"))
    version: Mapped[int] = mapped_column(Integer, info=technical("of the definition by which it was given"))
    is_profiling: Mapped[bool] = mapped_column(Boolean, info=technical("whether it evaluates the person (PIPL 24)"))
    restricted_by: Mapped[int] = mapped_column(BigInteger, info=technical("the objections that end it, a bit each"))


tagging_t, member_t = table_of(Tagging), table_of(Member)


def ends_by(purpose: Purpose, *, is_profiling: bool, is_restrictive: bool = False) -> int:
    """The objections that end a tag of this purpose; none ends one that protects, or its protection would end by it."""
    return 0 if is_restrictive else PURPOSE_BITS[purpose] | (PROFILING if is_profiling else 0)


def is_barred() -> ColumnElement[bool]:
    """Of a tagging beside its member: an objection or the age stands against it."""
    return or_(
        member_t.c.restriction_bits.bitwise_and(tagging_t.c.restricted_by) != 0,
        and_(tagging_t.c.is_profiling, member_t.c.age_band.not_in([band.value for band in PROFILED])),
    )


def is_unconsented(at: datetime) -> ColumnElement[bool]:
    """Of a tagging beside its member: its purpose rests on a consent, and none stands."""
    return or_(
        *(
            and_(
                tagging_t.c.restricted_by.bitwise_and(PURPOSE_BITS[purpose]) != 0,
                not_(func.coalesce(consent_stands(member_t.c, purpose, at=at), false())),
            )
            for purpose in sorted(RESTING_ON_CONSENT)
        )
    )


def is_marked(tag: str, *, now: datetime) -> ColumnElement[bool]:
    """Of hub.member: whether the member bears the tag at this moment, however it came."""
    stands = or_(tagging_t.c.until.is_(None), tagging_t.c.until > now)
    mine = select(tagging_t.c.tag).where(tagging_t.c.member_id == member_t.c.member_id, tagging_t.c.tag == tag, stands)
    return mine.correlate(member_t).exists()


async def end_barred(tx: Tx, member_ids: Collection[MemberId], *, now: datetime) -> int:
    """Take from these roots every tag that may not stand; for the transaction in which that became so."""
    if not member_ids:
        return 0
    gone = delete(tagging_t).where(
        among(tagging_t.c.member_id, member_ids),
        member_t.c.member_id == tagging_t.c.member_id,
        or_(is_barred(), is_unconsented(now)),
    )
    return int((await tx.execute(gone)).rowcount)
