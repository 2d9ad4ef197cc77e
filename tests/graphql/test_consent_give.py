"""Giving consent: what an act leaves behind, once, and what holds from then on."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from member_hub.db import transaction
from member_hub.ids import uuid7
from member_hub.privacy import Purpose
from tests.graphql.consents import (
    KEY,
    NOTICE,
    PARTNER,
    PERSONAL,
    SMS,
    aged,
    asked,
    bits_of,
    give,
    history,
    passed,
    published,
    said_on_record,
)
from tests.graphql.giving import EVIDENCE, GRANTED_SMS, PARTNER_ASKED, PERSONAL_ASKED, SMS_ASKED, STAFF, refused
from tests.graphql.notices import member_t
from tests.graphql.world import NOW, WHOLE, People, World


async def test_a_yes_is_recorded_settled_and_on_record(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    served = await asked(world, people.whole, notice, SMS_ASKED)

    assert await give(world, people.whole, served, method="BUTTON") == GRANTED_SMS

    event = (await history(world))[-1]
    assert (event.act, event.state_from, event.state_to) == ("grant", "asked", "granted")
    assert (event.actor, event.acted_by, event.method) == ("member", "member", "button")
    assert (event.notice_id, str(event.served_id), event.has_contact) == (notice.notice_id, served, True)
    assert (event.is_separate, event.is_sensitive, event.is_published, event.is_abroad) == (True, False, False, False)
    assert len(event.also) == 2
    assert await bits_of(world, people.whole) == 0b1
    assert await said_on_record(world) == [("consentGive", "ok", ["consent.granted:marketing.sms"], [people.whole])]


async def test_a_notice_may_be_named_by_its_id(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    served = await asked(world, people.whole, notice, SMS_ASKED)

    assert await give(world, people.whole, served, notice=str(notice.notice_id)) == GRANTED_SMS


async def test_one_act_may_say_yes_to_several_things(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED, PERSONAL_ASKED)

    stands, errors = await give(world, people.whole, served, SMS, PERSONAL)

    assert errors == []
    assert stands == [("GRANTED", "MARKETING", None, "SMS"), ("GRANTED", "PERSONALISATION", None, None)]
    assert [row.is_separate for row in await history(world)] == [False, False, False, False]
    assert (await said_on_record(world))[-1][2] == ["consent.granted:marketing.sms", "consent.granted:personalisation"]


async def test_a_partner_by_name_takes_an_act_of_its_own_and_then_has_it(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED, PARTNER_ASKED)

    bundled = await refused(world, people, served, SMS, PARTNER)
    alone = await give(world, people.whole, served, PARTNER)

    assert bundled == ("purposes", "SEPARATE_ACT_DUE")
    assert alone == ([("GRANTED", "MARKETING", "partner_brand", "SMS")], [])
    assert (await history(world))[-1].is_separate
    assert (await said_on_record(world))[-1][2] == ["consent.granted:marketing.to.partner_brand.sms"]


async def test_two_acts_do_not_travel_in_one_request(world: World, people: People) -> None:
    field = "consentGive(input: $input, idempotencyKey: $key) { userErrors { code } }"
    twice = f"mutation ($input: ConsentGiveInput!, $key: String!) {{ a: {field} b: {field} }}"
    said = {"purposes": [SMS], "servedId": str(uuid7()), "notice": NOTICE, "method": "TICK"}

    about = {"variables": {"input": said, "key": KEY}, "member": people.whole}
    assert await world.refused("member", twice, **about) == ["QUERY_TOO_COMPLEX"]

    assert await history(world) == []


async def test_the_same_key_answers_the_same_and_records_once(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    answers = [await give(world, people.whole, served) for _ in range(2)]
    other = await give(world, people.whole, served, method="VOICE")

    assert answers == [GRANTED_SMS, GRANTED_SMS]
    assert other == ([], [("idempotencyKey", "CONFLICT")])
    assert await passed(world) == [("serve_notice", "never_asked", "asked"), ("grant", "asked", "granted")]


async def test_a_retry_at_the_same_moment_records_once(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    answers = await asyncio.gather(*(give(world, people.whole, served) for _ in range(4)))

    assert answers == [GRANTED_SMS] * 4
    assert len(await history(world)) == 2


async def test_what_is_granted_already_stays_as_it_is(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    first, second = [await asked(world, people.whole, notice, SMS_ASKED) for _ in range(2)]

    await give(world, people.whole, first)

    assert await give(world, people.whole, second, key="key-2") == GRANTED_SMS
    assert len(await history(world)) == 2


@pytest.mark.parametrize(("first", "then"), [(None, 30), (30, None), (30, 10), (10, 30)])
async def test_a_yes_for_another_time_is_what_holds_from_then_on(
    world: World, people: People, first: int | None, then: int | None
) -> None:
    await aged(world, people.whole)
    notice = await published(world)

    def until(days: int | None) -> str | None:
        return (NOW + timedelta(days=days)).isoformat() if days else None

    await give(world, people.whole, await asked(world, people.whole, notice, SMS_ASKED), until=until(first))
    world.clock.at = NOW + timedelta(minutes=1)
    again = await asked(world, people.whole, notice, SMS_ASKED)
    answer = await give(world, people.whole, again, until=until(then), key="key-2")

    assert answer == GRANTED_SMS
    assert (await passed(world))[-1] == ("grant", "granted", "granted")
    assert (await history(world))[-1].ends_at == (NOW + timedelta(days=then) if then else None)
    assert (await said_on_record(world))[-1][2] == ["consent.regranted:marketing.sms"]
    async with transaction(world.hub.database.app) as tx:
        gate_until = await tx.scalar(select(member_t.c.gate_until).where(member_t.c.member_id == people.whole))
    assert gate_until == (NOW + timedelta(days=then) if then else None)


async def test_a_yes_under_a_newer_notice_is_one_under_that(world: World, people: People) -> None:
    await aged(world, people.whole)
    await give(world, people.whole, await asked(world, people.whole, await published(world), SMS_ASKED))
    world.clock.at = NOW + timedelta(days=1)
    newer = await published(world, "2026-02")

    given = await give(
        world, people.whole, await asked(world, people.whole, newer, SMS_ASKED), notice="2026-02", key="key-2"
    )

    assert given == GRANTED_SMS
    assert (await passed(world))[-1] == ("grant", "granted", "granted")
    assert (await history(world))[-1].notice_id == newer.notice_id


async def test_a_paper_signed_before_does_not_change_what_was_said_since(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world, at=NOW)
    world.clock.at = NOW + timedelta(days=3)
    first, second = [await asked(world, people.whole, notice, SMS_ASKED) for _ in range(2)]
    await give(world, people.whole, first)
    paper = {"method": "PAPER", "evidence": EVIDENCE, **STAFF}

    signed, ends = NOW + timedelta(days=1), NOW + timedelta(days=9)
    await give(world, people.whole, second, occurredAt=signed.isoformat(), until=ends.isoformat(), key="key-2", **paper)

    assert [row.ends_at for row in await history(world)] == [None, None]


async def test_the_contact_point_is_the_one_named_or_that_of_the_profile(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    served = await asked(world, people.whole, notice, SMS_ASKED, "marketing::email")

    mail = {"purpose": "MARKETING", "channel": "EMAIL"}
    await give(world, people.whole, served, {**SMS, "contact": "138 1234 5670"}, mail)

    async with transaction(world.hub.database.app) as tx:
        kinds = world.hub.vault
        rows = await tx.exec_driver_sql("SELECT kind, token FROM vault.consent_contact ORDER BY kind")
        held = [tuple(row) for row in rows]
    assert held == [
        ("email", kinds.token("email", "", WHOLE["email"])),
        ("phone", kinds.token("phone", "", WHOLE["phone"])),
    ]


async def test_a_material_change_makes_it_stale_and_a_new_yes_grants_again(world: World, people: People) -> None:
    await aged(world, people.whole)
    await give(world, people.whole, await asked(world, people.whole, await published(world), SMS_ASKED))
    world.clock.at = NOW + timedelta(days=1)
    newer = await published(world, "2026-02", changed=[Purpose.MARKETING])
    served = await asked(world, people.whole, newer, SMS_ASKED)

    given = await give(world, people.whole, served, notice="2026-02", key="key-2")

    assert given == GRANTED_SMS
    assert (await passed(world))[-1] == ("grant", "stale", "granted")
    assert (await said_on_record(world))[-1][2] == ["consent.regranted:marketing.sms"]
    assert await bits_of(world, people.whole) == 0b10000


async def test_a_yes_holds_until_the_time_that_was_said(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)
    ends = NOW + timedelta(days=30)

    await give(world, people.whole, served, until=ends.isoformat())

    assert (await history(world))[-1].ends_at == ends
