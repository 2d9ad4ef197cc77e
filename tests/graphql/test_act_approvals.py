"""A second person: who proposes, who approves, what an approval is good for, and what goes on record."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from member_hub import approving
from member_hub.access import Caller, CallerKind, system_caller
from member_hub.approving import Proposal, ProposedAct
from member_hub.approving.actions import OPEN_MAX, approval_t
from member_hub.db import transaction
from member_hub.errors import Refused
from member_hub.graphql.building import global_id
from member_hub.holders import HOLDERS
from member_hub.idempotency import RequestKey
from member_hub.idempotency.actions import KEPT
from member_hub.ids import MemberId, uuid7
from member_hub.jobs import every_job, named
from member_hub.privacy import Person, Purpose
from tests.graphql.world import NOW, People, World

APPROVE = """mutation ($id: ID!) {
    actApprove(approvalId: $id) { expiresAt userErrors { field code } } }"""
OPEN = """query ($first: Int!, $after: String) { actApprovals(first: $first, after: $after) {
    state edges { cursor node { id act state member amount tier floor until reason proposedBy proposedAt approvedBy
    approvedAt expiresAt } } pageInfo { hasNextPage } } }"""
ASKER, OTHER = "corp:S-1042", "corp:S-7"
MORE = Proposal(ProposedAct.POINTS_ADJUST, "goodwill", amount=5_000)


def staff(subject: str = ASKER) -> Caller:
    caller = system_caller(subject=subject, purpose=Purpose.CUSTOMER_SUPPORT, request_id=uuid7())
    return replace(caller, kind=CallerKind.STAFF, role="support_agent")


async def propose(world: World, member: MemberId, what: Proposal = MORE, *, by: str = ASKER) -> UUID:
    async with transaction(world.hub.database.app) as tx:
        proposed = await approving.propose(tx, world.hub.vault, staff(by), member, what, now=world.clock.now())
    return proposed.approval_id


async def approve(
    world: World, approval: object, *, role: str = "membership_manager", by: str = OTHER, **about: Any
) -> Any:
    said = (await world.ask(role, APPROVE, variables={"id": str(approval)}, subject=by, **about))["actApprove"]
    return said["expiresAt"], [(e["field"], e["code"]) for e in said["userErrors"]]


async def use(
    world: World, member: MemberId, approval: UUID, what: Proposal = MORE, *, by: str = ASKER, key: str = "k-1"
) -> str:
    """Who approved; or the code of the refusal."""
    try:
        async with transaction(world.hub.database.app) as tx:
            return await approving.use(
                tx,
                world.hub.vault,
                staff(by),
                member,
                what,
                approval_id=approval,
                key=RequestKey(f"STAFF:{by}", key, b"request"),
                now=world.clock.now(),
            )
    except Refused as refused:
        return refused.code


async def open_ones(world: World, role: str = "membership_manager", **about: Any) -> list[Any]:
    found = await world.ask(role, OPEN, variables={"first": 100}, **about)
    return [edge["node"] for edge in found["actApprovals"]["edges"]]


async def stored(world: World) -> list[Any]:
    async with transaction(world.hub.database.app) as tx:
        return list(await tx.execute(select(approval_t).order_by(approval_t.c.approval_id)))


async def told(world: World) -> list[tuple[Any, ...]]:
    return [(r.caller, r.operation, r.outcome, r.member_ids) for r in await world.audited()]


async def test_what_one_proposed_and_another_approved_is_done_once(world: World, people: People) -> None:
    approval = await propose(world, people.whole)

    assert await use(world, people.whole, approval) == "APPROVAL_REQUIRED"
    assert await approve(world, approval) == ("2026-11-23T08:00:00Z", [])
    assert await use(world, people.whole, approval) == OTHER
    assert await use(world, people.whole, approval, key="k-2") == "APPROVAL_EXPIRED"

    assert await told(world) == [(OTHER, "actApprove", "ok", [people.whole])]


async def test_a_retry_under_the_same_key_finds_its_approval_again(world: World, people: People) -> None:
    approval = await propose(world, people.whole)
    await approve(world, approval)
    await use(world, people.whole, approval)

    world.clock.at += timedelta(days=6)
    again = await use(world, people.whole, approval)
    await propose(world, people.southern)  # sweeps what is over
    still = await use(world, people.whole, approval)

    assert (again, still) == (OTHER, OTHER)


async def test_all_of_what_is_proposed_is_shown_to_whoever_may_approve(world: World, people: People) -> None:
    placed = Proposal(ProposedAct.TIER_PLACE, "complaint", tier="vip", floor="core", until=NOW + timedelta(days=90))
    first = await propose(world, people.whole, by=OTHER)
    world.clock.at += timedelta(minutes=1)
    second = await propose(world, people.whole, placed)
    await approve(world, first, by="corp:S-8")

    newest, oldest = await open_ones(world)

    assert newest == {
        "id": str(second),
        "act": "TIER_PLACE",
        "state": "WAITING",
        "member": global_id(people.whole),
        "amount": None,
        "tier": "vip",
        "floor": "core",
        "until": "2027-02-20T08:00:00Z",
        "reason": "complaint",
        "proposedBy": ASKER,
        "proposedAt": "2026-11-22T08:01:00Z",
        "approvedBy": None,
        "approvedAt": None,
        "expiresAt": "2026-11-23T08:01:00Z",
    }
    assert (oldest["id"], oldest["state"], oldest["amount"]) == (str(first), "APPROVED", 5_000)
    assert oldest["approvedBy"] == "corp:S-8"
    assert (await world.audited())[-1].fields == ["member.loyalty:CLEAR"]
    assert (await world.audited())[-1].member_ids == [people.whole]


async def test_pages_go_on_where_they_ended(world: World, people: People) -> None:
    each = [await propose(world, people.whole, replace(MORE, amount=n)) for n in (2_001, 2_002, 2_003)]
    found, after = [], None
    for _ in range(3):
        page = (await world.ask("membership_manager", OPEN, variables={"first": 1, "after": after}))["actApprovals"]
        found.append(page["edges"][0]["node"]["id"])
        after = page["edges"][0]["cursor"]

    assert found == [str(one) for one in reversed(each)]
    assert page["pageInfo"] == {"hasNextPage": False}


@pytest.mark.parametrize("by", [ASKER, "corp:s-1042", "elsewhere:S-1042", "S-1042"])
@pytest.mark.parametrize("role", ["membership_manager", "store_manager"])
async def test_nobody_approves_what_they_proposed(world: World, people: People, role: str, by: str) -> None:
    approval = await propose(world, people.whole)
    before = await stored(world)

    assert await approve(world, approval, role=role, by=by) == (None, [("approvalId", "SECOND_PERSON_REQUIRED")])

    assert await stored(world) == before
    assert await told(world) == [(by, "actApprove", "SECOND_PERSON_REQUIRED", [people.whole])]


async def test_who_approves_is_within_reach(world: World, people: People) -> None:
    near, far = await propose(world, people.whole), await propose(world, people.southern)

    assert await approve(world, far, role="store_manager") == (None, [("approvalId", "NOT_FOUND")])
    assert await approve(world, uuid7(), role="store_manager") == (None, [("approvalId", "NOT_FOUND")])
    assert await approve(world, "no-id", role="store_manager") == (None, [("approvalId", "NOT_FOUND")])
    assert [one["id"] for one in await open_ones(world, "store_manager")] == [str(near)]
    assert (await approve(world, near, role="store_manager"))[1] == []
    assert {one["id"] for one in await open_ones(world)} == {str(near), str(far)}


@pytest.mark.parametrize(
    "role", ["support_agent", "sales_associate", "region_manager", "dpo", "app_crm", "app_checkout", "member"]
)
async def test_everybody_else_is_refused(world: World, people: People, role: str) -> None:
    approval = await propose(world, people.whole)
    about: dict[str, Any] = {"member": people.whole} if role == "member" else {}

    assert await world.refused(role, APPROVE, variables={"id": str(approval)}, **about) == ["FORBIDDEN"]
    assert await world.refused(role, OPEN, variables={"first": 1}, **about) == ["FORBIDDEN"]

    assert [row.approved_by for row in await stored(world)] == [None]
    assert {row.outcome for row in await world.audited()} == {"FORBIDDEN"}


async def test_an_approval_is_good_for_exactly_what_was_proposed(world: World, people: People) -> None:
    approval = await propose(world, people.whole)
    await approve(world, approval)

    others = [
        await use(world, people.southern, approval),
        await use(world, people.whole, approval, replace(MORE, amount=5_001)),
        await use(world, people.whole, approval, replace(MORE, amount=-5_000)),
        await use(world, people.whole, approval, replace(MORE, reason="correction")),
        await use(world, people.whole, approval, by="corp:S-1043"),
        await use(world, people.whole, approval, by=OTHER),
        await use(world, people.whole, uuid7()),
    ]

    assert others == ["APPROVAL_MISMATCH"] * 7
    assert await use(world, people.whole, approval) == OTHER


async def test_what_is_over_is_neither_approved_nor_used(world: World, people: People) -> None:
    waiting, approved = await propose(world, people.whole), await propose(world, people.visitor)
    await approve(world, approved)
    world.clock.at += timedelta(hours=24)

    assert await approve(world, waiting) == (None, [("approvalId", "APPROVAL_EXPIRED")])
    assert await use(world, people.visitor, approved) == "APPROVAL_EXPIRED"
    assert await open_ones(world) == []


async def test_the_same_proposed_again_is_the_same_proposal(world: World, people: People) -> None:
    first = await propose(world, people.whole)

    assert await propose(world, people.whole) == first
    assert await propose(world, people.whole, by=OTHER) != first
    assert len(await stored(world)) == 2


async def test_approving_again_changes_nothing(world: World, people: People) -> None:
    approval = await propose(world, people.whole)
    first = await approve(world, approval)
    world.clock.at += timedelta(hours=1)

    assert await approve(world, approval, by="corp:S-8") == first
    assert [(row.approved_by, row.approved_at) for row in await stored(world)] == [(OTHER, NOW)]


async def test_one_person_has_so_many_open_proposals_at_most(world: World, people: People) -> None:
    for n in range(OPEN_MAX):
        await propose(world, people.whole, replace(MORE, amount=2_000 + n))

    with pytest.raises(approving.TooManyProposals):
        await propose(world, people.whole)
    assert len(await stored(world)) == OPEN_MAX


async def test_what_is_over_is_swept_with_the_next_one(world: World, people: People) -> None:
    await propose(world, people.whole)
    world.clock.at += timedelta(days=1) + KEPT

    newest = await propose(world, people.southern)

    assert [row.approval_id for row in await stored(world)] == [newest]


async def test_what_is_over_is_swept_by_the_clock_where_nobody_proposes_any_more(world: World, people: People) -> None:
    """It is kept no longer than is declared."""
    await propose(world, people.whole)
    (job,) = named(every_job(world.hub), ["old proposals"])
    world.clock.at += timedelta(days=1) + KEPT - timedelta(seconds=1)
    kept = await job.work(world.clock.now())
    world.clock.at += timedelta(seconds=1)

    gone = await job.work(world.clock.now())

    assert (kept.count, gone.count, await stored(world)) == (0, 1, [])


async def test_it_goes_with_its_member_and_ends_with_a_merge_or_a_split(world: World, people: People) -> None:
    holder = next(one for one in HOLDERS if "hub.act_approval" in one.tables)
    person = Person(people.visitor, (), (), (), ())
    await propose(world, people.whole)
    await propose(world, people.southern)
    await propose(world, people.visitor)
    async with transaction(world.hub.database.app) as tx:
        told = [held.record["amount"] async for held in holder.export_for(tx, person)]
        await holder.erase_for(tx, person)
        await holder.absorb(tx, kept=people.whole, gone=people.southern)

    assert told == [5_000]
    assert [row.member_id for row in await stored(world)] == [people.whole]

    async with transaction(world.hub.database.app) as tx:
        await holder.give_back(tx, kept=people.whole, back=people.merged, origins=[])

    assert await stored(world) == []
