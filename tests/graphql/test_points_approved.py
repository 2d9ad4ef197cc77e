"""Adjustments above the limit: refused, proposed, approved by another, done once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from member_hub import idempotency
from member_hub.db import snapshot, transaction
from member_hub.holders import HOLDERS
from member_hub.idempotency.actions import KEPT
from member_hub.ids import MemberId
from member_hub.points.writing import entry_t
from member_hub.privacy import Person
from tests.graphql.pointing import act, earn, errors, everything, pots
from tests.graphql.test_act_approvals import approve, stored
from tests.graphql.world import People, World

AGENT, OTHER = {"subject": "corp:S-1042"}, {"subject": "corp:S-7"}
NONE = "01a20288-0000-7000-8000-000000000000"
MORE = {"amount": 5_000, "reason": "COMPLAINT"}


async def adjust(world: World, member: MemberId, *, about: Any = None, **stated: Any) -> tuple[Any, Any, list[str]]:
    """The receipt's points, the id of a proposal, and the codes."""
    sent = {"member": member, **MORE, **stated}
    payload = await act(world, "pointsAdjust", "support_agent", about=about or AGENT, **sent)
    receipt = payload["receipt"]
    return receipt and receipt["points"], payload["approvalId"], [one["code"] for one in payload["userErrors"]]


async def test_above_the_limit_it_is_proposed_and_nothing_else_happens(world: World, people: People) -> None:
    before = await everything(world)

    done, proposal, codes = await adjust(world, people.whole)

    assert (done, codes) == (None, ["APPROVAL_REQUIRED"])
    assert await everything(world) == before
    (row,) = await stored(world)
    assert (str(row.approval_id), row.member_id, row.amount, row.reason) == (proposal, people.whole, 5_000, "complaint")
    (entry,) = await world.audited()
    assert (entry.operation, entry.outcome, entry.member_ids) == ("pointsAdjust", "APPROVAL_REQUIRED", [people.whole])
    assert entry.fields == ["member.loyalty:WRITE"]


async def test_approved_by_another_it_is_done_once(world: World, people: People) -> None:
    _, proposal, _ = await adjust(world, people.whole, key="k")
    waiting = await adjust(world, people.whole, key="k", approvalId=proposal)
    await approve(world, proposal, by="corp:S-7")

    first = await adjust(world, people.whole, key="k", approvalId=proposal)
    again = await adjust(world, people.whole, key="k", approvalId=proposal)
    more = await adjust(world, people.whole, key="other", approvalId=proposal)

    assert waiting == (None, None, ["APPROVAL_REQUIRED"])
    assert first == again == (5_000, None, [])
    assert more == (None, None, ["APPROVAL_EXPIRED"])
    assert await pots(world, people.whole) == (5_000, 0, 0, 0)
    async with snapshot(world.hub.database.app) as tx:
        assert list((await tx.execute(select(entry_t.c.approved_by))).scalars()) == ["corp:S-7"]
    said = [row.fields for row in await world.audited() if row.operation == "pointsAdjust" and row.outcome == "ok"]
    assert said == [["approved_by:corp:S-7", "member.loyalty:CLEAR", "member.loyalty:WRITE"]] * 2


@pytest.mark.parametrize(
    "changed", [{"amount": 5_001}, {"amount": -5_000}, {"reason": "GOODWILL"}, {"about": OTHER}, {"whom": "southern"}]
)
async def test_an_approval_is_good_for_just_that(world: World, people: People, changed: dict[str, Any]) -> None:
    _, proposal, _ = await adjust(world, people.whole)
    await approve(world, proposal, by="corp:S-8")
    member = people.southern if changed.pop("whom", None) else people.whole
    before = await everything(world)

    assert await adjust(world, member, approvalId=proposal, **changed) == (None, None, ["APPROVAL_MISMATCH"])
    assert await everything(world) == before


async def test_a_large_adjustment_is_not_made_of_small_ones(world: World, people: People) -> None:
    """What nobody approved counts together, over the day, whoever did it, in either direction."""
    small = {"amount": 600, "reason": "GOODWILL"}
    assert await adjust(world, people.whole, **small) == (600, None, [])
    before = await everything(world)

    done, proposal, codes = await adjust(world, people.whole, **small, about=OTHER)
    taken = await adjust(world, people.whole, amount=-401, reason="SUSPICION")

    assert (done, codes) == (None, ["APPROVAL_REQUIRED"])
    assert (taken[0], taken[2]) == (None, ["APPROVAL_REQUIRED"])
    assert await everything(world) == before
    await approve(world, proposal, by="corp:S-1042")
    assert await adjust(world, people.whole, **small, about=OTHER, approvalId=proposal) == (600, None, [])
    assert await adjust(world, people.whole, amount=400, reason="GOODWILL") == (400, None, [])
    assert await adjust(world, people.southern, **small) == (600, None, [])
    world.clock.at += timedelta(days=1)
    assert await adjust(world, people.whole, **small) == (600, None, [])


