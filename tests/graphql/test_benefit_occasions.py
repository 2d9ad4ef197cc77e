"""What the clock issues: in the month of a birthday, of the day of joining, and for a tier that was reached."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from member_hub.benefits import clockwork
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.members import bits
from member_hub.members.tables import Channel, MemberStatus
from member_hub.privacy import ProfileField, Purpose
from member_hub.tiers.words import Why
from tests.graphql.benefits import benefits_of, member_t, place, rows, set_status, use
from tests.graphql.occasions import FEBRUARY, born, days, given, jobs_on_record, promote, promotions, run
from tests.graphql.test_objections import lift
from tests.graphql.test_objections import place as object_to
from tests.graphql.world import NOW, People, World, said

OBJECT = """mutation { objectionPlace(input: {scope: {everything: true}}) { userErrors { code } } }"""
ENROL = """mutation ($input: MemberEnrolInput!, $key: String!) {
    memberEnrol(input: $input, idempotencyKey: $key) { member { id } userErrors { code } } }"""
UPDATE = """mutation ($id: ID!, $v: Int!, $birthday: String!) {
    profileUpdate(id: $id, expectedVersion: $v, input: {birthday: $birthday}) {
        member { version } userErrors { code } } }"""


async def test_the_month_of_a_birthday_brings_its_gift_and_tells_nobody_the_date(world: World, people: People) -> None:
    leap, other, child = await born(world, "2000-02-29", "1988-12-01", "2016-02-07")
    await place(world, people.whole, "vip")

    assert await run(world, FEBRUARY) == 3

    assert await given(world) == {people.whole: (2, 0), leap: (1, 0), child: (1, 0)}
    shown = (await benefits_of(world, leap))["birthday_gift"]
    assert (shown["startsAt"], shown["until"], shown["state"]) == (
        "2027-01-31T16:00:00Z",
        "2027-02-28T16:00:00Z",
        "USABLE",
    )
    assert await jobs_on_record(world) == [
        (["member.birthday:MATCHED"], {people.whole, leap, other, child}),
        (["member.loyalty:WRITE", "reason:birthday"], {people.whole, leap, child}),
    ]
    assert (await use(world, leap, "birthday_gift"))["entitlement"]["state"] == "USED_UP"


async def test_again_and_in_two_processes_nobody_has_two(world: World, people: People) -> None:
    everybody = [people.whole, *await born(world, *["1990-02-14"] * 4)]

    done = await asyncio.gather(*(run(world, FEBRUARY) for _ in range(4)))

    assert sum(done) == 5
    assert await given(world) == dict.fromkeys(everybody, (1, 0))
    assert await run(world, FEBRUARY + timedelta(days=1)) == 0
    assert await run(world, FEBRUARY + timedelta(days=40)) == 0
    assert len(await rows(world, "hub.entitlement")) == 5


async def test_what_broke_off_in_the_middle_goes_on_there(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = [people.whole, *await born(world, *["1990-02-14"] * 6)]
    monkeypatch.setattr(clockwork, "BATCH", 2)
    written, real = list[Any](), world.hub.audit.write

    async def fails(entry: Any) -> None:
        written.append(entry)
        if len(written) == 4:
            raise RuntimeError("no more")
        await real(entry)

    with monkeypatch.context() as broken:
        broken.setattr(type(world.hub.audit), "write", lambda _, entry: fails(entry))
        with pytest.raises(RuntimeError, match="no more"):
            await run(world, FEBRUARY)
    assert len(await given(world)) == 2

    assert await run(world, FEBRUARY) == 5

    assert await given(world) == dict.fromkeys(everybody, (1, 0))
    looked = [ids for fields, ids in await jobs_on_record(world) if "member.birthday:MATCHED" in fields]
    assert sorted(map(len, looked)) == [1, 2, 2, 2, 2]  # two were looked at in vain, and that is on record, too


async def test_who_states_a_birthday_within_the_month_has_it_the_next_day(world: World, people: People) -> None:
    assert await run(world, FEBRUARY) == 1
    (late,) = await born(world, "1995-02-01")
    assert await run(world, FEBRUARY + timedelta(hours=1)) == 0

    assert await run(world, FEBRUARY + timedelta(days=1)) == 1

    assert set(await given(world)) == {people.whole, late}
    assert [ids for _, ids in await jobs_on_record(world)] == [{people.whole}, {people.whole}, {late}, {late}]


async def test_who_is_enrolled_in_the_month_of_the_birthday_has_it_the_next_business_day(world: World) -> None:
    """The morning after, by Shanghai's calendar, also where the day of the enrolment had its round already."""
    card = {
        "channel": "STORE",
        "account": "7700000001",
        "name": "周杰",
        "phone": "13612340678",
        "birthday": "1990-11-30",
    }
    assert await run(world, NOW) == 0
    world.clock.at = NOW + timedelta(hours=1)
    variables = {"input": card, "key": "k1"}
    enrolled = (await world.ask("app_crm", ENROL, variables=variables))["memberEnrol"]
    assert enrolled["userErrors"] == []
    assert await run(world, NOW + timedelta(hours=2)) == 0

    midnight = datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert await run(world, midnight - timedelta(seconds=1)) == 0
    assert await run(world, midnight) == 1

    assert list((await given(world)).values()) == [(1, 0)]


