"""The ends of terms through the API, with the jobs of the clock as they fall due, minute by minute, over New Year."""

from typing import Any

from member_hub.ids import MemberId
from member_hub.jobs import every_job
from member_hub.members.tables import Channel
from tests.graphql.recording import an_order, record
from tests.graphql.test_tier_rules import TIERS, approve, propose, stored
from tests.graphql.test_tiers import me, review
from tests.graphql.test_tiers_at_rest import at_core, days
from tests.graphql.world import World, said
from tests.tiers.desk import at

SHORT = TIERS.replace('term_months = 12\nterm_end = "rolling"', 'term_months = 1\nterm_end = "end_of_year"')
GROWN = '{ figure = "growth", window = "rolling", months = 12, at_least = %d }'
CORE = f"promotion = {GROWN % 40}\nretention = {GROWN % 30}"
YEAR = '{ figure = "growth", window = "calendar_year", %s }'
assert CORE in SHORT


def ruled(promotion: str, retention: str) -> str:
    return SHORT.replace(CORE, f"promotion = {promotion}\nretention = {retention}")


async def clock(world: World, *moments: str, jobs: tuple[str, ...] = ("tier thresholds", "tier review")) -> None:
    """At each moment what is due, in the order in which jobs run or in another."""
    by_name = {job.name: job for job in every_job(world.hub)}
    for moment in moments:
        world.clock.at = at(moment)
        for name in jobs:
            await by_name[name].run_if_due(world.clock.at)


async def buyers(world: World, count: int = 24) -> list[MemberId]:
    """Of whom the first spends 50 yuan and everybody else 600."""
    numbers = [f"88000000{n:02}" for n in range(count)]
    found = await world.resolve(*(said(Channel.STORE, number, home_store="SH001") for number in numbers))
    for n, one in enumerate(found):
        line = {"lineNo": 1, "amountFen": 60_000 if n else 5_000}
        _, errors = await record(world, an_order(one, line, orderNo=f"T{n}"), key=f"k{n}")
        assert errors == []
    return found


async def judged(world: World, member: MemberId) -> tuple[str, str, list[Any]]:
    """The tier, why, and what retention needed and was reached."""
    found = await me(world, member)
    criteria = [one for one in found["explanation"]["criteria"] if one["rule"] == "RETENTION"]
    return found["tier"]["code"], found["reason"], [(one["needed"], one["reached"]) for one in criteria]


async def test_the_quantile_of_a_calendar_year_is_that_of_its_last_day_in_either_order_of_jobs(world: World) -> None:
    rules = ruled(YEAR % "at_least = 40", YEAR % "at_quantile = 50")
    assert (await propose(world, rules))["userErrors"] == []
    await approve(world, 1)
    least, most, *_ = await buyers(world)

    await clock(world, "2026-12-02T12:00", "2026-12-31T23:40")
    await clock(world, "2027-01-01T00:05", jobs=("tier review", "tier thresholds"))
    await clock(world, "2027-01-01T00:20", "2027-01-02T00:20")

    assert await judged(world, least) == ("core", "GRACE", [(600, 50)])
    assert await judged(world, most) == ("core", "RETAINED", [(600, 600)])


async def test_new_rules_with_a_quantile_decide_nothing_before_it_is_known(world: World) -> None:
    """They come into force as the terms end; the review of each minute runs before the thresholds of ten."""
    assert (await propose(world, ruled(YEAR % "at_least = 40", YEAR % "at_least = 30")))["userErrors"] == []
    await approve(world, 1)
    least, most, *_ = await buyers(world)
    new = ruled(YEAR % "at_least = 40", GROWN.replace("at_least = %d", "at_quantile = 50"))
    assert (await propose(world, new, effectiveAt="2027-01-01T00:00:00+08:00"))["userErrors"] == []
    await approve(world, 2)

    await clock(world, *(f"2026-12-31T23:{minute}" for minute in range(46, 60)))
    await clock(world, *(f"2027-01-01T00:{minute:02}" for minute in range(12)))

    assert await judged(world, least) == ("core", "GRACE", [(600, 50)])
    assert await judged(world, most) == ("core", "RETAINED", [(600, 600)])


