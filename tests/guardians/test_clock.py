"""What the clock does, to the second: midnight after the 14th birthday (S17), guardians who never answer (S18)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from member_hub.consent.history.reading import decisions_of
from member_hub.consent.history.recording import record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot
from member_hub.consent.words import Act, Actor, ConsentState
from member_hub.db import transaction
from member_hub.ids import MemberId, OriginId
from tests.consent.deciding import bits, inform, publish, said
from tests.graphql.world import NOW
from tests.guardians.family import MIDNIGHT, TURNS, Family, member_t

SECOND = timedelta(seconds=1)
BIT = 3
MARKETING, ADS = Slot("marketing", "", "sms"), Slot("personalisation")


async def test_to_the_second_a_guardian_is_out_when_the_child_turns_fourteen(family: Family) -> None:
    await family.linked()
    await family.day_by_day(until=TURNS - timedelta(minutes=30))
    await family.jobs()

    await family.at(TURNS - SECOND)
    assert await family.children_of(family.mother) == ["李小花"]
    await family.at(TURNS)
    assert await family.children_of(family.mother) == []
    assert await family.states() == ["active"]  # no job has run

    await family.jobs()
    (row,) = await family.links()
    assert (row.state, row.due_at) == ("handover", TURNS + timedelta(days=30))
    assert await family.band_of(family.daughter) == "minor"
    assert await family.children_of(family.mother) == []
    (entry,) = await family.recorded("jobs ages")
    assert (entry.caller, entry.fields) == ("jobs", ["guardian.handover"])
    assert entry.member_ids == sorted([family.mother, family.daughter])


async def test_a_guardian_is_not_out_for_a_moment_at_any_other_midnight(family: Family) -> None:
    await family.linked()
    await family.at(MIDNIGHT - timedelta(minutes=59))
    await family.jobs()

    for moment in (MIDNIGHT - SECOND, MIDNIGHT, MIDNIGHT + timedelta(hours=23)):
        await family.at(moment)
        assert await family.children_of(family.mother) == ["李小花"]


async def test_where_no_job_runs_the_next_midnight_ends_a_guardians_reach(family: Family) -> None:
    await family.linked()

    await family.at(MIDNIGHT - SECOND)
    assert await family.children_of(family.mother) == ["李小花"]
    await family.at(MIDNIGHT)
    assert await family.children_of(family.mother) == []
    await family.jobs()  # late, and still right
    assert await family.children_of(family.mother) == ["李小花"]


async def test_a_job_that_comes_days_late_hands_over_all_the_same(family: Family) -> None:
    await family.linked()

    await family.at(TURNS + timedelta(days=3))
    await family.jobs()

    assert await family.states() == ["handover"]
    assert await family.band_of(family.daughter) == "minor"


async def test_what_a_guardian_consented_to_ends_with_that_midnight(family: Family) -> None:
    await family.linked()
    origin = await _granted(family, family.daughter, Actor.GUARDIAN, band="child")
    assert (await bits(family.world.hub, family.daughter))[:3] == (1 << BIT, 0, MIDNIGHT)

    await family.day_by_day(until=TURNS - SECOND)
    assert (await bits(family.world.hub, family.daughter))[:3] == (1 << BIT, 0, TURNS)
    await family.at(TURNS)  # the gate is shut: its time is over, whatever the bits say
    await family.jobs()

    assert (await bits(family.world.hub, family.daughter))[:3] == (0, 0, None)
    assert await _standing(family, family.daughter) == {MARKETING: "stale", ADS: "stale"}
    (entry,) = await family.recorded("jobs ages")
    assert entry.fields == ["consent.stale_age:marketing.sms", "consent.stale_age:personalisation", "guardian.handover"]
    await family.jobs()
    assert len(await _events(family, origin)) == 4


async def test_nobody_who_settles_a_child_after_midnight_opens_what_closed(family: Family) -> None:
    """Neither for the one who has turned 14 nor for the one who has not: the job that knows the day's ages does."""
    await family.linked()
    await _granted(family, family.daughter, Actor.GUARDIAN, band="child")
    hub = family.world.hub

    for midnight, is_open_again in ((MIDNIGHT, True), (TURNS, False)):
        await family.day_by_day(until=midnight - SECOND)
        await family.at(midnight + SECOND)
        async with transaction(hub.database.app) as tx:
            await settle(tx, [family.daughter], catalogue=hub.catalogue, now=midnight + SECOND)
        assert (await bits(hub, family.daughter))[2] == midnight
        await family.jobs()
        until = midnight + timedelta(days=1) if is_open_again else None
        assert (await bits(hub, family.daughter))[2] == until