async def test_a_changed_birthday_brings_one_in_a_year(world: World, people: People) -> None:
    await run(world, FEBRUARY)
    april = FEBRUARY.replace(month=4)
    world.clock.at = april
    variables = {"id": str(people.whole), "v": await _version(world, people.whole), "birthday": "1991-04-03"}
    assert (await world.ask("app_crm", UPDATE, variables=variables))["profileUpdate"]["userErrors"] == []

    assert await run(world, april) == 0
    assert await run(world, april.replace(year=2028)) == 1
    assert [row.period.year for row in await rows(world, "hub.entitlement")] == [2027, 2028]


async def test_what_is_not_held_for_the_service_or_restricted_is_not_opened(world: World, people: People) -> None:
    consented, frozen, erased = await born(world, *["1990-02-14"] * 3)
    held = bits.holding(0, ProfileField.BIRTHDAY, Purpose.MARKETING)
    async with transaction(world.hub.database.app) as tx:
        row = update(member_t).where(member_t.c.member_id == consented)
        await tx.execute(row.values(consented_fields=held))
    await set_status(world, frozen, MemberStatus.FROZEN)
    await set_status(world, erased, MemberStatus.ERASED)
    assert (await world.ask("member", OBJECT, member=people.whole))["objectionPlace"]["userErrors"] == []

    assert await run(world, FEBRUARY) == 0

    assert await given(world) == {}
    assert await jobs_on_record(world) == []


async def test_the_month_of_joining_brings_its_gift_from_the_second_year(world: World, people: People) -> None:
    """`whole` joined 400 days before NOW, in October 2025; the others some days before it, and later this year."""
    await place(world, people.whole, "standard")
    october = datetime(2026, 10, 5, 2, tzinfo=UTC)
    for one in (people.southern, people.visitor):
        await place(world, one, "standard")

    assert await run(world, october) == 1
    assert await given(world, "anniversary_gift") == {people.whole: (1, 0)}
    assert await run(world, datetime(2026, 11, 22, 2, tzinfo=UTC)) == 0
    assert await run(world, datetime(2027, 11, 22, 2, tzinfo=UTC)) == 2


async def test_reaching_a_tier_brings_its_gift_once_in_a_year(world: World, people: People) -> None:
    assert await promotions(world, days(0)) == 0
    await promote(world, people.whole, "standard", "core", at=days(3))
    await promote(world, people.southern, "core", "vip", at=days(3))

    assert await promotions(world, days(3)) == 2
    assert await promotions(world, days(3)) == 0
    await promote(world, people.whole, "core", "base", at=days(4), why=Why.LAPSED)
    await promote(world, people.whole, "base", "core", at=days(5))

    assert await promotions(world, days(5)) == 0
    assert await given(world, "promotion_gift") == {people.whole: (1, 0), people.southern: (2, 0)}
    shown = (await benefits_of(world, people.southern))["promotion_gift"]
    assert (shown["startsAt"], shown["until"]) == ("2026-11-25T08:00:00Z", "2027-02-23T16:00:00Z")
    assert await jobs_on_record(world) == [
        (["member.loyalty:WRITE", "reason:promotion"], {people.whole, people.southern})
    ]


