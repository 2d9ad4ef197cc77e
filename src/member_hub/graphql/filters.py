"""By what a list of members may be narrowed, and which right that needs."""

from dataclasses import fields
from datetime import datetime

import strawberry

from member_hub.access import Facts, Grant, Guard
from member_hub.errors import BadInput, Forbidden
from member_hub.graphql.enums import Gender
from member_hub.graphql.scalars import given
from member_hub.members.listing import Filter
from member_hub.members.tables import Channel, MemberStatus
from member_hub.organisation import Organisation


@strawberry.input(description="What the members of a list have in common; everything stated has to be true.")
class MemberFilter:
    home_store: str | None = strawberry.field(default=strawberry.UNSET, description="Code of the home store.")
    region: str | None = strawberry.field(default=strawberry.UNSET, description="Region of the home store.")
    channel: Channel | None = strawberry.field(default=strawberry.UNSET, description="Has an account in this channel.")
    status: MemberStatus | None = strawberry.field(
        default=strawberry.UNSET, description="State of the membership; merged and erased members are in no list."
    )
    gender: Gender | None = strawberry.field(
        default=strawberry.UNSET, description="Gender; needs the right to filter by it."
    )
    joined_from: datetime | None = strawberry.field(default=strawberry.UNSET, description="Joined then or later.")
    joined_to: datetime | None = strawberry.field(default=strawberry.UNSET, description="Joined earlier than this.")


_RANGES = ("joined_from", "joined_to")
_IN_SCHEMA = {"home_store": "homeStore", "joined_from": "joinedFrom", "joined_to": "joinedTo"}


class FilterRefused(Forbidden):
    zh = "当前角色不能按该字段筛选。"
    en = "This role and purpose may not filter by this field."


class UnknownPlace(BadInput):
    zh = "组织登记中没有该门店或区域。"
    en = "The organisation register has no such store or region."


def narrowed(by: MemberFilter | None, grant: Grant, organisation: Organisation) -> Filter:
    """What the list is narrowed by; each thing needs the right to filter by it.

    Raises FilterRefused naming the field, BadInput for a store or a region that is not registered.
    """
    if by is None:
        return Filter()
    for name in _stated(by):
        guard = Guard.GENDER if name == "gender" else Facts.MEMBERSHIP
        if not grant.may_filter(guard, exactly=name not in _RANGES):
            raise FilterRefused(field=f"filter.{_IN_SCHEMA.get(name, name)}")
    home_store, region = known_places(by, organisation)
    gender = given(by.gender)
    return Filter(
        home_store=home_store,
        stores=organisation.stores_of(region) if region is not None else None,
        channel=given(by.channel),
        status=given(by.status),
        gender=gender.value if gender is not None else None,
        joined_from=given(by.joined_from),
        joined_to=given(by.joined_to),
    )


def _stated(by: MemberFilter) -> list[str]:
    return [one.name for one in fields(by) if given(getattr(by, one.name)) is not None]


def known_places(by: MemberFilter, organisation: Organisation) -> tuple[str | None, str | None]:
    """Home store and region of the filter. Raises UnknownPlace, naming the field."""
    home_store, region = given(by.home_store), given(by.region)
    if home_store is not None and home_store not in organisation.stores:
        raise UnknownPlace(field="filter.homeStore")
    if region is not None and region not in organisation.regions:
        raise UnknownPlace(field="filter.region")
    return home_store, region
