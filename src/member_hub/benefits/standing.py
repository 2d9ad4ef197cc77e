"""Which tier each member holds now, as far as benefits need it."""

from collections.abc import Sequence
from datetime import datetime

from member_hub import tiers
from member_hub.benefits.rules import Held
from member_hub.db.base import Tx
from member_hub.ids import MemberId


async def held_by(tx: Tx, member_ids: Sequence[MemberId], *, now: datetime) -> dict[MemberId, Held]:
    """One statement; whom nobody has looked at stands at the lowest tier since joining."""
    found = await tiers.standings(tx, member_ids, now=now)
    return {member_id: Held(one.tier, one.term_since, one.until) for member_id, one in found.items()}