async def test_who_consents_anew_ends_the_handover(family: Family) -> None:
    await family.linked()
    await _granted(family, family.daughter, Actor.GUARDIAN, band="child")
    await family.at(TURNS)
    await family.jobs()
    await family.at(TURNS + timedelta(days=2))
    hub: Any = family.world.hub
    await inform(hub, family.daughter, await publish(hub, "g1"))  # by the notice for whoever is 14
    await _happen(family, family.daughter, Actor.MEMBER, MARKETING)

    await family.jobs()

    assert await family.states() == ["ended"]
    assert (await family.recorded("jobs guardians"))[-1].fields == ["guardian.handed_over"]
    assert (await bits(family.world.hub, family.daughter))[0] == 1 << BIT


async def test_a_handover_ends_by_itself_after_thirty_days(family: Family) -> None:
    await family.linked()
    await family.at(TURNS)
    await family.jobs()

    await family.at(TURNS + timedelta(days=30) - SECOND)
    await family.jobs()
    assert await family.states() == ["handover"]
    await family.at(TURNS + timedelta(days=30))
    await family.jobs()

    assert await family.states() == ["ended"]
    assert (await family.recorded("jobs guardians"))[-1].fields == ["guardian.lapsed"]


async def test_a_dispute_over_a_child_who_has_turned_fourteen_ends_in_a_handover(family: Family) -> None:
    link = await family.linked()
    second, _ = await family.proposes(family.father, family.daughter)
    await family.confirms(family.father, second["id"])
    await family.shown(second["id"])
    await family.at(TURNS + timedelta(hours=1))

    assert (await family.resolved(link))[0]["state"] == "ACTIVE"
    assert await family.children_of(family.mother) == []
    await family.jobs()
    assert [row.state for row in await family.links() if str(row.link_id) == link] == ["handover"]


@pytest.mark.parametrize("is_verified", [False, True])
async def test_a_guardian_who_never_answers_is_forgotten_and_the_child_stays_a_member(
    family: Family, is_verified: bool
) -> None:
    proposed, _ = await family.proposes(family.mother, family.daughter)
    if is_verified:
        await family.confirms(family.mother, proposed["id"])
    await _waits_for_a_guardian(family, family.daughter)
    before = await _key_of(family)

    await family.at(NOW + timedelta(days=7) - SECOND)
    await family.jobs()
    assert len([row for row in await family.links() if row.relation is not None]) == 1
    await family.at(NOW + timedelta(days=7))
    await family.jobs()

    (row,) = await family.links()
    assert (row.state, row.relation, row.guardian_id, row.proposed_by) == ("rejected", None, row.link_id, "")
    assert await _key_of(family) != before
    assert await _standing(family, family.daughter) == {MARKETING: "lapsed"}
    (entry,) = await family.recorded("jobs guardians")
    assert (entry.fields, entry.member_ids) == (["consent.lapsed:marketing.sms", "guardian.purged"], [family.daughter])
    me = await family.world.ask("member", "{ me { status name { value } } }", member=family.daughter)
    assert me == {"me": {"status": "ACTIVE", "name": {"value": "李小花"}}}


async def test_a_strangers_proposal_that_comes_to_nothing_takes_nothing_from_a_guardian(family: Family) -> None:
    """Consents that wait go on waiting for the guardian who is there."""
    link = await family.linked(child=family.boy)
    await family.proposes(family.father, family.boy)
    await family.resolved(link)
    await _waits_for_a_guardian(family, family.boy)

    await family.at(NOW + timedelta(days=7))
    await family.jobs()

    assert await family.states() == ["active", "rejected"]
    assert await family.children_of(family.mother) == ["赵小宝"]
    assert await _standing(family, family.boy) == {MARKETING: "guardian_pending"}


