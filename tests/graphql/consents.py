"""What tests of decisions on consent start from: a notice in force, a member who was asked, and how to decide."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from member_hub.consent.holding import hold
from member_hub.consent.notices import PublishedNotice, Wording, publish
from member_hub.consent.recording import NewEvent, record
from member_hub.consent.settling import settle
from member_hub.consent.standing import Slot, of_slot
from member_hub.consent.tables import ConsentCurrent, ConsentEvent, NoticeServed
from member_hub.consent.words import Act, Actor, ConsentState, Method, NoticeFamily
from member_hub.consent import machine
from member_hub.access import RowScope
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, uuid7
from member_hub.members.reading import Visible
from member_hub.members.tables import AgeBand, Member
from member_hub.privacy import Purpose
from tests.graphql.world import NOW, World

NOTICE = "2026-01"
KEY = "key-1"
ANSWER = """member { id } consents { state purpose recipient channel noticeName since endsAt eventId }
    userErrors { field code message }"""
GIVE = f"""mutation ($input: ConsentGiveInput!, $key: String!) {{
    consentGive(input: $input, idempotencyKey: $key) {{ {ANSWER} }} }}"""
REFUSE = f"mutation ($input: ConsentDenialInput!) {{ consentRefuse(input: $input) {{ {ANSWER} }} }}"
WITHDRAW = f"mutation ($input: ConsentDenialInput!) {{ consentWithdraw(input: $input) {{ {ANSWER} }} }}"
SMS = {"purpose": "MARKETING", "channel": "SMS"}
PERSONAL = {"purpose": "PERSONALISATION"}
PARTNER = {"purpose": "MARKETING", "recipient": "partner_brand", "channel": "SMS"}

event_t, current_t, served_t = table_of(ConsentEvent), table_of(ConsentCurrent), table_of(NoticeServed)
member_t = table_of(Member)


async def published(
    world: World, name: str = NOTICE, *, at: datetime | None = None, changed: Sequence[Purpose] = (), **more: Any
) -> PublishedNotice:
    """A notice of the general family, in force now."""
    texts = {locale: Wording(f"Notice {name}", "What is done, and what for.") for locale in ("zh", "en")}
    said: dict[str, Any] = {
        "handler": "brand",
        "family": NoticeFamily.GENERAL,
        "name": name,
        "is_material": bool(changed),
        "changed": changed,
        "texts": texts,
        "purposes": (Purpose.MARKETING, Purpose.PERSONALISATION),
        "effective_at": None,
        "published_by": "S-9",
        "now": at or world.clock.now(),
    }
    async with transaction(world.hub.database.app) as tx:
        return await publish(tx, world.hub.catalogue, world.hub.policies.register, **(said | more))


async def asked(
    world: World, member: MemberId, notice: PublishedNotice, *slots: str, by_member: bool = False
) -> str:
    """Put the notice before the member with these questions ("marketing::sms"); the id that is answered."""
    served_id, everybody = uuid7(), Visible(RowScope.ALL, frozenset(), None, None, NOW)
    async with transaction(world.hub.database.app) as tx:
        held = await hold(tx, _caller(world), everybody, member, now=world.clock.now())
        row: dict[str, Any] = {"member_id": held.member_id, "served_id": served_id, "notice_id": notice.notice_id}
        row |= {"locale": "zh", "by_way_of": "app", "asked": list(slots), "is_by_member": by_member}
        await tx.execute(insert(served_t), row | {"served_by": "app", "served_at": world.clock.now()})
        events = [e for said in slots if (e := _question(held, Slot(*said.split(":")), notice, served_id)) is not None]
        await record(tx, world.hub.vault, events, now=held.now)
        await settle(tx, [held.member_id], catalogue=world.hub.catalogue, now=held.now)
    return str(served_id)
