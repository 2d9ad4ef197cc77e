"""Daily counts of activity: growth, for members whose activity may be evaluated.

A count replaces the one of the same account, day and kind, and growth is posted as the difference. The most that a day
grows is of the member, over all accounts and channels: whoever has several grows no more by them.
Who objected to activity evaluation, or to profiles, keeps the counts and grows by none of them: to grow by what one
does from day to day is to be evaluated (PIPL 24).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from sqlalchemy import and_, null, select, update

from member_hub import tiers
from member_hub.clock import SHANGHAI
from member_hub.counting.needs import Counted, Loyalty
from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, table_of, values_of
from member_hub.ids import MemberId, OriginId
from member_hub.members.bits import PROFILING, restriction_mask
from member_hub.members.tables import ChannelAccount, Member, MemberStatus
from member_hub.orders.actions import FiledActivity, Filing
from member_hub.orders.tables import Activity
from member_hub.privacy import Purpose
from member_hub.tiers import Grown, Source

EVALUATED: Final = restriction_mask(Purpose.ACTIVITY_EVALUATION) | PROFILING

account_t = table_of(ChannelAccount)
activity_t = table_of(Activity)
member_t = table_of(Member)
KEY: Final = ("member_id", "origin_id", "day", "kind")
_GIVEN: Final = values_of([activity_t.c[name] for name in KEY])
_ASKED: Final = values_of([account_t.c.member_id, activity_t.c.day, activity_t.c.kind])
_BESIDE: Final = (
    select(
        *(account_t.c[name] for name in ("member_id", "filed_under", "origin_id")),
        *(activity_t.c[name] for name in ("day", "kind", "counted")),
    )
    .select_from(_ASKED)
    .join(account_t, account_t.c.member_id == _ASKED.c.member_id)
    .join(
        activity_t,
        and_(
            activity_t.c.member_id == account_t.c.filed_under,
            activity_t.c.origin_id == account_t.c.origin_id,
            activity_t.c.day == _ASKED.c.day,
            activity_t.c.kind == _ASKED.c.kind,
        ),
    )
    .where(activity_t.c.counted.is_not(None))
)
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
    days = [_Day.of(needs, rules, filing, (said.day, said.kind, said.count)) for filing, said in able]
    await tiers.grow(tx, await _shared_out(tx, needs, rules, days), now=now)
    await tiers.touch(tx, {filing.member_id for filing, _ in able}, now=now)
    await _mark(tx, [one for one in counts if (one[0].member_id in evaluated) is not are_marked], is_on=not are_marked)
    return Counted(lines=len(able), waiting=len(counts) - len(able))


@dataclass(frozen=True, slots=True)
class _Day:
    """A day and kind of activity of one account. `growth`: what it brings where it is the only one."""

    member_id: MemberId
    day: date
    kind: str
    origin_id: OriginId
    filed_under: MemberId
    source_key: bytes
    growth: int

    @classmethod
    def of(cls, needs: Loyalty, rules: tiers.TierRules, filing: Filing, said: tuple[date, str, int]) -> "_Day":
        day, kind, count = said
        key = needs.growth_key(f"{filing.origin_id}/{day}/{kind}")
        growth = tiers.of_activity(rules, kind, count)
        return cls(filing.member_id, day, kind, filing.origin_id, filing.filed_under, key, growth)

    @property
    def key(self) -> tuple[MemberId, Source, bytes]:
        return self.filed_under, Source.ACTIVITY, self.source_key

    def grown(self, amount: int) -> Grown:
        began = datetime.combine(self.day, time(), SHANGHAI)
        return Grown(self.filed_under, self.origin_id, Source.ACTIVITY, self.source_key, amount, began)


async def _shared_out(tx: Tx, needs: Loyalty, rules: tiers.TierRules, given: Sequence[_Day]) -> list[Grown]:
    """What each of these grows, and each that has room now, so that all of a member's grow the most of a day together.

    What stands stays as long as its own count is enough for it: of two who were merged both keep what they had.
    """
    told = {one.key: one for one in given}
    beside = [one for one in await _beside(tx, needs, rules, given) if one.key not in told]
    groups: dict[tuple[MemberId, date, str], list[_Day]] = defaultdict(list)
    for one in sorted((*told.values(), *beside), key=lambda one: one.origin_id):
        groups[one.member_id, one.day, one.kind].append(one)
    several = [one for group in groups.values() if len(group) > 1 for one in group]
    stands = await tiers.grown_by(tx, [one.key for one in several]) if several else {}
    found = []
    for group in groups.values():
        before = {one.key: stands.get(one.key, 0) if len(group) > 1 else 0 for one in group}
        amounts = {one.key: min(before[one.key], one.growth) if one.key in told else before[one.key] for one in group}
        left = tiers.day_max(rules, group[0].kind) - sum(amounts.values())
        for one in group:
            more = max(0, min(one.growth - amounts[one.key], left))
            left -= more
            if one.key in told or more:
                found.append(one.grown(amounts[one.key] + more))
    return found


async def _beside(tx: Tx, needs: Loyalty, rules: tiers.TierRules, given: Sequence[_Day]) -> list[_Day]:
    """The same days and kinds of every account of these members, as far as they were counted."""
    wanted = sorted({(one.member_id, one.day, one.kind) for one in given})
    rows = await tx.execute(_BESIDE, parameters(("member_id", "day", "kind"), wanted)) if wanted else ()
    return [
        _Day.of(needs, rules, Filing(row.origin_id, row.filed_under, row.member_id), (row.day, row.kind, row.counted))
        for row in rows
    ]


async def _evaluated(tx: Tx, roots: Collection[MemberId]) -> set[MemberId]:
    """Active members who have not objected; each in one transaction at a time, for the most of a day is theirs."""
    statement = (
        select(member_t.c.member_id)
        .where(
            among(member_t.c.member_id, roots),
            member_t.c.status == MemberStatus.ACTIVE,
            member_t.c.restriction_bits.op("&")(EVALUATED) == 0,
        )
        .order_by(member_t.c.member_id)
        .with_for_update(key_share=True)
    )
    return {MemberId(row.member_id) for row in await tx.execute(statement)}


async def _mark(tx: Tx, counts: Sequence[FiledActivity], *, is_on: bool) -> None:
    """From which count growth was computed; none, where it was not."""
    if counts:
        rows = [(f.filed_under, f.origin_id, one.day, one.kind) for f, one in counts]
        value = activity_t.c["count"] if is_on else null()
        await tx.execute(update(activity_t).where(_SAME).values(counted=value), parameters(KEY, rows))
