"""Members who decided, for tests of what every read then sees: real events, settled as the hub settles them."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, insert, select, update

from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.standing import Slot
from member_hub.consent.notice import lists
from member_hub.consent.tables import NoticeText, Objection
from member_hub.consent.words import Act, Actor, ConsentState
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.gates import ConsentGate, MinorApproval
from member_hub.members.tables import AgeBand, Channel, ChannelAccount, Member
from tests.consent import deciding
from tests.graphql.world import NOW, World, said

MARKETING = Slot("marketing", "", "sms")
PERSONALISATION = Slot("personalisation", "", "")
GATES: Mapping[tuple[str, str], int] = {("marketing", ""): 3, ("personalisation", ""): 5}
LIST = "{ memberList(first: 100) { edges { node { id } } } }"

member_t, account_t = table_of(Member), table_of(ChannelAccount)


def number(index: int) -> str:
    return f"+86139{12345000 + index}"


async def move_in(world: World, count: int, *, home_store: str = "SH001", first: int = 0) -> list[MemberId]:
    """So many adults, each with a card, a phone and a gender; the first joined first."""
    stated = [
        said(
            Channel.STORE,
            f"500000{first + i:04}",
            at=NOW - timedelta(days=100 - i),
            phone=number(first + i),
            home_store=home_store,
            name="张三",
            gender="F",
        )
        for i in range(count)
    ]
    members = await world.resolve(*stated)
    await turn(world, members, age_band=AgeBand.ADULT.value)
    return members


async def inform(world: World, members: Collection[MemberId], *, gates: Mapping[tuple[str, str], int] = GATES) -> UUID:
    """A notice in force that each of them was shown."""
    notice = await deciding.publish(world.hub, f"n-{uuid7()}", gates=dict(gates))
    for member in members:
        await deciding.inform(world.hub, member, notice)
    return notice


async def grant(world: World, member: MemberId, notice: UUID, *, slot: Slot = MARKETING, **more: Any) -> None:
    await _happen(world, member, Act.GRANT, ConsentState.GRANTED, slot, notice_id=notice, **more)


async def withdraw(world: World, member: MemberId, *, slot: Slot = MARKETING) -> None:
    await _happen(world, member, Act.WITHDRAW, ConsentState.WITHDRAWN, slot, state_from=ConsentState.GRANTED)


async def _happen(world: World, member: MemberId, act: Act, state: ConsentState, slot: Slot, **more: Any) -> None:
    now = world.clock.now()
    event = deciding.said(member, await origin_of(world, member), act, state, slot=slot, occurred_at=now, **more)
    await deciding.happen(world.hub, replace(event, is_separate=bool(slot.recipient)), now=now)


async def by_guardian(world: World, child: MemberId, notice: UUID) -> None:
    await grant(world, child, notice, actor=Actor.GUARDIAN)


async def object_to(world: World, member: MemberId, *scope: str) -> None:
    row = {"member_id": member, "objection_id": uuid7(), "origin_id": await origin_of(world, member), "also": []}
    placed = {"scope": list(scope), "actor": "member", "placed_by": "member", "placed_at": NOW}
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(insert(table_of(Objection)), row | placed)
    await deciding.settled(world.hub, member, now=NOW)


async def change_materially(world: World, purpose: str, *, bit: int, at: datetime) -> None:
    """The one row that a material change of a notice is."""
    row = {"handler": deciding.HANDLER, "purpose": purpose, "recipient": "", "bit": bit}
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(insert(table_of(ConsentGate)), row | {"effective_at": at, "notice_id": uuid7()})


async def approve(
    world: World, role: str, *, store: str | None = None, until: datetime = NOW + timedelta(days=90), **more: Any
) -> None:
    """A standing approval to see minors."""
    row = {"approval_id": uuid7(), "kind": "standing", "handler": deciding.HANDLER, "role": role, "store": store}
    stated = {"approved_by": "E0001", "approved_at": NOW - timedelta(days=1), "expires_at": until}
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(insert(table_of(MinorApproval)), row | stated | more)


async def turn(world: World, members: Collection[MemberId] | Select[Any], **values: Any) -> None:
    """Set columns of member rows, where no act of anybody leads to them here."""
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id.in_(members)).values(**values))


async def origin_of(world: World, member: MemberId) -> OriginId:
    statement = select(account_t.c.origin_id).where(account_t.c.member_id == member)
    async with transaction(world.hub.database.app) as tx:
        return OriginId((await tx.scalars(statement.order_by(account_t.c.first_seen_at))).first())


async def listed(world: World, role: str, **about: Any) -> set[str]:
    """Who is on the list, as the role sees it for the purpose."""
    edges = (await world.ask(role, LIST, **about))["memberList"]["edges"]
    return {edge["node"]["id"] for edge in edges}


async def found(world: World, role: str, keys: Collection[Mapping[str, Any]], **about: Any) -> list[bool]:
    """Which of the keys find somebody: asked together, and one by one, which is the same."""
    many = "query ($by: [MemberKey!]!) { members(by: $by) { id } }"
    one = "query ($by: MemberKey!) { member(by: $by) { id } }"
    together = [
        each is not None for each in (await world.ask(role, many, variables={"by": list(keys)}, **about))["members"]
    ]
    alone = [(await world.ask(role, one, variables={"by": key}, **about))["member"] is not None for key in keys]
    assert alone == together
    return together


async def tell_of(world: World, notice: UUID, catalogue: Catalogue) -> None:
    """The text of a notice, with the list of who receives what."""
    shared = lists.shared(catalogue, world.hub.policies.register, "zh")
    row = {"notice_id": notice, "locale": "zh", "title": "t", "body": "b", "collected": [], "sha256": b""}
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(insert(table_of(NoticeText)), row | {"shared": shared})