async def test_a_higher_tier_in_the_same_period_brings_what_is_missing_to_its_own(world: World, people: People) -> None:
    await promotions(world, days(0))
    await promote(world, people.whole, "base", "core", at=days(3))
    assert await promotions(world, days(3)) == 1
    assert (await use(world, people.whole, "promotion_gift"))["entitlement"]["state"] == "USED_UP"
    await promote(world, people.whole, "core", "vip", at=days(4))
    for tier in ("core", "vip"):
        await promote(world, people.southern, "base", tier, at=days(4))

    assert await promotions(world, days(4)) == 2
    assert await promotions(world, days(4)) == 0

    assert await given(world, "promotion_gift") == {people.whole: (2, 1), people.southern: (2, 0)}
    shown = (await benefits_of(world, people.whole))["promotion_gift"]
    assert (shown["state"], shown["until"]) == ("USABLE", "2027-02-24T16:00:00Z")
    assert (await use(world, people.whole, "promotion_gift"))["entitlement"]["state"] == "USED_UP"
    await promote(world, people.whole, "vip", "core", at=days(5), why=Why.LAPSED)
    await promote(world, people.whole, "core", "vip", at=days(6))
    assert await promotions(world, days(6)) == 0
    assert [ids for _, ids in await jobs_on_record(world)] == [{people.whole}, {people.whole, people.southern}]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("vip", "core", Why.EARNED),
        ("base", "standard", Why.EARNED),
        ("base", "vip", Why.MANUAL),
        ("base", "vip", Why.MERGE),
    ],
)
async def test_other_changes_bring_none(world: World, people: People, before: str, after: str, why: Why) -> None:
    await promotions(world, days(0))
    await promote(world, people.whole, before, after, at=days(3), why=why)

    assert await promotions(world, days(3)) == 0
    assert await rows(world, "hub.entitlement") == []


async def test_what_is_found_at_the_first_look_brings_none_and_new_members_theirs(world: World, people: People) -> None:
    await promote(world, people.southern, "base", "vip", at=days(-1))
    await promotions(world, days(0))
    await promote(world, people.whole, "base", "vip", at=days(1))
    (newcomer,) = await world.resolve(said(Channel.WEBSITE, "W900000001", at=days(1)))
    await promote(world, newcomer, "base", "core", at=days(1))

    assert await promotions(world, days(1)) == 1

    assert await given(world, "promotion_gift") == {newcomer: (1, 0)}


async def test_whoever_joined_in_the_second_of_the_first_run_joined_since(world: World, people: People) -> None:
    """Files tell the day of joining to the second, the clock of the job to the microsecond."""
    await promotions(world, days(0) + timedelta(milliseconds=700))
    (newcomer,) = await world.resolve(said(Channel.WEBSITE, "W900000001", at=days(0)))
    await promote(world, newcomer, "base", "core", at=days(0) + timedelta(milliseconds=900))

    assert await promotions(world, days(0) + timedelta(seconds=1)) == 1

    assert await given(world, "promotion_gift") == {newcomer: (1, 0)}