async def test_an_approval_is_not_good_again_when_its_key_is_forgotten(world: World, people: People) -> None:
    world.clock.at -= timedelta(days=60)  # the database's clock has to be beyond it, too
    _, proposal, _ = await adjust(world, people.whole)
    await approve(world, proposal, by="corp:S-7")
    assert (await adjust(world, people.whole, key="k", approvalId=proposal))[0] == 5_000
    world.clock.at += KEPT

    again = await adjust(world, people.whole, key="k", approvalId=proposal)

    assert again == (None, None, ["APPROVAL_EXPIRED"])
    assert await pots(world, people.whole) == (5_000, 0, 0, 0)


async def test_nor_at_a_hub_whose_clock_is_behind_when_another_has_forgotten_the_key(
    world: World, people: People
) -> None:
    world.clock.at -= timedelta(days=60)  # the database's clock is beyond
    _, proposal, _ = await adjust(world, people.whole)
    await approve(world, proposal, by="corp:S-7")
    assert (await adjust(world, people.whole, key="k", approvalId=proposal))[0] == 5_000
    async with transaction(world.hub.database.app) as tx:
        await idempotency.forget_expired(tx, now=world.clock.at + KEPT)
    world.clock.at += timedelta(days=1)

    again = await adjust(world, people.whole, key="k", approvalId=proposal)

    assert again == (None, None, ["APPROVAL_EXPIRED"])
    assert await pots(world, people.whole) == (5_000, 0, 0, 0)


@pytest.mark.parametrize("approval", ["x", NONE])
async def test_an_approval_that_is_none(world: World, people: People, approval: str) -> None:
    before = await everything(world)

    assert await adjust(world, people.whole, approvalId=approval) == (None, None, ["APPROVAL_MISMATCH"])
    assert await everything(world) == before


async def test_beyond_every_limit_nothing_is_proposed(world: World, people: People) -> None:
    assert await adjust(world, people.whole, amount=1_000_001) == (None, None, ["POINTS_LIMIT"])
    assert await adjust(world, MemberId(people.southern), amount=0) == (None, None, ["BAD_USER_INPUT"])
    assert await stored(world) == []


async def test_a_proposal_is_found_again_whatever_the_key(world: World, people: People) -> None:
    first = await adjust(world, people.whole, key="a")

    assert await adjust(world, people.whole, key="b") == first
    assert len(await stored(world)) == 1


async def test_an_adjustment_that_is_refused_leaves_its_approval(world: World, people: People) -> None:
    _, proposal, _ = await adjust(world, people.whole, amount=-5_000)
    await approve(world, proposal, by="corp:S-7")

    short = await adjust(world, people.whole, amount=-5_000, approvalId=proposal)
    await earn(world, people.whole, 6_000)
    then = await adjust(world, people.whole, amount=-5_000, approvalId=proposal)

    assert (short, then) == ((None, None, ["POINTS_NOT_ENOUGH"]), (5_000, None, []))
    assert await pots(world, people.whole) == (1_000, 0, 0, 0)


async def test_of_many_who_use_one_approval_at_once_one_does(world: World, people: People) -> None:
    _, proposal, _ = await adjust(world, people.whole)
    await approve(world, proposal, by="corp:S-7")

    came = await asyncio.gather(*(adjust(world, people.whole, approvalId=proposal) for _ in range(10)))

    assert sorted(codes[0] if codes else "done" for _, _, codes in came) == ["APPROVAL_EXPIRED"] * 9 + ["done"]
    assert await pots(world, people.whole) == (5_000, 0, 0, 0)


async def test_an_erased_member_has_no_proposals(world: World, people: People) -> None:
    await adjust(world, people.southern)
    holder = next(one for one in HOLDERS if "hub.act_approval" in one.tables)
    async with transaction(world.hub.database.app) as tx:
        erased = await holder.erase_for(tx, Person(people.southern, (), (), (), ()))

    assert (erased.counts, await stored(world)) == ({"hub.act_approval": 1}, [])


@pytest.mark.parametrize("amount", [0, 2**53 + 1, 2**64, 10**30, -(10**30)])
async def test_an_amount_that_is_none_is_refused_before_any_approval_is_looked_for(
    world: World, people: People, amount: int
) -> None:
    before = await everything(world)

    payload = await act(
        world, "pointsAdjust", "support_agent", member=people.whole, amount=amount, reason="GOODWILL", approvalId=NONE
    )

    assert errors(payload) == [("amount", "BAD_USER_INPUT")]
    assert await everything(world) == before
    (entry,) = await world.audited()
    assert (entry.operation, entry.outcome, entry.member_ids) == ("pointsAdjust", "BAD_USER_INPUT", [people.whole])
