"""Benefits that the clock issues: running it, and what it issued."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from member_hub.access import system_caller
from member_hub.benefits import Gifts, Occasions
from member_hub.db import transaction
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import Channel
from member_hub.privacy import Purpose
from member_hub.tiers.standing.log import Change, log
from member_hub.tiers.words import Why
from tests.graphql.benefits import rows
from tests.graphql.world import NOW, World, said

FEBRUARY = datetime(2027, 2, 10, 2, tzinfo=UTC)


def occasions(world: World) -> Occasions:
    hub = world.hub
    return Occasions(hub.database, hub.vault, hub.audit, hub.benefits)


def gifts(world: World) -> Gifts:
    hub = world.hub
    return Gifts(hub.database, hub.audit, hub.benefits, hub.tiers)


async def run(world: World, at: datetime) -> int:
    world.clock.at = at
    return (await occasions(world).run(at)).issued


async def born(world: World, *birthdays: str) -> list[MemberId]:
    """Members of the website who joined a few days ago."""
    at = world.clock.at - timedelta(days=3)
    return await world.resolve(
        *(said(Channel.WEBSITE, f"W{uuid4().int % 10**9}", at=at, birthday=day) for day in birthdays)
    )


async def given(world: World, benefit: str = "birthday_gift") -> dict[MemberId, tuple[int, int]]:
    return {r.member_id: (r.granted, r.used) for r in await rows(world, "hub.entitlement") if r.benefit == benefit}


async def jobs_on_record(world: World) -> list[tuple[list[str], set[Any]]]:
    return [(r.fields, set(r.member_ids)) for r in await world.audited() if r.operation == "jobs benefits"]


async def promote(
    world: World, member: MemberId, before: str, after: str, *, at: datetime, why: Why = Why.EARNED
) -> None:
    """As a review logs it."""
    caller = system_caller(subject="jobs", purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
    async with transaction(world.hub.database.app) as tx:
        await log(tx, caller, [Change(member, before, after, why, None, 0, {})], now=at)


async def promotions(world: World, at: datetime) -> int:
    world.clock.at = at
    return (await gifts(world).run(at)).issued


def days(number: int) -> datetime:
    return NOW + timedelta(days=number)
