"""A guardian reaches their own children and nobody else, by whatever way; and only while the link is in force."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update as change

from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.members.tables import Channel, MemberStatus
from tests.conftest import Run
from tests.graphql.consenting import approve
from tests.graphql.world import NOW, World, said
from tests.guardians.family import CHILDREN, Family, link_t, member_t, move_in
from tests.sign_in_codes.conftest import make_front
from tests.sign_in_codes.desk import Front

__all__ = ["make_front"]

ONE = "query ($id: ID!) { member(by: {id: $id}) { name { value } phone { value } } }"
MANY = "query ($id: ID!) { members(by: [{id: $id}]) { name { value } } }"
NODE = "query ($id: ID!) { node(id: $id) { id ... on Member { name { value } } } }"


@pytest.fixture
def family(world: World, run: Run) -> Family:
    moved: Family = run(move_in(world))
    return moved


async def ways(family: Family, guardian: MemberId, child: MemberId) -> list[Any]:
    """What a guardian sees of one member by every way there is."""
    seen = []
    for query in (ONE, MANY, NODE):
        answer = await family.world.ask("guardian", query, variables={"id": str(child)}, member=guardian)
        (found,) = answer.values()
        seen.append(found[0] if isinstance(found, list) else found)
    return seen


async def test_a_guardian_sees_the_own_child_and_no_other(family: Family) -> None:
    await family.linked(family.mother, family.daughter)
    await family.linked(family.father, family.boy)

    for guardian, child, name in ((family.mother, family.daughter, "李小花"), (family.father, family.boy, "赵小宝")):
        assert [one["name"]["value"] for one in await ways(family, guardian, child)] == [name] * 3
        assert await family.children_of(guardian) == [name]
    for guardian, other in ((family.mother, family.boy), (family.father, family.daughter)):
        assert await ways(family, guardian, other) == [None] * 3
    assert await ways(family, family.mother, family.mother) == [None] * 3  # oneself is no child


async def test_a_child_is_nobodys_guardian_and_a_member_without_link_neither(family: Family) -> None:
    await family.linked()

    assert await ways(family, family.daughter, family.mother) == [None] * 3
    assert await family.children_of(family.daughter) == []
    assert await family.children_of(family.nameless) == []


@pytest.mark.parametrize("state", ["proposed", "relation_pending", "disputed", "handover", "ended", "rejected"])
async def test_a_link_that_is_not_in_force_opens_nothing(family: Family, state: str) -> None:
    await family.linked()
    async with transaction(family.world.hub.database.app) as tx:
        await tx.execute(change(link_t).values(state=state))

    assert await ways(family, family.mother, family.daughter) == [None] * 3
    assert await family.children_of(family.mother) == []


@pytest.mark.parametrize("band", ["minor", "adult"])
async def test_a_child_who_is_found_older_is_no_child_at_once(family: Family, band: str) -> None:
    await family.linked()
    async with transaction(family.world.hub.database.app) as tx:
        await tx.execute(change(member_t).where(member_t.c.member_id == family.daughter).values(age_band=band))

    assert await family.children_of(family.mother) == []


async def test_a_guardian_who_is_erased_reaches_nobody(family: Family) -> None:
    await family.linked()
    async with transaction(family.world.hub.database.app) as tx:
        gone = change(member_t).where(member_t.c.member_id == family.mother)
        await tx.execute(gone.values(status=MemberStatus.ERASED.value))

    assert await family.children_of(family.mother) == []


async def test_a_guardian_looks_nobody_up_and_does_nothing_else(family: Family) -> None:
    await family.linked()

    for key in ('phone: "13812345603"', 'memberCode: "0123456789ABCDEF"', 'account: {channel: WEBSITE, id: "W3"}'):
        query = f"{{ member(by: {{{key}}}) {{ id }} }}"
        assert await family.world.refused("guardian", query, member=family.mother) == ["FORBIDDEN"]
    update = (
        f'mutation {{ profileUpdate(id: "{family.daughter}", expectedVersion: 1, input: {{}}) {{ member {{ id }} }} }}'
    )
    for query in (
        "{ me { id } }",
        "mutation { memberCodeIssue { userErrors { code } } }",
        update,
        "{ accessHistory(first: 1) { edges { cursor } } }",
    ):
        assert await family.world.refused("guardian", query, member=family.mother) == ["FORBIDDEN"], query


async def test_a_merged_guardian_and_a_merged_child_find_each_other(family: Family) -> None:
    """The mother's second account, with its own id, turns out to be hers; so does the daughter's."""
    await family.linked()
    async with transaction(family.world.hub.database.app) as tx:
        for gone, kept in ((family.mother, family.father), (family.daughter, family.nameless)):
            merged = {"status": MemberStatus.MERGED.value, "merged_into": kept}
            await tx.execute(change(member_t).where(member_t.c.member_id == gone).values(merged))

    assert await family.children_of(family.father) == ["孙小小"]
    assert await family.children_of(family.mother) == ["孙小小"]  # a token with the merged id is the same person


async def test_what_a_guardian_looked_at_stands_in_the_childs_history(family: Family) -> None:
    await family.linked()
    await family.children_of(family.mother)
    await family.world.ask("member", "{ me { id } }", member=family.daughter)
    await family.world.hub.sealer.run(NOW)

    query = "{ accessHistory(first: 20) { edges { node { role { en } kinds } } } }"
    told = await family.world.ask("member", query, member=family.daughter)

    looks = [(one["node"]["role"]["en"], one["node"]["kinds"]) for one in told["accessHistory"]["edges"]]
    assert looks == [
        ("guardian", ["LIST"]),
        ("support agent", ["CHANGE"]),
    ]


async def test_a_session_acts_as_guardian_by_naming_the_role_and_as_nothing_else(make_front: Any) -> None:
    front: Front = await make_front()
    at = NOW - timedelta(days=30)
    person = {"phone": "+8613812345601", "phone_verified": True, "name": "王芳", "birthday": "1985-05-05"}
    mother, daughter = await front.resolve(
        said(Channel.WEBSITE, "W1", at=at, **person),
        said(Channel.WEBSITE, "W3", at=at, name="李小花", birthday="2012-11-25"),
    )
    family = Family(front, mother, mother, daughter, daughter, daughter)
    await approve(front, "support_agent")
    await family.linked()
    token = (await front.session("13812345601"))["accessToken"]

    async def asked(role: str, query: str) -> Any:
        headers = {"Authorization": f"Bearer {token}", "X-Role": role}
        return (await front.client.post("/graphql", json={"query": query}, headers=headers)).json()

    seen = (await asked("guardian", CHILDREN))["data"]["memberList"]["edges"]
    assert [edge["node"]["name"]["value"] for edge in seen] == ["李小花"]
    assert (await asked("member", "{ me { name { value } } }"))["data"]["me"]["name"]["value"] == "王芳"
    for role in ("dpo", "support_agent", "app_crm", "system"):
        assert (await asked(role, CHILDREN))["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_development_token_acts_in_its_own_role(family: Family) -> None:
    await family.linked()

    answer = await family.world.post("member", CHILDREN, headers={"X-Role": "guardian"}, member=family.mother)

    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
