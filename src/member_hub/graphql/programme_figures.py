"""Figures of the loyalty programme: what it owes in points. Never of a member; protected as memberStatistics are."""

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
from member_hub.reports import Liability, Week, Whose

Info = strawberry.Info[Asking, None]
MONTHS: Final = 24


class MonthsOutOfRange(BadInput):
    zh = f"月数须为 1 至 {reports.MONTHS_MAX}。"
    en = f"Months are 1 to {reports.MONTHS_MAX}."


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