async def test_a_till_that_comes_first_at_new_year_gives_nobody_another_term(world: World) -> None:
    """It waits for no quantile: the standing stays as it is until the clock decides."""
    rules = ruled(YEAR % "at_least = 40", YEAR % "at_quantile = 50")
    await propose(world, rules)
    await approve(world, 1)
    least, *_ = await buyers(world)
    await clock(world, "2026-12-02T12:00", "2026-12-31T23:40")
    before = await me(world, least)

    world.clock.at = at("2027-01-01T00:00:30")
    receipt, errors = await record(world, an_order(least, {"lineNo": 1, "amountFen": 100}, orderNo="N1"), key="n1")

    assert (receipt and receipt["tier"], errors) == ("core", [])
    after = await me(world, least)
    assert [after[name] for name in ("reason", "until")] == [before[name] for name in ("reason", "until")]
    await clock(world, "2027-01-01T00:01", jobs=("tier review",))
    assert await judged(world, least) == ("core", "GRACE", [(600, 50)])


async def test_a_quantile_of_the_year_so_far_promotes_nobody(world: World) -> None:
    answer = await propose(world, ruled(YEAR % "at_quantile = 50", YEAR % "at_least = 30"))

    assert [one["code"] for one in answer["userErrors"]] == ["TIER_RULES_INVALID"]
    assert "rolling" in answer["userErrors"][0]["message"]
    assert await stored(world) == []


async def test_an_order_of_new_years_eve_that_a_till_tells_in_the_morning_keeps_the_tier(world: World) -> None:
    """From the first of January on, as if it had been told in time; one of the new year does not."""
    await propose(world, ruled(YEAR % "at_least = 400", YEAR % "at_least = 500"))
    await approve(world, 1)
    late, later = await world.resolve(*(said(Channel.STORE, f"880000000{n}", home_store="SH001") for n in (1, 2)))
    for n, one in enumerate((late, later)):
        await record(world, an_order(one, {"lineNo": 1, "amountFen": 45_000}, orderNo=f"T{n}"), key=f"k{n}")
    await clock(world, "2026-12-02T12:00", "2026-12-31T23:40", "2027-01-01T00:01")
    assert (await me(world, late))["reason"] == "GRACE"

    world.clock.at = at("2027-01-01T09:00")
    for one, when in ((late, "2026-12-31T22:00:00+08:00"), (later, "2027-01-01T08:00:00+08:00")):
        order = an_order(one, {"lineNo": 1, "amountFen": 10_000}, orderNo=f"N{one}", occurredAt=when)
        assert (await record(world, order, key=f"n{one}"))[1] == []

    found = await me(world, late)
    assert (found["tier"]["code"], found["reason"], found["until"]) == ("core", "RETAINED", "2027-12-31T16:00:00Z")
    assert (await judged(world, late))[2] == [(500, 0), (500, 550)]
    assert (await me(world, later))["reason"] == "GRACE"
    await clock(world, "2027-01-31T00:05")
    assert [(await me(world, one))["tier"]["code"] for one in (late, later)] == ["core", "standard"]


async def test_nobody_loses_a_tier_before_the_day_that_they_were_told(world: World) -> None:
    """Rules that shorten the grace come into force after the notice went out; whoever is told later is told theirs."""
    await propose(world, ruled(YEAR % "at_least = 400", YEAR % "at_least = 500"))
    await approve(world, 1)
    (told,) = await world.resolve(said(Channel.STORE, "8800000001", home_store="SH001"))
    await record(world, an_order(told, {"lineNo": 1, "amountFen": 45_000}))
    await clock(world, "2026-12-02T12:00")
    assert (await me(world, told))["notice"]["until"] == "2027-01-30T16:00:00Z"

    shorter = ruled(YEAR % "at_least = 400", YEAR % "at_least = 500").replace("grace_days = 30", "grace_days = 0", 1)
    await propose(world, shorter, effectiveAt="2026-12-03T00:00:00+08:00")
    await approve(world, 2)
    await clock(world, "2026-12-03T12:00", "2027-01-01T00:05")

    found = await me(world, told)
    assert (found["tier"]["code"], found["until"], found["notice"]["until"]) == ("core", *["2027-01-30T16:00:00Z"] * 2)
    await clock(world, "2027-01-30T23:50")
    assert (await me(world, told))["tier"]["code"] == "core"
    await clock(world, "2027-01-31T00:05")
    assert (await me(world, told))["tier"]["code"] == "standard"


