"""Figures about members: which rights they need, and how groups are shown."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from member_hub import reports
from member_hub.access import Facts, Grant, Guard
from member_hub.db import transaction
from member_hub.errors import BadInput, Forbidden
from member_hub.graphql.asking import Asking
from member_hub.graphql.enums import Gender
from member_hub.graphql.filters import MemberFilter, known_places
from member_hub.graphql.scalars import given
from member_hub.graphql.store import Store, store_of
from member_hub.members.tables import Channel
from member_hub.organisation import Organisation
from member_hub.reports import Dimension, Group, Narrowed, Table, Week, Whose

strawberry.enum(
    Dimension,
    name="MemberDimension",
    description="What members are counted by; JOINED_MONTH is the month of joining in China.",
)


class AggregateRefused(Forbidden):
    zh = "当前角色不能按该字段统计。"
    en = "This role and purpose may not count by this field."


class StatusCannotNarrow(BadInput):
    zh = "统计不能按状态筛选。"
    en = "Figures are not narrowed by status."


@strawberry.type(
    description="Members who have the facts in common that were grouped by; null: not grouped by it, or not known."
)
class MemberGroup:
    store: Store | None = strawberry.field(description="Their home store.")
    region: str | None = strawberry.field(description="Region of their home store.")
    channel: Channel | None = strawberry.field(description="They have an account there.")
    gender: Gender | None = strawberry.field(description="Their gender.")
    joined_month: str | None = strawberry.field(description="The month in which they joined: 2026-11.")
    count: int = strawberry.field(description="How many they are: 20 or more, rounded to a multiple of 5.")


@strawberry.type(description="Members counted by group. There are no totals: a total less the groups is who is left.")
class MemberStatistics:
    as_of: datetime = strawberry.field(
        description="The Monday, 00:00 in China, before which they joined; the figures stay the same until the next."
    )
    minimum_group: int = strawberry.field(description="Smaller groups are left out.")
    rounded_to: int = strawberry.field(description="Every count is a multiple of this.")
    groups: list[MemberGroup] = strawberry.field(description="At most 1,000, in the order of what is grouped by.")


async def statistics(asking: Asking, grouped: Sequence[Dimension], by: MemberFilter | None) -> MemberStatistics:
    """Raises AggregateRefused, BadInput, TooManyGroups, ConsentedNotCounted."""
    organisation = asking.hub.organisation
    table = reports.table(grouped, _narrowed(by, organisation))
    for dimension in sorted(table.dimensions):
        _check_right(asking.grant, dimension)
        asking.trail.counts(_guard(dimension), dimension.name)
    asking.trail.finds(())
    week = Week.of(asking.now)
    groups: list[Group] = []
    if asking.grant.aggregates is not None and asking.caller.handler is not None:
        whose = Whose(asking.caller.handler, asking.visible.gate)
        groups = await _groups(asking, table, whose, week)
    return MemberStatistics(
        as_of=week.begins,
        minimum_group=reports.MINIMUM_GROUP,
        rounded_to=reports.ROUNDED_TO,
        groups=[_shown(group, organisation) for group in groups],
    )


async def _groups(asking: Asking, table: Table, whose: Whose, week: Week) -> list[Group]:
    """Not from the request's snapshot, because the first answer of a week is written down. Roots take turns: however
    many figures a request asks for, it holds one connection for them."""
    hub = asking.hub
    async with asking.figures_turn, transaction(hub.database.app) as tx:
        return await reports.groups_of_week(tx, hub.vault, hub.organisation, table, whose=whose, week=week)


def _narrowed(by: MemberFilter | None, organisation: Organisation) -> Narrowed:
    if by is None:
        return Narrowed()
    if given(by.status) is not None:
        raise StatusCannotNarrow(field="filter.status")
    home_store, region = known_places(by, organisation)
    gender = given(by.gender)
    return Narrowed(
        home_store=home_store,
        region=region,
        channel=given(by.channel),
        gender=gender.value if gender is not None else None,
        joined_from=given(by.joined_from),
        joined_to=given(by.joined_to),
    )


def _check_right(grant: Grant, dimension: Dimension) -> None:
    """Counting and narrowing by a thing both need the right to count by it: each tells who has it."""
    if not grant.may_aggregate(_guard(dimension)):
        raise AggregateRefused(field="groupBy")


def _guard(dimension: Dimension) -> Guard | Facts:
    return Guard.GENDER if dimension is Dimension.GENDER else Facts.MEMBERSHIP


def _shown(group: Group, organisation: Organisation) -> MemberGroup:
    facts = group.facts
    channel, gender = facts.get(Dimension.CHANNEL), facts.get(Dimension.GENDER)
    return MemberGroup(
        store=store_of(facts.get(Dimension.STORE), organisation),
        region=facts.get(Dimension.REGION),
        channel=Channel(channel) if channel is not None else None,
        gender=Gender(gender) if gender is not None else None,
        joined_month=facts.get(Dimension.JOINED_MONTH),
        count=group.count,
    )