async def test_gifts_of_a_standstill_are_made_up_for_by_two_processes(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("member_hub.benefits.gifts.BATCH", 2)
    await promotions(world, days(0))
    everybody: Sequence[MemberId] = [people.whole, people.southern, people.visitor, people.former]
    for number, one in enumerate(everybody):
        await promote(world, one, "base", "core", at=days(3 + number))
    await set_status(world, people.former, MemberStatus.FROZEN)

    done = await asyncio.gather(*(promotions(world, days(20)) for _ in range(3)))

    assert sum(done) == 3
    assert await given(world, "promotion_gift") == dict.fromkeys(everybody[:3], (1, 0))


async def _version(world: World, member: MemberId) -> int:
    query = "query ($by: MemberKey!) { member(by: $by) { version } }"
    return int((await world.ask("app_crm", query, variables={"by": {"id": str(member)}}))["member"]["version"])


def with_campaign(world: World, first: date, *, beside: bool = True) -> World:
    """A second gift of the month of birth, of a campaign that begins then; beside the first, or alone."""
    rules = world.hub.benefits
    extra = replace(rules.definitions["birthday_gift"], code="birthday_extra", first=first, last=date(2027, 2, 28))
    kept = {code: one for code, one in rules.definitions.items() if beside or code != "birthday_gift"}
    benefits = replace(rules, definitions={**kept, "birthday_extra": extra})
    return replace(world, hub=replace(world.hub, benefits=benefits))


@pytest.mark.parametrize("beside", [True, False])
async def test_a_campaign_that_begins_within_the_month_reaches_those_who_had_the_gift_of_the_month(
    world: World, people: People, *, beside: bool
) -> None:
    """On its first day, or the first day after it on which the hub runs; each once."""
    (other,) = await born(world, "2000-02-20")
    campaign = with_campaign(world, date(2027, 2, 15), beside=beside)
    for day in range(4):
        await run(campaign, FEBRUARY + timedelta(days=day))
    assert await given(world, "birthday_extra") == {}

    issued = [await run(campaign, datetime(2027, 2, 17, 2, tzinfo=UTC) + timedelta(days=day)) for day in range(2)]

    assert issued == [2, 0]
    assert await given(world, "birthday_extra") == dict.fromkeys([people.whole, other], (1, 0))
    assert await given(world) == (dict.fromkeys([people.whole, other], (1, 0)) if beside else {})


async def test_who_has_one_of_two_benefits_gets_the_other_and_no_second_of_the_first(
    world: World, people: People
) -> None:
    await run(world, FEBRUARY)
    assert await given(world) == {people.whole: (1, 0)}
    campaign = with_campaign(world, date(2027, 2, 11))

    await run(campaign, FEBRUARY + timedelta(days=1))

    assert await given(world) == await given(world, "birthday_extra") == {people.whole: (1, 0)}


async def test_who_takes_back_an_objection_to_everything_within_the_month_has_the_gift(
    world: World, people: People
) -> None:
    (other,) = await born(world, "1990-02-14")
    placed, errors = await object_to(world, "member", {"everything": True}, member=other)
    assert errors == []
    for day in range(3):
        await run(world, FEBRUARY + timedelta(days=day))
    assert await given(world) == {people.whole: (1, 0)}
    world.clock.at += timedelta(hours=5)
    await lift(world, "member", placed["id"], member=other)

    await run(world, FEBRUARY + timedelta(days=3))

    assert await given(world) == dict.fromkeys([people.whole, other], (1, 0))


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_who_is_active_again_within_the_month_has_the_gifts_of_the_month(
    world: World, people: People, status: MemberStatus
) -> None:
    (other,) = await born(world, "1990-02-14")
    async with transaction(world.hub.database.app) as tx:
        joined = update(member_t).where(member_t.c.member_id == other)
        await tx.execute(joined.values(joined_at=datetime(2025, 2, 3, tzinfo=UTC)))
    await place(world, other, "standard")
    await set_status(world, other, status)
    for day in range(3):
        await run(world, FEBRUARY + timedelta(days=day))
    assert other not in await given(world)
    assert {row.member_id for row in await rows(world, "hub.benefit_again")} == {other}
    await set_status(world, other, MemberStatus.ACTIVE)

    await run(world, FEBRUARY + timedelta(days=3))

    assert (await given(world))[other] == (await given(world, "anniversary_gift"))[other] == (1, 0)
    assert await rows(world, "hub.benefit_again") == []
