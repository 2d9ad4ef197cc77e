"""Ids that are needed later are found again: of guardians' links, and of approvals to see minors."""

from datetime import timedelta
from typing import Any

import pytest

from member_hub.ids import MemberId
from tests.graphql.world import NOW, World
from tests.guardians.family import Family
from tests.guardians.test_approvals import STANDING, grant, once, revoke

LINKS = "query ($member: ID) { guardianLinks(member: $member) { id state dueAt } }"
APPROVALS = """query ($first: Int!, $after: String, $role: String, $store: String) {
  minorApprovals(first: $first, after: $after, role: $role, store: $store) {
    edges { node { id state kind role store member operation grantedTo approvedBy endedAt } }
    pageInfo { hasNextPage endCursor } } }"""


async def links(family: Family, role: str, of: MemberId | None = None, **about: Any) -> Any:
    variables = {"member": str(of)} if of is not None else {}
    return (await family.world.ask(role, LINKS, variables=variables, **about))["guardianLinks"]


async def approvals(world: World, by: str, *, subject: str = "S-7", **narrowed: Any) -> list[dict[str, Any]]:
    answer = await world.ask(by, APPROVALS, variables={"first": 10, **narrowed}, subject=subject)
    return [edge["node"] for edge in answer["minorApprovals"]["edges"]]


async def test_guardian_child_and_staff_find_the_link(family: Family) -> None:
    link = await family.linked()
    found = [{"id": link, "state": "ACTIVE", "dueAt": None}]

    assert await links(family, "member", member=family.mother) == found
    assert await links(family, "guardian", member=family.mother) == found
    assert await links(family, "member", member=family.daughter) == found
    assert await links(family, "support_agent", family.daughter) == found
    assert await links(family, "dpo", family.daughter, subject="S-9") == found
    outcomes = [(row.outcome, row.member_ids) for row in await family.recorded("guardianLinks")]
    assert outcomes[0] == ("ok", [family.mother])
    assert outcomes[2:] == [("ok", [family.daughter])] * 3


async def test_a_proposal_and_an_ended_link_are_found_with_what_becomes_of_them(family: Family) -> None:
    proposed, _ = await family.proposes(family.mother, family.daughter)
    (waiting,) = await links(family, "member", member=family.mother)
    assert (waiting["id"], waiting["state"], waiting["dueAt"]) == (proposed["id"], "PROPOSED", proposed["dueAt"])
    assert proposed["dueAt"] is not None

    await family.confirms(family.mother, proposed["id"])
    await family.shown(proposed["id"])
    await family.revoked(proposed["id"], "guardian", member=family.mother)

    assert await links(family, "support_agent", family.daughter) == [
        {"id": proposed["id"], "state": "ENDED", "dueAt": None}
    ]


async def test_nobody_finds_the_links_of_others(family: Family) -> None:
    await family.linked()

    assert await links(family, "member", member=family.father) == []
    assert await links(family, "store_manager", family.daughter) is None  # of a website's member: not of the store
    assert await family.world.refused(
        "member", LINKS, member=family.father, variables={"member": str(family.daughter)}
    ) == ["BAD_USER_INPUT"]
    assert await family.world.refused("support_agent", LINKS) == ["BAD_USER_INPUT"]
    assert await family.world.refused("sales_associate", LINKS, variables={"member": str(family.daughter)}) == [
        "FORBIDDEN"
    ]
    last = [row.outcome for row in await family.recorded("guardianLinks")]
    assert last == ["ok", "missed", "BAD_USER_INPUT", "BAD_USER_INPUT", "FORBIDDEN"]


async def test_approvals_are_found_with_what_became_of_them(family: Family) -> None:
    world = family.world
    standing, _ = await grant(world, "store_manager", STANDING)
    gone, _ = await grant(world, "dpo", STANDING | {"role": "store_manager", "days": 1}, subject="S-9")
    single, _ = await grant(world, "dpo", once(family), subject="S-9")
    assert await revoke(world, "dpo", single, subject="S-9") == []
    world.clock.at = NOW + timedelta(days=2)

    seen = {one["id"]: one for one in await approvals(world, "dpo", subject="S-9")}

    assert {one: seen[one]["state"] for one in (standing, gone, single)} == {
        standing: "IN_FORCE", gone: "EXPIRED", single: "REVOKED",
    }  # fmt: skip
    assert (seen[standing]["approvedBy"], seen[standing]["store"]) == ("S-7", "SH001")
    assert (seen[single]["operation"], seen[single]["endedAt"]) == ("MEMBER_REVEAL", "2026-11-22T08:00:00Z")
    assert [one["id"] for one in await approvals(world, "dpo", subject="S-9", store="SH001")] == [gone, standing]
    assert [one["id"] for one in await approvals(world, "dpo", subject="S-9", role="store_manager")] == [gone]
    (entry, *_) = await family.recorded("minorApprovals")
    assert (entry.outcome, entry.member_ids) == ("ok", [family.daughter])


async def test_a_manager_sees_those_for_the_own_store_and_roles(family: Family) -> None:
    world = family.world
    own, _ = await grant(world, "store_manager", STANDING)
    officers, _ = await grant(world, "dpo", STANDING, subject="S-9")
    await grant(world, "dpo", STANDING | {"role": "store_manager"}, subject="S-9")
    await grant(world, "dpo", STANDING | {"store": "SH002"}, subject="S-9")
    await grant(world, "dpo", once(family), subject="S-9")

    assert {one["id"] for one in await approvals(world, "store_manager")} == {own, officers}
    assert await world.refused("support_agent", APPROVALS, variables={"first": 1}) == ["FORBIDDEN"]


async def test_approvals_come_in_pages_of_one_list(family: Family) -> None:
    world = family.world
    for number in range(3):
        world.clock.at = NOW + timedelta(seconds=number)
        await grant(world, "store_manager", STANDING)

    first = (await world.ask("store_manager", APPROVALS, variables={"first": 2}))["minorApprovals"]
    after = first["pageInfo"]["endCursor"]
    rest = (await world.ask("store_manager", APPROVALS, variables={"first": 2, "after": after}))["minorApprovals"]

    assert (len(first["edges"]), first["pageInfo"]["hasNextPage"]) == (2, True)
    assert (len(rest["edges"]), rest["pageInfo"]["hasNextPage"]) == (1, False)
    assert len({edge["node"]["id"] for page in (first, rest) for edge in page["edges"]}) == 3
    other = {"first": 2, "after": after, "role": "sales_associate"}
    assert await world.refused("store_manager", APPROVALS, variables=other) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("many", [0, 101])
async def test_a_page_has_a_limit(world: World, many: int) -> None:
    assert await world.refused("dpo", APPROVALS, variables={"first": many}) == ["BAD_USER_INPUT"]