async def test_a_term_is_judged_by_the_rules_in_force_when_it_ended_however_late_the_clock_comes(world: World) -> None:
    await propose(world, ruled(YEAR % "at_least = 400", YEAR % "at_least = 450"))
    await approve(world, 1)
    daily, late = await world.resolve(*(said(Channel.STORE, f"880000000{n}", home_store="SH001") for n in (1, 2)))
    for n, one in enumerate((daily, late)):
        await record(world, an_order(one, {"lineNo": 1, "amountFen": 45_000}, orderNo=f"T{n}"), key=f"k{n}")
    await clock(world, "2026-12-02T12:00")
    stricter = ruled(YEAR % "at_least = 400", YEAR % "at_least = 500")
    await propose(world, stricter, effectiveAt="2027-01-05T00:00:00+08:00")
    await approve(world, 2)

    world.clock.at = at("2027-01-02T12:00")
    await review(world, daily)
    await clock(world, "2027-01-20T12:00")

    for one in (daily, late):
        found = await me(world, one)
        assert (found["tier"]["code"], found["reason"], found["until"]) == ("core", "RETAINED", "2027-12-31T16:00:00Z")
    assert (await judged(world, late))[2] == [(450, 450)]
    assert (await me(world, late))["explanation"]["rulesVersion"] == 1
    assert (await me(world, daily))["explanation"]["rulesVersion"] == 1


async def test_a_version_comes_into_force_at_its_time_though_a_newer_one_was_approved_for_an_earlier(
    world: World,
) -> None:
    await propose(world, ruled(GROWN % 40, GROWN % 30), effectiveAt="2027-01-01T00:00:00+08:00")
    await approve(world, 1)
    await propose(world, ruled(GROWN % 500, GROWN % 30), effectiveAt="2026-12-01T00:00:00+08:00")
    await approve(world, 2)
    (one,) = await world.resolve(said(Channel.STORE, "8800000001", home_store="SH001"))
    await record(world, an_order(one, {"lineNo": 1, "amountFen": 5_000}))
    assert (await me(world, one))["tier"]["code"] == "core"
    assert (await me(world, one))["explanation"]["rulesVersion"] == 0
    (other,) = await world.resolve(said(Channel.STORE, "8800000002", home_store="SH001"))

    world.clock.at = at("2026-12-31T23:00")
    receipt, _ = await record(world, an_order(other, {"lineNo": 1, "amountFen": 5_000}, orderNo="T2"), key="k2")
    assert receipt is not None
    assert receipt["tier"] == "standard"
    await clock(world, "2027-01-01T00:05")

    found = await me(world, other)
    assert (found["tier"]["code"], found["explanation"]["rulesVersion"]) == ("core", 1)


async def test_what_is_undecided_is_decided_by_later_rules_at_no_member_s_cost(world: World) -> None:
    """A quantile of too few left an end open; then come other rules, of another window: orders and reviews go on."""
    member = await at_core(world)
    await days(world, "2027-10-24T12:00", "2027-11-23T12:00", "2027-12-01T12:00")
    assert (await propose(world, kept("months = 12, at_quantile = 50"), effectiveAt="2027-12-01T12:00:00+08:00"))[
        "userErrors"
    ] == []
    await approve(world, 1)
    await days(world, "2027-12-02T12:00", "2027-12-24T12:00")
    assert (await propose(world, kept("months = 6, at_least = 20"), effectiveAt="2027-12-25T12:00:00+08:00"))[
        "userErrors"
    ] == []
    await approve(world, 2)

    await days(world, "2027-12-26T12:00", "2027-12-27T12:00")
    _, errors = await record(world, an_order(member, {"lineNo": 1, "amountFen": 1_000}, orderNo="T9"), key="k9")

    assert errors == []


def kept(how: str) -> str:
    """The rules with another retention of core."""
    own = 'figure = "growth", window = "rolling", months = 12, at_least = 30 }'
    assert own in TIERS
    return TIERS.replace(own, own.replace("months = 12, at_least = 30", how))
