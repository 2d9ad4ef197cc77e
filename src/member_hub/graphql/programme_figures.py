"""Figures of the loyalty programme: what it owes in points, and how the tiers stand. Never of a member; protected as
memberStatistics are.
"""

from datetime import datetime
from typing import Annotated, Final

import strawberry

from member_hub import reports
from member_hub.access import Guard
from member_hub.db import transaction
from member_hub.errors import BadInput
from member_hub.graphql.asking import Asking
from member_hub.graphql.scalars import Points, given
from member_hub.graphql.statistics import AggregateRefused
from member_hub.reports import Liability, Pyramid, TierGroup, Week, Whose

Info = strawberry.Info[Asking, None]
MONTHS: Final = 24


class MonthsOutOfRange(BadInput):
    zh = f"月数须为 1 至 {reports.MONTHS_MAX}。"
    en = f"Months are 1 to {reports.MONTHS_MAX}."


class WeekOutOfRange(BadInput):
    zh = f"时间须在过去 {reports.KEPT.days} 天之内。"
    en = f"The moment lies within the last {reports.KEPT.days} days."


@strawberry.type(description="Points whose last day is in one month; null: of fewer than 20, or one member's mostly.")
class PointsOwed:
    month: str = strawberry.field(description="The month of the last day, in China: 2026-12.")
    active: Points | None = strawberry.field(description="Can be spent.")
    pending: Points | None = strawberry.field(description="Wait for the end of the return window.")
    held: Points | None = strawberry.field(
        description="On hold for a purchase in hand; where their day is over, in the first month."
    )


@strawberry.type(description="What is owed in points. There are no totals: a total less the months is what is left.")
class PointsLiability:
    as_of: datetime = strawberry.field(description="The week whose figures these are began then.")
    minimum_group: int = strawberry.field(description="Sums of fewer members are not told.")
    rounded_to: Points = strawberry.field(
        description="Every sum is a multiple of this: a power of ten that no one member's points exceed."
    )
    months: list[PointsOwed] = strawberry.field(description="Months of which something is told, in order.")
    debt: Points | None = strawberry.field(description="What members owe; it is paid by their next active points.")


@strawberry.type(description="The members of one tier; null: fewer than 20.")
class TierOfPyramid:
    code: str = strawberry.field(description="The tier, as rules name it.")
    name_zh: str = strawberry.field(description="Its name in Chinese.")
    name_en: str = strawberry.field(description="Its name in English.")
    members: int | None = strawberry.field(description="How many stand there: a multiple of roundedTo.")
    share_bp: int | None = strawberry.field(description="Their share of all that is told here, in basis points.")
    target_share_bp: int = strawberry.field(description="The share that the rules in force mean.")
    difference_bp: int | None = strawberry.field(description="Share less target.")


@strawberry.type(description="Where members stand, from the lowest tier up.")
class TierPyramid:
    as_of: datetime = strawberry.field(description="The week whose figures these are began then.")
    minimum_group: int = strawberry.field(description="Tiers of fewer members are not told.")
    rounded_to: int = strawberry.field(description="Every number of members is a multiple of this.")
    rules_version: int = strawberry.field(description="Of the rules whose tiers and targets these are.")
    tiers: list[TierOfPyramid] = strawberry.field(description="Every tier of the rules.")


async def tier_pyramid(
    info: Info,
    as_of: Annotated[
        datetime | None,
        strawberry.argument(description="A moment of the week asked for, at most 400 days ago; this week by itself."),
    ] = strawberry.UNSET,
) -> TierPyramid:
    """Raises AggregateRefused, WeekOutOfRange, ConsentedNotCounted."""
    asking, wanted = info.context, given(as_of)
    moment = asking.now if wanted is None else wanted
    if not asking.now - reports.KEPT <= moment <= asking.now:
        raise WeekOutOfRange(field="asOf")
    check_loyalty(asking, "TIER")
    week = Week.of(moment)
    found = Pyramid(0, [])
    if asking.grant.aggregates is not None and asking.caller.handler is not None:
        hub, whose = asking.hub, Whose(asking.caller.handler, asking.visible.gate)
        async with asking.figures_turn, transaction(hub.database.app) as tx:
            found = await reports.pyramid_of_week(tx, hub.vault, hub.tiers, whose=whose, week=week, now=asking.now)
    return TierPyramid(
        as_of=week.begins,
        minimum_group=reports.MINIMUM_GROUP,
        rounded_to=reports.ROUNDED_TO,
        rules_version=found.rules_version,
        tiers=[_tier(group) for group in found.tiers],
    )


def _tier(group: TierGroup) -> TierOfPyramid:
    level = group.level
    return TierOfPyramid(
        code=level.code,
        name_zh=level.zh,
        name_en=level.en,
        members=group.members,
        share_bp=group.share_bp,
        target_share_bp=level.share_bp,
        difference_bp=group.difference_bp,
    )


async def points_liability(
    info: Info,
    months: Annotated[
        int | None, strawberry.argument(description="How many months, that of the week's Monday first; 24 by itself.")
    ] = strawberry.UNSET,
) -> PointsLiability:
    """Raises AggregateRefused, MonthsOutOfRange, ConsentedNotCounted."""
    asking, wanted = info.context, given(months)
    number = MONTHS if wanted is None else wanted
    if not 1 <= number <= reports.MONTHS_MAX:
        raise MonthsOutOfRange(field="months")
    check_loyalty(asking, "EXPIRY_MONTH")
    week = Week.of(asking.now)
    found = Liability(reports.STEP_MIN, [], None)
    if asking.grant.aggregates is not None and asking.caller.handler is not None:
        whose = Whose(asking.caller.handler, asking.visible.gate)
        found = await _liability(asking, whose, week, number)
    return PointsLiability(
        as_of=week.begins,
        minimum_group=reports.MINIMUM_GROUP,
        rounded_to=Points(found.rounded_to),
        months=[
            PointsOwed(
                month=one.month, active=_points(one.active), pending=_points(one.pending), held=_points(one.held)
            )
            for one in found.months
        ],
        debt=_points(found.debt),
    )


def check_loyalty(asking: Asking, dimension: str) -> None:
    """Whether the caller may count by what members have in the programme; on record either way."""
    if not asking.grant.may_aggregate(Guard.LOYALTY):
        raise AggregateRefused
    asking.trail.counts(Guard.LOYALTY, dimension)
    asking.trail.finds(())


async def _liability(asking: Asking, whose: Whose, week: Week, months: int) -> Liability:
    """Not from the request's snapshot, because the first answer of a week is written down (statistics.py)."""
    hub = asking.hub
    async with asking.figures_turn, transaction(hub.database.app) as tx:
        return await reports.liability_of_week(tx, hub.vault, whose=whose, week=week, months=months, now=asking.now)


def _points(number: int | None) -> Points | None:
    return None if number is None else Points(number)
