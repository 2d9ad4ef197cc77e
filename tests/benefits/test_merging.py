"""Two members turn out to be one, and back again: what is one per person counts once, and the rows keep their owner."""

from datetime import date
from uuid import UUID

import pytest

from member_hub.benefits.holder import MODELS
from member_hub.benefits.refusals import AlreadyVoided, UsedUp
from member_hub.benefits.tables import BenefitAgain
from member_hub.benefits.words import Source
from member_hub.db import transaction
from member_hub.db.bulk import insert_rows
from member_hub.ids import MemberId
from member_hub.privacy import Person
from tests.benefits.desk import Desk

TABLES = ("entitlement", "benefit_use", "benefit_again")


async def folded(desk: Desk) -> dict[MemberId, UUID | None]:
    """By account, in which other row it counts."""
    return {row.origin_id: row.folded_into for row in await desk.rows("entitlement")}


async def test_what_both_used_of_one_per_person_counts_once(desk: Desk) -> None:
    anna, berta = await desk.member(), await desk.member()
    await desk.use(anna)
    await desk.use(berta)

    await desk.merge(anna, berta)

    assert await desk.has(anna) == {"gift_wrapping": (1, 2)}
    with pytest.raises(UsedUp):
        await desk.use(anna)
    first, second = await desk.rows("entitlement")
    assert {first.member_id, second.member_id} == {anna}
    assert {first.origin_id, second.origin_id} == {await desk.origin(anna), await desk.origin(berta)}
    assert sorted([first.folded_into is None, second.folded_into is None]) == [False, True]


async def test_what_the_other_one_used_counts_when_one_takes_a_use_back(desk: Desk) -> None:
    anna, berta = await desk.member(), await desk.member()
    used = await desk.use(anna)
    await desk.use(berta)
    await desk.merge(anna, berta)

    await desk.void(anna, used.use_id)

    assert await desk.has(anna) == {"gift_wrapping": (1, 1)}
    with pytest.raises(UsedUp):
        await desk.use(anna)


async def test_who_had_used_nothing_brings_no_second_one(desk: Desk) -> None:
    anna, berta = await desk.member(), await desk.member()
    await desk.use(berta)

    await desk.merge(anna, berta)

    assert await desk.has(anna) == {"gift_wrapping": (1, 1)}


async def test_what_was_issued_to_each_adds_up(desk: Desk) -> None:
    anna, berta = await desk.member(), await desk.member()
    await desk.issue(anna)
    await desk.issue(berta)

    await desk.merge(anna, berta)

    assert await desk.has(anna) == {
        "gift_wrapping": (1, 0),
        "goodwill_coupon": (1, 0),
        "goodwill_coupon 2": (1, 0),
    }


async def test_back_again_each_has_what_was_theirs_and_uses_stay_filed(desk: Desk) -> None:
    anna, berta = await desk.member(), await desk.member()
    await desk.use(anna)
    await desk.use(berta)
    await desk.issue(berta)
    before = await desk.rows("benefit_use")
    await desk.merge(anna, berta)

    await desk.split(anna, berta)

    assert await desk.has(anna) == {"gift_wrapping": (1, 1)}
    assert await desk.has(berta) == {"goodwill_coupon": (1, 0), "gift_wrapping": (1, 1)}
    assert await desk.rows("benefit_use") == before
    assert all(row.folded_into is None and row.others_used == 0 for row in await desk.rows("entitlement"))


async def test_what_was_used_while_merged_stays_where_it_was_counted(desk: Desk) -> None:
    anna, berta = await desk.member(), await desk.member()
    await desk.merge(anna, berta)
    await desk.use(berta)

    await desk.split(anna, berta)

    assert await desk.has(anna) == {"gift_wrapping": (1, 1)}
    assert await desk.has(berta) == {"gift_wrapping": (1, 0)}


async def test_a_use_of_before_the_merge_is_voided_after_it_and_counts_back(desk: Desk) -> None:
    anna, berta = await desk.member(), await desk.member()
    await desk.use(anna)
    used = await desk.use(berta)
    await desk.merge(anna, berta)

    await desk.void(anna, used.use_id)

    assert await desk.has(anna) == {"gift_wrapping": (1, 1)}
    with pytest.raises(AlreadyVoided):
        await desk.void(anna, used.use_id)
    await desk.split(anna, berta)
    assert await desk.has(berta) == {"gift_wrapping": (1, 0)}


async def test_three_in_one_and_the_middle_one_leaves(desk: Desk) -> None:
    anna, berta, clara = [await desk.member() for _ in range(3)]
    for one in (anna, berta, clara):
        await desk.use(one)
    await desk.merge(berta, clara)
    await desk.merge(anna, berta)
    assert await desk.has(anna) == {"gift_wrapping": (1, 3)}

    await desk.split(anna, berta)

    assert await desk.has(anna) == {"gift_wrapping": (1, 2)}
    assert await desk.has(berta) == {"gift_wrapping": (1, 1)}


async def test_everything_is_exported_and_erased(desk: Desk) -> None:
    anna, berta, clara = [await desk.member() for _ in range(3)]
    for one in (anna, berta, clara):
        await desk.use(one)
        await failed(desk, one)
    used = await desk.use(anna, "goodwill_coupon", entitlement=await desk.issue(anna))
    await desk.void(anna, used.use_id)
    await desk.merge(anna, berta)
    person = Person(anna, [berta], [await desk.origin(anna), await desk.origin(berta)], [], [])

    async with transaction(desk.database.app) as tx:
        held = [one.model async for one in desk.holder.export_for(tx, person)]
        erased = await desk.holder.erase_for(tx, person)

    assert [held.count(model) for model in MODELS] == [3, 4, 1]
    assert erased.counts == {"hub.entitlement": 3, "hub.benefit_use": 4, "hub.benefit_again": 1}
    assert {row.member_id for name in TABLES for row in await desk.rows(name)} == {clara}


async def test_who_is_to_be_looked_at_again_is_so_on_both_sides(desk: Desk) -> None:
    """However they come together and part; nobody else is."""
    anna, berta, clara = sorted([await desk.member() for _ in range(3)])
    await failed(desk, berta)

    await desk.merge(anna, berta)
    assert [row.member_id for row in await desk.rows("benefit_again")] == [anna]
    await desk.merge(anna, clara)
    assert [row.member_id for row in await desk.rows("benefit_again")] == [anna]
    await desk.split(anna, berta)

    assert [row.member_id for row in await desk.rows("benefit_again")] == [anna, berta]


async def failed(desk: Desk, member_id: MemberId) -> None:
    """As a round leaves behind whose birthday failed."""
    async with transaction(desk.database.app) as tx:
        columns = ("member_id", "source", "month")
        await insert_rows(tx, BenefitAgain, columns, [(member_id, Source.BIRTHDAY, date(2026, 11, 1))])
