"""Daily counts of activity: growth, for members whose activity may be evaluated.

A count replaces the one of the same account, day and kind, and growth is posted as the difference.
Who objected to activity evaluation, or to profiles, keeps the counts and grows by none of them: to grow by what one
does from day to day is to be evaluated (PIPL 24).

Decision: the most that a day grows is of an account, not of the member. So what an account brings does not depend on
which accounts turn out to be one person, in which order files come, or who is parted again. Price: whoever checks in on
the website, in the app and in a store on one day grows by each.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, time
from typing import Final

from sqlalchemy import and_, null, select, update

from member_hub import tiers
from member_hub.clock import SHANGHAI
from member_hub.counting.needs import Counted, Loyalty
from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, table_of, values_of
from member_hub.ids import MemberId
from member_hub.members.bits import PROFILING, restriction_mask
from member_hub.members.tables import Member, MemberStatus
from member_hub.orders.actions import FiledActivity
from member_hub.orders.tables import Activity
from member_hub.privacy import Purpose
from member_hub.tiers import Grown, Source

EVALUATED: Final = restriction_mask(Purpose.ACTIVITY_EVALUATION) | PROFILING

activity_t = table_of(Activity)
member_t = table_of(Member)
KEY: Final = ("member_id", "origin_id", "day", "kind")
_GIVEN: Final = values_of([activity_t.c[name] for name in KEY])
_SAME: Final = and_(*(activity_t.c[name] == _GIVEN.c[name] for name in KEY))


async def count_activity(
    tx: Tx, counts: Sequence[FiledActivity], *, needs: Loyalty, now: datetime, are_marked: bool = True
) -> Counted:
    """Count days of activity, some hundreds at most; the same again changes nothing."""
    if not counts:
        return Counted()
    rules = (await tiers.in_force(tx, needs.tiers, now=now)).rules
    evaluated = await _evaluated(tx, {filing.member_id for filing, _ in counts})
    able = [one for one in counts if one[0].member_id in evaluated]
    begins = {day: datetime.combine(day, time(), SHANGHAI) for day in {said.day for _, said in able}}
    grown = [
        Grown(
            filing.filed_under,
            filing.origin_id,
            Source.ACTIVITY,
            needs.growth_key(f"{filing.origin_id}/{said.day}/{said.kind}"),
            tiers.of_activity(rules, said.kind, said.count),
            begins[said.day],
        )
        for filing, said in able
    ]
    await tiers.grow(tx, grown, now=now)
    await tiers.touch(tx, {filing.member_id for filing, _ in able}, now=now)
    await _mark(tx, [one for one in counts if (one[0].member_id in evaluated) is not are_marked], is_on=not are_marked)
    return Counted(lines=len(able), waiting=len(counts) - len(able))


async def _evaluated(tx: Tx, roots: Collection[MemberId]) -> set[MemberId]:
    """Active members who have not objected. Their rows stay as they are until the transaction ends."""
    statement = (
        select(member_t.c.member_id)
        .where(
            among(member_t.c.member_id, roots),
            member_t.c.status == MemberStatus.ACTIVE,
            member_t.c.restriction_bits.op("&")(EVALUATED) == 0,
        )
        .order_by(member_t.c.member_id)
        .with_for_update(read=True, key_share=True)
    )
    return {MemberId(row.member_id) for row in await tx.execute(statement)}


async def _mark(tx: Tx, counts: Sequence[FiledActivity], *, is_on: bool) -> None:
    """From which count growth was computed; none, where it was not."""
    if counts:
        rows = [(f.filed_under, f.origin_id, one.day, one.kind) for f, one in counts]
        value = activity_t.c["count"] if is_on else null()
        await tx.execute(update(activity_t).where(_SAME).values(counted=value), parameters(KEY, rows))
