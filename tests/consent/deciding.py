"""What tests of decisions start from: a notice in force with its gates, a member, an event."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot
from member_hub.consent.tables import Notice, NoticeServed
from member_hub.consent.words import Act, Actor, ConsentState, Method
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.gates import ConsentGate
from member_hub.members.tables import AgeBand, Member
from tests.hub import CATALOGUE, NOW, Hub

HANDLER = "brand"
LAUNCH = datetime(2024, 1, 1, tzinfo=UTC)
MARKETING = Slot("marketing", "", "sms")

member_t = table_of(Member)


async def publish(
    hub: Hub,
    name: str,
    *,
    purposes: Iterable[str] = ("marketing", "personalisation"),
    effective_at: datetime = LAUNCH,
    gates: dict[tuple[str, str], int] | None = None,
    handler: str = HANDLER,
    family: str = "general",
) -> UUID:
    """A notice, and the gates that it begins: a bit per (purpose, recipient)."""
    notice_id = uuid7()
    notice = {
        "notice_id": notice_id,
        "handler": handler,
        "family": family,
        "name": name,
        "is_material": False,
        "purposes": list(purposes),
        "changed": [],
        "effective_at": effective_at,
        "published_at": effective_at,
        "published_by": "a test",
    }
    async with transaction(hub.database.app) as tx:
        await tx.execute(insert(table_of(Notice)), notice)
        for (purpose, recipient), bit in (gates or {}).items():
            row = {"handler": handler, "purpose": purpose, "recipient": recipient, "bit": bit}
            begun = {"effective_at": effective_at, "notice_id": notice_id}
            await tx.execute(insert(table_of(ConsentGate)), row | begun)
    return notice_id


async def inform(hub: Hub, member_id: MemberId, notice_id: UUID) -> None:
    row: dict[str, Any] = {"served_id": uuid7(), "member_id": member_id, "notice_id": notice_id, "locale": "zh"}
    how = {"by_way_of": "app", "asked": [], "is_by_member": False, "served_by": "a test", "served_at": NOW}
    async with transaction(hub.database.app) as tx:
        await tx.execute(insert(table_of(NoticeServed)), row | how)


async def aged(hub: Hub, member_id: MemberId, band: AgeBand) -> None:
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == member_id).values(age_band=band.value))


def said(
    member_id: MemberId, origin_id: OriginId, act: Act, to: ConsentState, *, notice_id: UUID | None = None, **more: Any
) -> NewEvent:
    """An event of the member, by default about marketing over text messages."""
    event = NewEvent(
        member_id=member_id,
        origin_id=origin_id,
        also=frozenset(),
        handler=HANDLER,
        slot=MARKETING,
        contact_kind=None,
        act=act,
        state_from=ConsentState.ASKED,
        state_to=to,
        actor=Actor.MEMBER,
        acted_by="member",
        method=Method.TICK,
        occurred_at=NOW,
        notice_id=notice_id,
    )
    return replace(event, **more)


async def happen(hub: Hub, *events: NewEvent, now: datetime = NOW) -> list[UUID]:
    """Record events and settle their members."""
    async with transaction(hub.database.app) as tx:
        recorded = await record(tx, hub.vault, events, now=now)
        await settle(tx, {event.member_id for event in events}, catalogue=CATALOGUE, now=now)
    return recorded


async def settled(hub: Hub, *members: MemberId, now: datetime = NOW) -> None:
    async with transaction(hub.database.app) as tx:
        await settle(tx, members, catalogue=CATALOGUE, now=now)


async def bits(hub: Hub, member_id: MemberId) -> tuple[int, int, datetime | None, int]:
    """consent_bits, restriction_bits, gate_until, privacy_epoch."""
    columns = (member_t.c.consent_bits, member_t.c.restriction_bits, member_t.c.gate_until, member_t.c.privacy_epoch)
    async with transaction(hub.database.app) as tx:
        row = (await tx.execute(select(*columns).where(member_t.c.member_id == member_id))).one()
        return (row.consent_bits, row.restriction_bits, row.gate_until, row.privacy_epoch)