async def test_two_processes_at_once_do_each_thing_once(family: Family) -> None:
    await family.linked()
    await family.proposes(family.father, family.boy)
    await _granted(family, family.daughter, Actor.GUARDIAN, band="child")
    await family.at(TURNS + timedelta(days=7))

    await asyncio.gather(family.jobs(), family.jobs(), family.jobs())
    await family.jobs()

    assert sorted(await family.states()) == ["handover", "rejected"]
    words = [word for row in await family.world.audited() if row.operation.startswith("jobs") for word in row.fields]
    assert sorted(words) == [
        "consent.stale_age:marketing.sms",
        "consent.stale_age:personalisation",
        "guardian.handover",
        "guardian.purged",
    ]


async def test_who_turns_eighteen_is_an_adult_at_midnight(family: Family) -> None:
    await family.at(datetime.fromisoformat("2030-11-26T00:00:00+08:00") - SECOND)
    await _of_band(family, family.daughter, "minor")
    await family.jobs()
    assert await family.band_of(family.daughter) == "minor"

    await family.at(datetime.fromisoformat("2030-11-26T00:00:00+08:00"))
    await family.jobs()
    assert await family.band_of(family.daughter) == "adult"


async def _of_band(family: Family, member: MemberId, band: str) -> None:
    async with transaction(family.world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == member).values(age_band=band))


async def _origin(family: Family, member: MemberId) -> OriginId:
    async with transaction(family.world.hub.database.app) as tx:
        (decided,) = (await decisions_of(tx, [member])).values()
        (origin,) = decided.origins
        return origin


async def _granted(family: Family, member: MemberId, actor: Actor, *, band: str) -> OriginId:
    """Marketing over text messages and personalisation, granted under a notice that was served."""
    hub: Any = family.world.hub
    gates = {("marketing", ""): BIT}
    notice = await publish(hub, "n1", gates=gates, family="children")
    await inform(hub, member, notice)
    await _of_band(family, member, band)
    for slot in (MARKETING, ADS):
        await _happen(family, member, actor, slot, notice_id=notice)
    return await _origin(family, member)


async def _happen(family: Family, member: MemberId, actor: Actor, slot: Slot, **more: Any) -> None:
    hub, now = family.world.hub, family.world.clock.now()
    origin = await _origin(family, member)
    if "notice_id" not in more:
        async with transaction(hub.database.app) as tx:
            more["notice_id"] = await tx.scalar(text("SELECT notice_id FROM hub.notice"))
    about = {"slot": slot, "actor": actor, "occurred_at": now, **more}
    async with transaction(hub.database.app) as tx:
        granted = said(member, origin, Act.GRANT, ConsentState.GRANTED, **about)
        await record(tx, hub.vault, [granted], now=now)
        await settle(tx, [member], catalogue=hub.catalogue, now=now)


async def _waits_for_a_guardian(family: Family, member: MemberId) -> None:
    hub, now = family.world.hub, family.world.clock.now()
    origin = await _origin(family, member)
    async with transaction(hub.database.app) as tx:
        waits = said(member, origin, Act.GRANT_BY_CHILD, ConsentState.GUARDIAN_PENDING, occurred_at=now)
        await record(tx, hub.vault, [waits], now=now)
        await settle(tx, [member], catalogue=hub.catalogue, now=now)


async def _standing(family: Family, member: MemberId) -> dict[Slot, str]:
    async with transaction(family.world.hub.database.app) as tx:
        (decided,) = (await decisions_of(tx, [member])).values()
        return {one.slot: one.state.value for one in decided.standing}


async def _events(family: Family, origin: OriginId) -> list[Any]:
    async with transaction(family.world.hub.database.app) as tx:
        query = text("SELECT act FROM hub.consent_event WHERE origin_id = :origin")
        return list(await tx.scalars(query, {"origin": origin}))


async def _key_of(family: Family) -> Any:
    """The versions of the key under which the relation was sealed."""
    (row,) = await family.links()
    async with transaction(family.world.hub.database.app) as tx:
        query = text("SELECT version FROM vault.data_key WHERE subject = :origin AND data_class = 4")
        return list(await tx.scalars(query, {"origin": row.origin_id}))
