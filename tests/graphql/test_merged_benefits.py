"""What is counted by the term of a tier, where members with terms of their own become one, and part again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from member_hub.ids import MemberId
from member_hub.members.tables import Channel
from tests.graphql.benefits import counts, everything, last_audit, place, refusal, use, void
from tests.graphql.meeting import PHONES, meet, part, two
from tests.graphql.world import NOW, World, said

FITTING = "priority_fitting"  # in a term: core 2, vip 6
EARLY, LATE = NOW - timedelta(days=60), NOW - timedelta(days=10)


async def fittings(world: World, member: MemberId) -> tuple[int, int, str] | None:
    return (await counts(world, member)).get(FITTING)


async def used(world: World, member: MemberId, times: int = 1) -> list[Any]:
    done = [await use(world, member, FITTING) for _ in range(times)]
    assert [one["userErrors"] for one in done] == [[]] * times
    return [one["use"] for one in done]


async def refuses(world: World, member: MemberId) -> None:
    before = await everything(world)
    assert refusal(await use(world, member, FITTING)) == [("benefit", "BENEFIT_USED_UP")]
    assert await everything(world) == before
    assert (await last_audit(world))[1:3] == ("benefitUse", "BENEFIT_USED_UP")


@pytest.mark.parametrize(("mine", "theirs"), [(EARLY, LATE), (LATE, EARLY)])
async def test_what_both_used_in_their_terms_adds_up_and_parts_again(
    world: World, mine: datetime, theirs: datetime
) -> None:
    kept, gone = await two(world)
    await place(world, kept, "core", since=mine)
    await place(world, gone, "core", since=theirs)
    await used(world, kept)
    await used(world, gone)

    await meet(world, kept, gone)

    assert await fittings(world, kept) == await fittings(world, gone) == (2, 2, "USED_UP")
    await refuses(world, kept)
    await part(world)
    assert await fittings(world, kept) == await fittings(world, gone) == (2, 1, "USABLE")
    await used(world, gone)
    await refuses(world, gone)
    assert await fittings(world, kept) == (2, 1, "USABLE")


@pytest.mark.parametrize(("mine", "theirs"), [("core", "vip"), ("vip", "core")])
@pytest.mark.parametrize(("ours", "others"), [(2, 0), (0, 2), (1, 2)])
async def test_the_higher_tiers_term_counts_what_either_used(
    world: World, mine: str, theirs: str, ours: int, others: int
) -> None:
    kept, gone = await two(world)
    await place(world, kept, mine, since=EARLY)
    await place(world, gone, theirs, since=LATE)
    await used(world, kept, ours)
    await used(world, gone, others)

    await meet(world, kept, gone)

    together = ours + others
    assert await fittings(world, kept) == (6, together, "USABLE")
    await used(world, gone, 6 - together)
    await refuses(world, kept)


async def test_who_stood_nowhere_brings_no_second_allotment_and_takes_none_along(world: World) -> None:
    kept, gone = await two(world)
    await place(world, gone, "core", since=LATE)
    await used(world, gone, 2)

    await meet(world, kept, gone)

    assert await fittings(world, kept) == (2, 2, "USED_UP")
    await part(world)
    assert await fittings(world, gone) == (2, 2, "USED_UP")
    assert await fittings(world, kept) == (2, 0, "USABLE")  # the tier that protects for a time after parting


async def test_what_was_used_in_a_term_that_was_over_does_not_count(world: World) -> None:
    kept, gone = await two(world)
    await place(world, kept, "core", since=EARLY)
    await place(world, gone, "core", since=EARLY)
    await used(world, kept, 2)
    await used(world, gone, 2)
    await place(world, gone, "core", since=LATE)
    await place(world, kept, "core", since=LATE - timedelta(days=1))
    await used(world, gone)

    await meet(world, kept, gone)

    assert await fittings(world, kept) == (2, 1, "USABLE")


async def test_a_use_of_the_other_ones_term_is_taken_back_where_it_was_counted(world: World) -> None:
    kept, gone = await two(world)
    await place(world, kept, "core", since=EARLY)
    await place(world, gone, "core", since=LATE)
    await used(world, kept)
    [theirs] = await used(world, gone)
    await meet(world, kept, gone)

    voided = await void(world, theirs["id"])

    assert voided["userErrors"] == []
    assert await fittings(world, kept) == (2, 1, "USABLE")
    await part(world)
    assert (await fittings(world, kept), await fittings(world, gone)) == ((2, 1, "USABLE"), (2, 0, "USABLE"))


async def test_used_while_merged_stays_with_who_counted_it_also_after_the_protection(world: World) -> None:
    kept, gone = await two(world)
    await place(world, kept, "vip", since=EARLY)
    await place(world, gone, "core", since=LATE)
    await used(world, kept)
    await used(world, gone, 2)
    await meet(world, kept, gone)
    await used(world, kept, 2)

    await part(world)

    assert await fittings(world, kept) == (6, 3, "USABLE")
    assert await fittings(world, gone) == (6, 2, "USABLE")  # protected at vip, in the term that ran before
    world.clock.at += timedelta(days=100)
    assert await fittings(world, gone) == (2, 2, "USED_UP")
    assert refusal(await use(world, gone, FITTING)) == [("benefit", "BENEFIT_USED_UP")]


async def test_merged_and_parted_again_and_again_gives_nobody_one_more(world: World) -> None:
    kept, gone = await two(world)
    await place(world, kept, "core", since=EARLY)
    await place(world, gone, "core", since=LATE)
    await used(world, kept)
    await used(world, gone)
    await meet(world, kept, gone)
    await part(world)

    for one in (kept, gone):
        assert await fittings(world, one) == (2, 1, "USABLE")
        await used(world, one)
        await refuses(world, one)


async def test_of_three_each_side_has_the_count_of_its_own_accounts(world: World) -> None:
    kept, gone = await two(world)
    [third] = await world.resolve(said(Channel.STORE, "C-1", phone="+8613911110003", at=NOW - timedelta(days=9)))
    for member, since in ((kept, EARLY), (gone, LATE), (third, NOW - timedelta(days=5))):
        await place(world, member, "vip", since=since)
        await used(world, member)
    await meet(world, kept, gone)
    at = NOW - timedelta(minutes=1)
    known = said(Channel.STORE, "C-1", phone=PHONES[0], phone_verified=True, unionid="o-1", at=at)
    assert await world.resolve(known) == [kept]
    assert await fittings(world, third) == (6, 3, "USABLE")

    await part(world)

    assert await fittings(world, kept) == (6, 1, "USABLE")
    assert await fittings(world, gone) == (6, 2, "USABLE")  # the card goes with the one who stated the number last
    assert await fittings(world, third) == (6, 2, "USABLE")
