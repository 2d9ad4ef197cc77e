"""Rounds of the clock over benefits: who fails holds up nobody, every run ends, each decision is read once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from member_hub.access import system_caller
from member_hub.benefits import Given, clockwork
from member_hub.benefits import gifts as gifts_of_tiers
from member_hub.db import transaction
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import MemberStatus
from member_hub.privacy import Purpose
from member_hub.tiers.standing.log import Change, log
from member_hub.tiers.words import Why
from tests.graphql.benefits import rows, set_status
from tests.graphql.occasions import FEBRUARY, born, days, gifts, given, occasions, promote, promotions
from tests.graphql.world import People, World


async def refuse(world: World, *members: MemberId) -> None:
    """Have the database refuse entitlements of these."""
    no = " and ".join(f"member_id <> '{one}'" for one in members)
    async with transaction(world.hub.database.login) as tx:
        await tx.execute(text(f"alter table hub.entitlement add constraint no check ({no})"))


async def allow(world: World) -> None:
    async with transaction(world.hub.database.login) as tx:
        await tx.execute(text("alter table hub.entitlement drop constraint no"))


async def test_members_whose_birthday_fails_hold_up_nobody_and_come_again_the_next_day(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    everybody = sorted([people.whole, *await born(world, *["1990-02-14"] * 6)])
    monkeypatch.setattr(clockwork, "BATCH", 2)
    broken = everybody[:3]  # more than a batch, and the first
    await refuse(world, *broken)
    world.clock.at = FEBRUARY

    assert await occasions(world).run(FEBRUARY) == Given(4, failed=3)
    assert await occasions(world).run(FEBRUARY) == Given()
    tomorrow = FEBRUARY + timedelta(days=1)
    assert await occasions(world).run(tomorrow) == Given(0, failed=3)
    due = [(row.member_id, row.source, row.month) for row in await rows(world, "hub.benefit_again")]
    assert due == [(one, "birthday", date(2027, 2, 1)) for one in broken]
    for one in broken:
        assert f"Benefits of the month of 1 members failed, of {one} first (IntegrityError)." in caplog.text

    await allow(world)

    assert await occasions(world).run(tomorrow) == Given()  # once a day
    assert await occasions(world).run(tomorrow + timedelta(days=1)) == Given(3)
    assert await given(world) == dict.fromkeys(everybody, (1, 0))
    assert await rows(world, "hub.benefit_again") == []


async def test_who_failed_in_a_month_that_is_over_is_not_kept(world: World, people: People) -> None:
    """Though nobody looks at them again: here because they were frozen."""
    (failing,) = await born(world, "1990-02-14")
    await refuse(world, failing)
    world.clock.at = FEBRUARY
    assert await occasions(world).run(FEBRUARY) == Given(1, failed=1)  # `whole`, too, is born in February
    await set_status(world, failing, MemberStatus.FROZEN)

    await occasions(world).run(FEBRUARY + timedelta(days=1))
    assert [row.member_id for row in await rows(world, "hub.benefit_again")] == [failing]
    await occasions(world).run(FEBRUARY + timedelta(days=30))

    assert await rows(world, "hub.benefit_again") == []


async def test_a_run_over_birthdays_and_over_promotions_ends_at_its_limit(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    await born(world, *["1990-02-14"] * 6)
    for part in (clockwork, gifts_of_tiers):
        monkeypatch.setattr(part, "BATCH", 2)
        monkeypatch.setattr(part, "BATCHES_MAX", 2)
    await promotions(world, days(0))
    for one in (everybody := await born(world, *["1990-12-01"] * 5)):
        await promote(world, one, "base", "core", at=days(3))

    months = [await occasions(world).run(FEBRUARY) for _ in range(9)]
    of_tiers = [await gifts(world).run(days(3)) for _ in range(3)]

    assert [one.issued for one in months] == [4, 3, *[0] * 7]  # of two at a time, and of those who joined none
    assert (months[0].has_more, months[1].has_more, months[-1].has_more) == (True, True, False)
    assert [(one.issued, one.has_more) for one in of_tiers] == [(4, True), (1, False), (0, False)]
    assert await given(world, "promotion_gift") == dict.fromkeys(everybody, (1, 0))


async def test_a_promotion_whose_gift_fails_holds_up_no_other_and_waits(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gifts_of_tiers, "BATCH", 2)
    await promotions(world, days(0))
    everybody = sorted([people.whole, people.southern, people.visitor, people.former])
    for one in everybody:
        await promote(world, one, "base", "core", at=days(3))
    await refuse(world, *everybody[:3])

    assert await gifts(world).run(days(3)) == Given(1, failed=3)
    assert await gifts(world).run(days(30)) == Given(0, failed=3)
    await allow(world)

    assert await gifts(world).run(days(31)) == Given(3)
    assert await given(world, "promotion_gift") == dict.fromkeys(everybody, (1, 0))
    assert await rows(world, "hub.tier_rise") == []


async def test_each_decision_is_read_once_and_one_that_commits_hours_late_is_not_missed(
    world: World, people: People
) -> None:
    await promotions(world, days(0))
    caller = system_caller(subject="jobs", purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
    async with transaction(world.hub.database.app) as tx:
        await log(tx, caller, [Change(people.whole, "base", "core", Why.EARNED, None, 0, {})], now=days(3))
        await promote(world, people.southern, "base", "core", at=days(3) + timedelta(hours=5))
        assert await promotions(world, days(3) + timedelta(hours=6)) == 1
        assert await rows(world, "hub.tier_rise") == []

    assert await promotions(world, days(3) + timedelta(hours=7)) == 1

    assert await given(world, "promotion_gift") == {people.whole: (1, 0), people.southern: (1, 0)}
    assert await rows(world, "hub.tier_rise") == []


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_who_is_frozen_when_a_gift_is_due_gets_it_once_when_active_again(
    world: World, people: People, status: MemberStatus
) -> None:
    await promotions(world, days(0))
    await promote(world, people.whole, "base", "core", at=days(3))
    await promote(world, people.southern, "base", "core", at=days(3))
    await set_status(world, people.whole, status)

    assert [await gifts(world).run(days(n)) for n in (3, 4)] == [Given(1), Given()]
    assert await given(world, "promotion_gift") == {people.southern: (1, 0)}
    assert [row.member_id for row in await rows(world, "hub.tier_rise")] == [people.whole]
    await set_status(world, people.whole, MemberStatus.ACTIVE)

    world.clock.at = days(60)
    assert [await gifts(world).run(days(60)) for _ in range(2)] == [Given(1), Given()]

    assert await given(world, "promotion_gift") == {people.southern: (1, 0), people.whole: (1, 0)}
    (until,) = {row.until for row in await rows(world, "hub.entitlement") if row.member_id == people.whole}
    assert until - days(60) > timedelta(days=90)  # 90 whole days after the day on which it was given
    assert await rows(world, "hub.tier_rise") == []


async def test_of_two_decisions_that_waited_the_greater_gift_is_given(world: World, people: People) -> None:
    await promotions(world, days(0))
    await set_status(world, people.whole, MemberStatus.FROZEN)
    await promote(world, people.whole, "base", "core", at=days(3))
    assert await promotions(world, days(3)) == 0
    await promote(world, people.whole, "core", "vip", at=days(4))
    await set_status(world, people.whole, MemberStatus.ACTIVE)

    assert [await promotions(world, days(n)) for n in (5, 6)] == [1, 0]

    assert await given(world, "promotion_gift") == {people.whole: (2, 0)}


async def test_a_gift_waits_as_long_as_it_would_have_been_good(world: World, people: People) -> None:
    await promotions(world, days(0))
    await promote(world, people.whole, "base", "core", at=days(3))
    await set_status(world, people.whole, MemberStatus.FROZEN)
    good_until = days(3) + timedelta(days=91)  # 90 whole days, and that on which it is given

    await promotions(world, good_until - timedelta(days=1))
    assert len(await rows(world, "hub.tier_rise")) == 1
    await promotions(world, good_until)
    assert await rows(world, "hub.tier_rise") == []
    await set_status(world, people.whole, MemberStatus.ACTIVE)

    assert await promotions(world, good_until + timedelta(days=1)) == 0
    assert await given(world, "promotion_gift") == {}
