"""Notices for tests of the API: publishing one, showing it to somebody, and a refusal on record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text, update

from member_hub.consent.history.reading import decisions_of
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot
from member_hub.consent.words import Act, Actor, ConsentState, Method
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import AgeBand, Member
from tests.graphql.world import World

member_t = table_of(Member)

CURRENT = (
    "query ($family: NoticeFamily! = GENERAL, $locale: Locale! = ZH) {"
    """
    noticeCurrent(family: $family, locale: $locale) {
      id name family locale title body sha256 isMaterial changed effectiveAt
      purposes { purpose label article necessity needsSeparateAct termDays channels recipients }
      collected { category label items purposes purposeLabels retentionDays afterErasure }
      shared { recipient label kind contact jurisdiction method purposes categories categoryLabels needsConsent }
    } }"""
)
PUBLISH = """mutation ($input: NoticePublishInput!) {
    noticePublish(input: $input) { id userErrors { field code } } }"""
SERVED = """mutation ($input: NoticeServedInput!) {
    noticeServed(input: $input) { servedId userErrors { field code retryAfter } } }"""
SMS = {"purpose": "MARKETING", "channel": "SMS"}


def wording(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "purposes": ["MARKETING", "PERSONALISATION"],
        "isMaterial": bool(more.get("changed")),
        "changed": [],
        "zh": {"title": "会员告知书", "body": "正文"},
        "en": {"title": "Notice", "body": "Body"},
    } | more


async def publish(world: World, name: str = "members-1", **more: Any) -> str:
    """The id of a notice that was published."""
    answer = await world.ask("dpo", PUBLISH, variables={"input": wording(name, **more)})
    assert answer["noticePublish"]["userErrors"] == [], answer
    found: str = answer["noticePublish"]["id"]
    return found


async def served(
    world: World, member: MemberId, notice: str, *asks: dict[str, str], role: str = "app_crm", **more: Any
) -> tuple[str | None, list[tuple[str, str]]]:
    """The serving, and the codes of what was refused."""
    about = more.pop("about", {})
    said = {"member": str(member), "notice": notice, "locale": "ZH", "byWayOf": "APP", "asks": list(asks)} | more
    answer = (await world.ask(role, SERVED, variables={"input": said}, **about))["noticeServed"]
    return answer["servedId"], [(one["field"], one["code"]) for one in answer["userErrors"]]


async def decide(
    world: World,
    member: MemberId,
    act: Act,
    to: ConsentState,
    *,
    slot: Slot = Slot("marketing", "", "sms"),  # noqa: B008 - frozen
    notice: str | None = None,
    at: datetime | None = None,
    actor: Actor = Actor.MEMBER,
) -> None:
    """What a member decided, on record and settled."""
    from uuid import UUID

    now = at or world.clock.now()
    async with transaction(world.hub.database.app) as tx:
        found = (await decisions_of(tx, [member]))[member]
        origin, *others = sorted(found.origins)
        event = NewEvent(
            member_id=member,
            origin_id=origin,
            also=frozenset(others),
            handler="brand",
            slot=slot,
            contact_kind=None,
            act=act,
            state_from=ConsentState.ASKED,
            state_to=to,
            actor=actor,
            acted_by=actor.value,
            method=Method.TICK,
            occurred_at=now,
            notice_id=UUID(notice) if notice else None,
        )
        await record(tx, world.hub.vault, [event], now=now)
        await settle(tx, [member], catalogue=world.hub.catalogue, now=now)


async def aged(world: World, member: MemberId, band: AgeBand) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == member).values(age_band=band.value))


async def events(world: World, member: MemberId) -> list[tuple[str, ...]]:
    """purpose, recipient, channel, act, from, to, actor of every event, in order."""
    wanted = "purpose, recipient, channel, act, state_from, state_to, actor"
    async with transaction(world.hub.database.app) as tx:
        asked = text(f"SELECT {wanted} FROM hub.consent_event WHERE member_id = :m ORDER BY sequence")
        return [tuple(row) for row in await tx.execute(asked, {"m": member})]


async def servings(world: World) -> Sequence[Any]:
    async with transaction(world.hub.database.app) as tx:
        return (await tx.execute(text("SELECT * FROM hub.notice_served ORDER BY served_at, served_id"))).all()


async def bits_of(world: World, member: MemberId) -> int:
    async with transaction(world.hub.database.app) as tx:
        asked = text("SELECT consent_bits FROM hub.member WHERE member_id = :m")
        return int((await tx.execute(asked, {"m": member})).scalar_one())
