"""Which tier each member holds now: what decides about benefits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from member_hub.benefits.rules import Held
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId
from member_hub.members.tables import Member

TIERS: Final = ("base", "standard", "core", "vip")

member_t = table_of(Member)


async def held_by(tx: Tx, member_ids: Sequence[MemberId], *, now: datetime) -> dict[MemberId, Held]:
    """Of each root; one statement."""
    rows = select(member_t.c.member_id, member_t.c.joined_at).where(among(member_t.c.member_id, member_ids))
    return {MemberId(row.member_id): Held(TIERS[0], row.joined_at) for row in await tx.execute(rows)}
