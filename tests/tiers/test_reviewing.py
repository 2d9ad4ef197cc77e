"""What a review reads and writes: figures set by set, standings, the log, the day's quantiles, floors by hand."""

import asyncio
from collections import Counter
from datetime import date, timedelta

import pytest

from member_hub import tiers
from member_hub.db import transaction
from member_hub.errors import NotFound
from member_hub.members.bits import PROFILING, PURPOSE_BITS
from member_hub.members.serving import MemberNotActive
from member_hub.members.tables import MemberStatus
from member_hub.privacy import Purpose
from member_hub.tiers import PlacingReason, Source
from member_hub.tiers.rules.windows import Span
from member_hub.tiers.standing.placing import PlacementTooLong, TierUnknown
from member_hub.tiers.standing.ranking import nearest_rank
from member_hub.tiers.words import Figure
from tests.tiers.desk import HUB, NOW, Desk, at, rules_of
from tests.tiers.paper import ladder, spelled

YEAR = Span(date(2025, 3, 3), date(2026, 3, 2))


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.tier_rules = ladder()
    return desk


async def test_orders_and_money_are_net_of_refunds_over_all_accounts(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.order(anna, "O1", 10_000)
    await desk.order(anna, "O1", 5_000, line=2)
    await desk.order(anna, "O2", 3_000)
    await desk.order(anna, "O3", 7_000, when=at("2025-03-02T23:59:59"))
    await desk.order(twin, "O4", 900, when=at("2025-03-03T00:00"))
    await desk.order(twin, "R1", -4_000, of="O1", when=NOW + timedelta(days=200))
    await desk.order(twin, "R2", -9_999, of="O2")
    await desk.merge(anna, twin)

    found = await desk.measured(anna, (Figure.ORDERS, YEAR), (Figure.SPEND_FEN, YEAR))

    assert found == [2, 6_000 + 5_000 + 900]


async def test_days_counts_and_runs_of_check_ins(desk: Desk) -> None:
    anna = await desk.member()
    first = date(2026, 2, 26)
    await desk.active(anna, "check_in", *(first + timedelta(days=n) for n in (0, 1, 2, 4)), count=2)
    await desk.active(anna, "visit", first, first + timedelta(days=9), count=3)
    await desk.active(anna, "review", first + timedelta(days=3), count=0)
    span = Span(date(2026, 2, 1), date(2026, 3, 31))

    asks = (Figure.STREAK, Figure.ACTIVE_DAYS, Figure.CHECK_IN, Figure.VISIT, Figure.REVIEW, Figure.SURVEY)
    found = await desk.measured(anna, *((figure, span) for figure in asks))

    assert found == [3, 5, 8, 6, 0, 0]


async def test_a_promotion_is_written_and_logged_with_its_numbers(desk: Desk) -> None:
    anna, bela = await desk.member(), await desk.member()
    await desk.grow(anna, 1200)
    await desk.grow(anna, -150, Source.REFUND)
    await desk.grow(bela, 99)
    await desk.touch(anna, bela)

    changed = await desk.work()

    assert changed == 1
    assert (await desk.placed(anna), await desk.placed(bela)) == (("core", "earned"), ("base", "joined"))
    (change,) = await desk.rows("tier_change")
    assert (change.from_tier, change.to_tier, change.actor, change.rules_version) == ("base", "core", "jobs", 0)
    assert [(one["tier"], one["needed"], one["reached"], one["met"]) for one in change.facts["reasons"]] == [
        ("standard", 100, 1050, True),
        ("core", 1000, 1050, True),
        ("vip", 5000, 1050, False),
    ]
    assert (await desk.standing(anna)).until == at("2027-03-03T00:00")
    assert await desk.due() == []


async def test_reviewing_twice_writes_nothing_the_second_time(desk: Desk) -> None:
    anna = await desk.member()
    await desk.grow(anna, 1200)
    await desk.review(anna)
    before = await desk.everything()

    assert await desk.review(anna) == 0
    assert await desk.everything() == before


async def test_ten_reviews_at_once_decide_once(desk: Desk) -> None:
    anna = await desk.member()
    await desk.grow(anna, 1200)

    done = await asyncio.gather(*(desk.review(anna) for _ in range(10)))

    assert sorted(done) == [0] * 9 + [1]
    assert await desk.changes(anna) == [("base", "core", "earned")]


async def test_the_multiplier_is_that_of_the_tier_on_record_at_the_time(desk: Desk) -> None:
    anna = await desk.member()
    await desk.grow(anna, 1200)
    desk.later(days=1)
    await desk.review(anna)
    first = desk.clock.at
    await desk.grow(anna, 5000)
    desk.later(days=1)
    await desk.review(anna)

    held = await desk.held_at((anna, first - timedelta(microseconds=1)), (anna, first), (anna, desk.clock.at))

    assert held == ["base", "core", "vip"]
    assert [desk.tier_rules.multiplier_bp(tier) for tier in held] == [10_000, 12_000, 15_000]


async def test_whole_terms_that_ended_while_nothing_ran_are_caught_up(desk: Desk) -> None:
    anna = await desk.member()
    await desk.grow(anna, 6000)
    await desk.work()
    desk.later(days=365 * 3)

    await desk.work()
    assert await desk.changes(anna) == [("base", "vip", "earned"), ("vip", "vip", "grace")]
    notice = (await desk.standing(anna)).notice
    assert notice is not None
    assert (notice.growth_needed, notice.until) == (4000, at("2029-04-01T00:00"))
    desk.later(days=31)
    await desk.work()

    assert await desk.placed(anna) == ("core", "lapsed")


async def test_who_was_told_of_a_fall_is_told_once_though_the_notice_is_kept_up_to_date(desk: Desk) -> None:
    """And through the grace, with its end; two processes share out whom they tell."""
    anna = await desk.member()
    await desk.grow(anna, 1200)
    await desk.work()
    desk.later(days=350)
    await desk.work()
    async with transaction(desk.database.app) as tx, transaction(desk.database.app) as other:
        assert await tiers.ask_notices(tx, now=desk.clock.now()) == 1
        async with asyncio.timeout(5):
            assert await tiers.ask_notices(other, now=desk.clock.now()) == 0

    for days in (1, 20):
        desk.later(days=days)
        await desk.grow(anna, 5)
        await desk.touch(anna)
        await desk.work()
        async with transaction(desk.database.app) as tx:
            assert await tiers.ask_notices(tx, now=desk.clock.now()) == 0

    standing = await desk.standing(anna)
    assert (standing.reason.value, standing.until) == ("grace", at("2027-04-02T00:00"))
    assert standing.notice is not None
    assert (standing.notice.growth_needed, standing.notice.until) == (790, standing.until)
    assert [row.kind for row in await desk.rows("notice_task")] == ["tier_ending"]


async def test_a_floor_that_is_over_counts_no_more_though_nobody_has_looked(desk: Desk) -> None:
    anna = await desk.member()
    await desk.work()
    await desk.place(anna, "vip", "2026-03-10T12:00")
    assert (await desk.standing(anna)).tier == "vip"

    desk.later(days=30)

    standing = await desk.standing(anna)
    assert (standing.tier, standing.rank, standing.floor) == ("base", 0, None)


async def test_what_a_floor_multiplies_ends_with_the_floor_however_late_the_clock_comes(desk: Desk) -> None:
    """As an app sees the standing. Before and after the clock has looked; and a floor that was put in its place."""
    anna, bela = await desk.member(), await desk.member()
    for one in (anna, bela):
        await desk.grow(one, 150)
    await desk.work()
    desk.later(days=1)
    for one in (anna, bela):
        await desk.place(one, "vip", "2026-03-10T12:00")
    desk.later(days=1)
    await desk.place(bela, "core", "2026-06-30T12:00")
    ends = at("2026-03-11T00:00")
    moments = [ends - timedelta(microseconds=1), ends, ends + timedelta(days=2)]

    for day in (4, 5):
        desk.clock.at = ends + timedelta(days=day)
        assert await desk.held_at(*((anna, moment) for moment in moments)) == ["vip", "standard", "standard"]
        assert await desk.held_at(*((bela, moment) for moment in moments)) == ["core"] * 3
        assert [(await desk.standing(one)).tier for one in (anna, bela)] == ["standard", "core"]
        await desk.work()


async def test_a_floor_at_ones_own_tier_says_the_later_end_of_both(desk: Desk) -> None:
    """To whoever reads the standing, and in the log of decisions."""
    anna = await desk.member()
    await desk.grow(anna, 1200)
    await desk.work()
    assert (await desk.standing(anna)).until == at("2027-03-03T00:00")

    assert (await desk.place(anna, "core", "2027-12-31T12:00")).until == at("2028-01-01T00:00")
    logged = [row.until for row in await desk.rows("tier_change") if row.reason == "manual"]
    assert logged == [at("2028-01-01T00:00")]
    assert (await desk.place(anna, "core", "2026-12-31T12:00")).until == at("2027-03-03T00:00")


async def test_nothing_is_decided_about_who_is_frozen_until_they_no_longer_are(desk: Desk) -> None:
    anna = await desk.member()
    await desk.grow(anna, 1200)
    await desk.touch(anna)
    await desk.set_status(anna, MemberStatus.RESTRICTED)

    assert (await desk.work(), await desk.placed(anna)) == (0, ("base", "joined"))
    await desk.set_status(anna, MemberStatus.ACTIVE)

    assert (await desk.work(), await desk.placed(anna)) == (1, ("core", "earned"))


@pytest.mark.parametrize("bit", [PROFILING, PURPOSE_BITS[Purpose.ACTIVITY_EVALUATION]])
async def test_activity_is_not_evaluated_for_who_objected(desk: Desk, bit: int) -> None:
    text = spelled()
    reviews = '{ figure = "review", window = "rolling", months = 12, at_least = 1 }'
    desk.tier_rules = rules_of(text.replace(_growth(100), reviews).replace(_growth(80), reviews))
    anna, bela = await desk.member(), await desk.member()
    for one in (anna, bela):
        await desk.active(one, "review", date(2026, 3, 1))
    await desk.object_to(anna, bit)

    await desk.review(anna, bela)
    assert [await desk.placed(one) for one in (anna, bela)] == [("base", "joined"), ("standard", "earned")]
    await desk.object_to(bela, bit)
    desk.later(days=500)
    await desk.review(bela)

    assert await desk.placed(bela) == ("standard", "retained")


async def test_quantiles_are_those_of_all_members_and_everybody_is_looked_at_when_they_move(desk: Desk) -> None:
    text = spelled()
    median = '{ figure = "growth", window = "rolling", months = 12, at_quantile = 50 }'
    desk.tier_rules = rules_of(text.replace(_growth(100), median))
    members = [await desk.member() for _ in range(20)]
    for one, amount in zip(members, (0, 10, 30, 30, 40) * 4, strict=True):
        await desk.grow(one, amount)

    assert await desk.work() == 12
    (row,) = await desk.rows("tier_threshold")
    assert (row.name, row.day, row.value) == ("growth_rolling_12m_p50", date(2026, 3, 2), 30)
    assert [(await desk.placed(one))[0] for one in members[:5]] == ["base", "base", "standard", "standard", "standard"]
    for one in (*members[2:5], members[7]):
        await desk.grow(one, -30, Source.REFUND, key=b"all of it")

    assert await desk.work() == 0, "the quantiles are the day's"
    desk.later(days=1)
    assert await desk.work() == 4, "the median is 10 now"

    assert await desk.placed(members[1]) == ("standard", "earned")


async def test_of_few_members_there_is_no_quantile_and_nobody_rises_or_falls_by_one(desk: Desk) -> None:
    """It would be the figure of somebody; with one more there is one."""
    text = spelled(grace=0, growth_grace=0)
    median = '{ figure = "growth", window = "rolling", months = 12, at_quantile = 50 }'
    desk.tier_rules = rules_of(text.replace(_growth(1000), median).replace(_growth(80), median))
    members = [await desk.member() for _ in range(19)]
    for one in members:
        await desk.grow(one, 150)
    await desk.work()
    (row,) = await desk.rows("tier_threshold")
    assert (row.value, {await desk.placed(one) for one in members}) == (None, {("standard", "earned")})
    ends = (await desk.standing(members[0])).until
    assert ends == at("2027-03-03T00:00")

    desk.clock.at = at("2027-02-10T12:00")
    await desk.work()
    desk.clock.at = at("2027-03-03T00:10")
    assert await desk.work() == 0
    assert (await desk.placed(members[0]), (await desk.standing(members[0])).until) == (("standard", "earned"), ends)
    assert {row.due_at for row in await desk.rows("tier_standing")} == {at("2027-03-04T00:00")}


async def test_quantiles_of_ends_are_there_before_a_review_holds_anybody(desk: Desk) -> None:
    text = spelled()
    desk.tier_rules = rules_of(text.replace(_growth(80), _growth(80).replace("at_least = 80", "at_quantile = 50")))
    members = [await desk.member() for _ in range(20)]
    for one in members:
        await desk.grow(one, 150)
    await desk.work()
    desk.clock.at = at("2027-03-05T12:00")

    async with transaction(desk.database.app) as tx:
        await tiers.rank_ends(tx, desk.programme, now=desk.clock.now())
        await tiers.review(tx, desk.programme, members, now=desk.clock.now(), caller=HUB, is_waited_for=True)

    assert date(2027, 3, 2) in {row.day for row in await desk.rows("tier_threshold")}
    assert {await desk.placed(one) for one in members} == {("standard", "grace")}


async def test_the_quantile_at_the_end_of_a_term_is_that_of_its_last_day_whichever_job_comes_first(desk: Desk) -> None:
    """The review computes it where it is missing; it stands from then on, and no till waits for it."""
    text = spelled(grace=0, growth_grace=5).replace('"rolling"\n[[', '"end_of_year"\n[[')
    median = '{ figure = "growth", window = "calendar_year", at_quantile = 50 }'
    desk.tier_rules = rules_of(text.replace(_growth(80), median))
    members = [await desk.member() for _ in range(20)]
    for one in members:
        await desk.grow(one, 150)
    await desk.work()
    desk.clock.at = at("2027-06-01T12:00")
    for one, amount in zip(members, [10] * 9 + [70] * 11, strict=True):
        await desk.grow(one, amount)
    desk.clock.at = at("2027-12-02T12:00")
    await desk.work()
    desk.clock.at = at("2028-01-01T00:01")
    async with transaction(desk.database.app) as tx:
        waited = {"now": desk.clock.now(), "caller": HUB, "is_waited_for": True}
        assert await tiers.review(tx, desk.programme, members[:2], **waited) == 0
    assert set(members) == set(await desk.due())

    assert await desk.review(*members) == 20

    placed = [await desk.placed(one) for one in members]
    assert placed == [("base", "lapsed")] * 9 + [("standard", "retained")] * 11
    found = {(row.name, row.day): row.value for row in await desk.rows("tier_threshold")}
    assert found["growth_calendar_year_p50_5d", date(2027, 12, 31)] == 70
    await desk.grow(members[0], 500, at=at("2027-12-31T12:00"))
    desk.clock.at = at("2028-01-01T00:05")
    await desk.work()
    again = {(row.name, row.day): row.value for row in await desk.rows("tier_threshold")}
    assert again["growth_calendar_year_p50_5d", date(2027, 12, 31)] == 70
    assert again["growth_calendar_year_p50_5d", date(2028, 1, 1)] == 0


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([0, 10, 30, 30, 40], 50, 30), ([1], 90, 1), ([1, 2, 3, 4], 25, 1), ([1, 2, 3, 4], 26, 2), ([5] * 9 + [7], 90, 5)],
)
def test_a_quantile_is_a_value_that_somebody_has(values: list[int], percent: int, expected: int) -> None:
    assert nearest_rank(Counter(values), percent) == expected


