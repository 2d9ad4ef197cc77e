"""Whose guardian a member is at a moment: the children of a link in force, as a condition on hub.member.

Decision: a link in force carries `due_at`, a midnight (Asia/Shanghai) until which the child is known to be under 14; a
job moves it on day by day (consent/children/coming_of_age.py). So a guardian's reach ends at 00:00 after the child's
14th birthday by the clock alone, and the table tells nobody's birth date. Price: where the job does not run, every
guardian is out at the next midnight, until it does.
Decision: a guardian whom another one contests (DISPUTED, `contested_by`) still reaches the child to refuse, withdraw
and object (`or_contested`), until the row says that it is none any more. One whose own identity is in doubt, after a
split (consent/holder.py), does not.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, or_, select

from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.gates import GuardianLink, LinkState
from member_hub.members.tables import AgeBand, Member, MemberStatus

link_t = table_of(GuardianLink)
member_t = table_of(Member)
# A value, or the named parameter that stands for it in a statement that is made once.
Whose = MemberId | ColumnElement[UUID]
Moment = datetime | ColumnElement[datetime]

TOO_OLD = (AgeBand.MINOR, AgeBand.ADULT)


def is_child_of(guardian_id: Whose, *, at: Moment, or_contested: bool = False) -> ColumnElement[bool]:
    """The rows of hub.member that are children of this guardian now, whichever of the two was merged meanwhile."""
    holds = or_(is_in_force(at), _is_contested()) if or_contested else is_in_force(at)
    of_child = member_t.alias("linked")
    child = func.coalesce(of_child.c.merged_into, of_child.c.member_id)
    linked = (
        select(child)
        .join(link_t, link_t.c.member_id == of_child.c.member_id)
        .where(link_t.c.guardian_id.in_(ids_of(guardian_id)), holds)
    )
    return and_(member_t.c.member_id.in_(linked), member_t.c.age_band.not_in(TOO_OLD))


def is_in_force(at: Moment) -> ColumnElement[bool]:
    return and_(link_t.c.state == LinkState.ACTIVE, link_t.c.due_at > at)


def _is_contested() -> ColumnElement[bool]:
    return and_(link_t.c.state == LinkState.DISPUTED, link_t.c.contested_by.is_not(None))


def ids_of(member_id: Whose) -> Select[tuple[MemberId]]:
    """Every id under which a living member is known; none of one who is erased."""
    own = member_t.alias("of_guardian")
    root = _root_of(member_id)
    living = own.c.status.not_in((MemberStatus.ERASED, MemberStatus.MERGED))
    return select(own.c.member_id).where(or_(and_(own.c.member_id == root, living), own.c.merged_into == root))


def _root_of(member_id: Whose) -> ScalarSelect[MemberId]:
    asked = member_t.alias("guardian")
    root = select(func.coalesce(asked.c.merged_into, asked.c.member_id)).where(asked.c.member_id == member_id)
    return root.scalar_subquery()
