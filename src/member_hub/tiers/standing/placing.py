"""Placing a member by hand: a floor with an end and a reason, which somebody else approved (T6).

While it lasts the member is never below the floor; what they earn beyond it they have at once. Placing again puts the
new floor in the place of the old one: that is how a wrong one is taken back. One's own tier is never lowered by hand.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from member_hub.access import Caller
from member_hub.clock import business_day
from member_hub.db.base import Tx
from member_hub.errors import BadInput, NotFound
from member_hub.ids import MemberId
from member_hub.members.serving import MemberNotActive, is_suspended
from member_hub.members.tables import MemberStatus
from member_hub.tiers.queries import Standing, standings
from member_hub.tiers.rules.assessing import Stood
from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.rules.versions import Programme, in_force
from member_hub.tiers.rules.windows import midnight
from member_hub.tiers.standing.marking import member_t
from member_hub.tiers.standing.reviewing import Placing, review
from member_hub.tiers.standing.sides import put_floor
from member_hub.tiers.words import PlacingReason, Why

FLOOR_DAYS_MAX: Final = 731  # two years; for longer somebody places again


class TierUnknown(BadInput):
    code = "TIER_UNKNOWN"
    zh = "现行规则中没有这个等级。"
    en = "The rules in force have no such tier."


class PlacementTooLong(BadInput):
    code = "TIER_PLACEMENT_END"
    zh = "人工定级的结束日期须在今天之后、两年之内。"
    en = "A placement ends on a day after today, within two years."


@dataclass(frozen=True, slots=True)
class Placement:
    """Who is placed where, until the end of which day, and why."""

    tier: str
    until: datetime
    reason: PlacingReason


async def place(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    programme: Programme,
    placement: Placement,
    approved_by: str,
    now: datetime,
) -> Standing:
    """Raises NotFound, MemberNotActive, and what `checked` raises. The caller has seen to the second person."""
    rules = (await in_force(tx, programme, now=now)).rules
    floor_until = checked(rules, placement, now)
    root = await _root(tx, member_id)

    def floored(rules: TierRules, stood: Stood) -> Stood:
        own, floor = rules.rank(stood.own), rules.rank(placement.tier)
        kept = rules.rank(stood.protected) if stood.protected_until is not None and stood.protected_until > now else 0
        tier = rules.levels[max(own, floor, kept)].code
        is_by_hand = floor > max(own, kept) or tier != stood.tier
        return replace(
            stood,
            tier=tier,
            since=now if tier != stood.tier else stood.since,
            reason=Why.MANUAL if is_by_hand else stood.reason,
            floor=placement.tier,
            floor_until=floor_until,
            told=None,
        )

    placing = Placing(placement.reason, approved_by, floored)
    await review(tx, programme, [root], now=now, caller=caller, placing=placing, is_waited_for=True)
    rank = rules.rank(placement.tier)
    floor = {"floor": placement.tier, "floor_rank": rank, "floor_until": floor_until}
    await put_floor(tx, root, floor, now)
    return (await standings(tx, [root], now=now))[root]


def checked(rules: TierRules, placement: Placement, now: datetime) -> datetime:
    """The midnight at which the floor ends. Raises TierUnknown, PlacementTooLong."""
    if placement.tier not in {level.code for level in rules.levels}:
        raise TierUnknown(field="tier")
    last, today = business_day(placement.until), business_day(now)
    if not today < last <= today + timedelta(days=FLOOR_DAYS_MAX):
        raise PlacementTooLong(field="until")
    return midnight(last + timedelta(days=1))


async def _root(tx: Tx, member_id: MemberId) -> MemberId:
    asked = member_t.alias("asked")
    statement = (
        select(member_t.c.member_id, member_t.c.status, member_t.c.restriction_bits)
        .join(asked, member_t.c.member_id == func.coalesce(asked.c.merged_into, asked.c.member_id))
        .where(asked.c.member_id == member_id)
        .with_for_update(of=member_t, read=True, key_share=True)
    )
    row = (await tx.execute(statement)).one_or_none()
    if row is None or row.status == MemberStatus.ERASED:
        raise NotFound(field="id")
    if is_suspended(row):
        raise MemberNotActive(field="id")
    return MemberId(row.member_id)