async def test_a_placement_holds_with_its_end_and_reason_and_another_takes_its_place(desk: Desk) -> None:
    anna = await desk.member()
    await desk.grow(anna, 150)
    await desk.work()

    standing = await desk.place(anna, "vip", "2026-06-30T10:00", reason=PlacingReason.INVITATION)

    assert (standing.tier, standing.reason.value, standing.until) == ("vip", "manual", at("2026-07-01T00:00"))
    change = next(row for row in await desk.rows("tier_change") if row.reason == "manual")
    assert (change.from_tier, change.to_tier, change.placing) == ("standard", "vip", "invitation")
    assert (change.actor, change.approved_by, change.until) == ("E0001", "E0002", at("2026-07-01T00:00"))
    desk.later(days=1)
    lower = await desk.place(anna, "base", "2026-06-30T10:00", reason=PlacingReason.CORRECTION)
    assert (lower.tier, lower.reason.value) == ("standard", "manual")
    desk.later(days=1)
    await desk.place(anna, "core", "2026-03-20T10:00")
    desk.later(days=20)
    await desk.work()

    assert await desk.placed(anna) == ("standard", "lapsed")


async def test_a_placement_that_cannot_be_changes_nothing(desk: Desk) -> None:
    anna, gone = await desk.member(), await desk.member()
    await desk.set_status(gone, MemberStatus.ERASED)
    before = await desk.everything()

    with pytest.raises(TierUnknown):
        await desk.place(anna, "platinum", "2026-06-30T10:00")
    for until in ("2026-03-02T23:59", "2028-03-04T00:00", "2020-01-01T00:00"):
        with pytest.raises(PlacementTooLong):
            await desk.place(anna, "vip", until)
    with pytest.raises(NotFound):
        await desk.place(gone, "vip", "2026-06-30T10:00")
    await desk.set_status(anna, MemberStatus.FROZEN)
    with pytest.raises(MemberNotActive):
        await desk.place(anna, "vip", "2026-06-30T10:00")

    assert await desk.everything() == before


async def test_other_rules_in_the_file_have_everybody_looked_at(desk: Desk) -> None:
    anna = await desk.member()
    await desk.grow(anna, 150)
    assert await desk.work() == 1
    assert await desk.work() == 0

    desk.tier_rules = rules_of(spelled().replace("1000 }", "150 }"))

    assert await desk.work() == 1
    assert await desk.placed(anna) == ("core", "earned")


def _growth(at_least: int) -> str:
    return f'{{ figure = "growth", window = "rolling", months = 12, at_least = {at_least} }}'
