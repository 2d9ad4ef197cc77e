"""Who is not served for now: frozen, restricted, or limited by an objection of their own to everything.

Nobody earns, spends or uses anything for them meanwhile, so nothing of theirs may be shown as to be spent or used: the
till would be refused. Their own reading, and the officer's, goes on. `refuse_inactive` is for what is neither earned
nor spent: a tag, a day's activity. An objection is no reason there: it has its own say in what is evaluated. A tier is
neither placed nor looked at while it stands. What comes by file is kept, or waits.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import select

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import Refused
from member_hub.ids import MemberId
from member_hub.members.bits import restriction_mask
from member_hub.members.tables import Member, MemberStatus
from member_hub.privacy import Purpose

member_t = table_of(Member)
_STATUSES: Final = (MemberStatus.FROZEN, MemberStatus.RESTRICTED)
_SERVICE: Final = restriction_mask(Purpose.MEMBER_SERVICE)


class MemberNotActive(Refused):
    code = "MEMBER_NOT_ACTIVE"
    zh = "该会员已冻结或受限，其等级、标签与活动暂不变更。"
    en = "The member is frozen or restricted: tier, tags and activity are not changed meanwhile."


def is_suspended(row: Any) -> bool:
    """Of a row with `status` and `restriction_bits`."""
    return row.status in _STATUSES or bool(row.restriction_bits & _SERVICE)


async def suspended(tx: Tx, roots: Collection[MemberId]) -> set[MemberId]:
    """Those of these roots who are."""
    columns = (member_t.c.member_id, member_t.c.status, member_t.c.restriction_bits)
    rows = await tx.execute(select(*columns).where(among(member_t.c.member_id, sorted(roots))))
    return {MemberId(row.member_id) for row in rows if is_suspended(row)}


async def refuse_inactive(tx: Tx, root: MemberId, *, field: str = "member") -> None:
    """Raises MemberNotActive for a root that the caller holds locked and that is frozen or restricted."""
    if await tx.scalar(select(member_t.c.status).where(member_t.c.member_id == root)) in _STATUSES:
        raise MemberNotActive(field=field)
