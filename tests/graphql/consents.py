"""What tests of decisions on consent start from: a notice in force, a member who was asked, and how to decide."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from member_hub.consent import machine
from member_hub.consent.history.reading import Decisions, decisions_of
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot, of_slot
from member_hub.consent.notice.notices import Wording, publish
from member_hub.consent.notice.published import PublishedNotice
from member_hub.consent.tables import ConsentCurrent, ConsentEvent, NoticeServed
from member_hub.consent.words import Act, Actor, ConsentState, Method, NoticeFamily
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, uuid7
from member_hub.members.reading import ids_of_person
from member_hub.members.tables import AgeBand, Member
from member_hub.privacy import Purpose
from tests.graphql.world import ONE_MEMBERS, World

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


async def asked(world: World, member: MemberId, notice: PublishedNotice, *slots: str, by_member: bool = False) -> str:
    """Put the notice before the member with these questions ("marketing::sms"); the id that is answered."""
    served_id, now = uuid7(), world.clock.now()
    async with transaction(world.hub.database.app) as tx:
        root = (await ids_of_person(tx, member))[0]
        await tx.execute(select(member_t.c.member_id).where(member_t.c.member_id == root).with_for_update())
        decided = (await decisions_of(tx, [root]))[root]
        row: dict[str, Any] = {"member_id": root, "served_id": served_id, "notice_id": notice.notice_id}
        row |= {"locale": "zh", "by_way_of": "app", "asked": list(slots), "is_by_member": by_member}
        await tx.execute(insert(served_t), row | {"served_by": "app", "served_at": now})
        how = {"member_id": root, "notice_id": notice.notice_id, "served_id": served_id, "occurred_at": now}
        events = [e for said in slots if (e := _question(decided, Slot(*said.split(":")), **how)) is not None]
        await record(tx, world.hub.vault, events, now=now)
        await settle(tx, [root], catalogue=world.hub.catalogue, now=now)
    return str(served_id)


def _question(decided: Decisions, slot: Slot, **how: Any) -> NewEvent | None:
    """What noticeServed records; nothing where the question is open, or answered with a yes."""
    stood = of_slot(slot, decided.standing)
    state = stood.state if stood is not None else ConsentState.NEVER_ASKED
    act = Act.SERVE_NOTICE if state is ConsentState.NEVER_ASKED else Act.MEMBER_INITIATES
    if (state, act) not in machine.CONSENT:
        return None
    first, *others = sorted(decided.origins)
    return NewEvent(
        origin_id=first,
        also=frozenset(others),
        handler=decided.handler,
        slot=slot,
        contact_kind=None,
        act=act,
        state_from=state,
        state_to=machine.after(state, act)[0],
        actor=Actor.APP,
        acted_by="app",
        method=Method.NONE,
        **how,
    )


async def aged(world: World, member: MemberId, band: AgeBand = AgeBand.ADULT) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == member).values(age_band=band.value))


async def give(
    world: World,
    member: MemberId,
    served: str | None,
    *what: Any,
    role: str = "member",
    key: str = KEY,
    subject: str | None = None,
    asker: MemberId | None = None,
    **more: Any,
) -> Any:
    """The payload of consentGive: where it stands, and (field, code) of what was refused; `more` goes into the input.

    `asker`: for whom the token speaks, if not for the member.
    """
    said: dict[str, Any] = {"purposes": list(what or [SMS]), "servedId": served, "notice": NOTICE, "method": "TICK"}
    said |= {"member": str(member)} if role != "member" or asker else {}
    about = _of(role, asker or member) | ({"subject": subject} if subject else {})
    return told((await world.ask(role, GIVE, variables={"input": said | more, "key": key}, **about))["consentGive"])


async def deny(
    world: World,
    member: MemberId,
    mutation: str = WITHDRAW,
    *,
    role: str = "member",
    purpose: str = "MARKETING",
    subject: str | None = None,
    asker: MemberId | None = None,
    **more: Any,
) -> Any:
    """The same of consentWithdraw or consentRefuse; by default of everything about marketing."""
    said = {"purpose": purpose} | ({"member": str(member)} if role != "member" else {})
    about = _of(role, asker or member) | ({"subject": subject} if subject else {})
    data = await world.ask(role, mutation, variables={"input": said | more}, **about)
    return told(*data.values())


def _of(role: str, member: MemberId) -> dict[str, Any]:
    return {"member": member} if role in (*ONE_MEMBERS, "app_mini_program") else {}


def told(payload: Any) -> Any:
    """[(state, purpose, recipient, channel)], and [(field, code)]."""
    stands = [(c["state"], c["purpose"], c["recipient"], c["channel"]) for c in payload["consents"]]
    return stands, [(e["field"], e["code"]) for e in payload["userErrors"]]


async def history(world: World) -> list[Any]:
    """Every event, as it was recorded."""
    async with transaction(world.hub.database.app) as tx:
        return list(await tx.execute(select(event_t).order_by(event_t.c.member_id, event_t.c.sequence)))


async def passed(world: World) -> list[tuple[str, str, str]]:
    """(act, from, to) of every event."""
    return [(row.act, row.state_from, row.state_to) for row in await history(world)]


async def bits_of(world: World, member: MemberId) -> int:
    async with transaction(world.hub.database.app) as tx:
        found = await tx.scalar(select(member_t.c.consent_bits).where(member_t.c.member_id == member))
    return int(found or 0)


async def said_on_record(world: World) -> list[tuple[str, str, list[str], list[Any]]]:
    """(operation, outcome, fields, members) of every audit entry."""
    return [(row.operation, row.outcome, row.fields, row.member_ids) for row in await world.audited()]
