"""Who is not served for now: frozen, restricted, or limited by an objection of their own to everything.

Nobody earns, spends or uses anything for them meanwhile, so nothing of theirs may be shown as to be spent or used: the
till would be refused. Their own reading, and the officer's, goes on.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import select

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId
from member_hub.members.bits import restriction_mask
from member_hub.members.tables import Member, MemberStatus
from member_hub.privacy import Purpose

member_t = table_of(Member)
_STATUSES: Final = (MemberStatus.FROZEN, MemberStatus.RESTRICTED)
_SERVICE: Final = restriction_mask(Purpose.MEMBER_SERVICE)


def is_suspended(row: Any) -> bool:
    """Of a row with `status` and `restriction_bits`."""
    return row.status in _STATUSES or bool(row.restriction_bits & _SERVICE)


async def suspended(tx: Tx, roots: Collection[MemberId]) -> set[MemberId]:
    """Those of these roots who are."""
    columns = (member_t.c.member_id, member_t.c.status, member_t.c.restriction_bits)
    rows = await tx.execute(select(*columns).where(among(member_t.c.member_id, sorted(roots))))
    return {MemberId(row.member_id) for row in rows if is_suspended(row)}
