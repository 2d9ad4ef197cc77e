"""A guardian's link through its steps: who takes which, what each needs, and what a refusal leaves behind."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from member_hub.consent.closing import close
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.privacy import Person
from tests.graphql.consents import deny, give
from tests.graphql.notices import publish, served
from tests.graphql.test_objections import lift, place
from tests.graphql.world import NOW, World
from tests.guardians.family import CONFIRM, MIDNIGHT, PROPOSE, SEEN, Family, member_t, move_in

LATER = (NOW + timedelta(days=7)).isoformat().replace("+00:00", "Z")


async def test_by_three_steps_of_two_people_a_guardian_reaches_the_child(family: Family) -> None:
    proposed, errors = await family.proposes(family.mother, family.daughter)
    assert (proposed["state"], proposed["dueAt"], errors) == ("PROPOSED", LATER, [])
    assert await family.children_of(family.mother) == []

    verified, errors = await family.confirms(family.mother, proposed["id"])
    assert (verified["state"], errors) == ("RELATION_PENDING", [])
    assert await family.children_of(family.mother) == []

    confirmed, errors = await family.shown(proposed["id"])
    assert (confirmed["state"], confirmed["dueAt"], errors) == ("ACTIVE", None, [])
    assert await family.children_of(family.mother) == ["李小花"]
    told = [one for one in await family.told() if one[1].startswith("guardian")]
    assert told == [
        ("member", "guardianPropose", "ok", ["guardian.proposed", "key:memberCode"]),
        ("member", "guardianConfirm", "ok", ["guardian.self_verified", "step:self"]),
        ("support_agent", "guardianConfirm", "ok", ["guardian.linked", "step:relation"]),
    ]
    entries = [row for row in await family.world.audited() if row.operation.startswith("guardian")]
    assert all(row.member_ids == sorted([family.mother, family.daughter]) for row in entries)


async def test_proposing_again_finds_the_same_link(family: Family) -> None:
    first, _ = await family.proposes(family.mother, family.daughter)
    again, errors = await family.proposes(family.mother, family.daughter)

    assert (again, errors) == (first, [])
    assert await family.states() == ["proposed"]


async def test_what_staff_saw_is_sealed(family: Family) -> None:
    await family.linked()

    (row,) = await family.links()
    assert b"HR-2026-11" not in row.relation
    assert (row.confirmed_by, row.proposed_by) == ("S-1", f"MEMBER {family.mother}")


async def test_without_the_childs_code_nobody_proposes(family: Family) -> None:
    stated = {"relation": "PARENT"}
    for key in ({"phone": "13812345603"}, {"id": str(family.daughter)}, {"storeCard": "8868331042"}):
        assert await _proposed(family, stated | {"childKey": key}) == [("childKey", "BAD_USER_INPUT")]
    assert await _proposed(family, stated | {"child": str(family.daughter)}) == [("child", "BAD_USER_INPUT")]
    assert await _proposed(family, stated) == [("child", "BAD_USER_INPUT")]
    wrong = {"memberCode": "0123456789ABCDEF"}
    assert await _proposed(family, stated | {"childKey": wrong}) == [("childKey", "NOT_FOUND")]

    assert await family.links() == []
    assert {one[2] for one in await family.told()} == {"BAD_USER_INPUT", "NOT_FOUND"}


async def _proposed(family: Family, stated: dict[str, Any]) -> list[Any]:
    return (await family.said("member", PROPOSE, stated, member=family.mother))[1]


async def test_a_code_serves_one_proposal(family: Family) -> None:
    stated = {"relation": "PARENT", "childKey": {"memberCode": await family.code_of(family.daughter)}}
    assert await _proposed(family, stated) == []

    taken = await family.said("member", PROPOSE, stated, member=family.father)
    assert taken == (None, [("childKey", "NOT_FOUND")])


async def test_a_member_proposes_nobody_else(family: Family) -> None:
    code = {"memberCode": await family.code_of(family.daughter)}
    stated = {"relation": "PARENT", "childKey": code, "guardian": str(family.father)}

    assert await _proposed(family, stated) == [("guardian", "BAD_USER_INPUT")]
    assert await family.links() == []


async def test_the_mini_program_proposes_for_its_member(family: Family) -> None:
    stated = {"relation": "PARENT", "childKey": {"memberCode": await family.code_of(family.daughter)}}

    link, errors = await family.said("app_mini_program", PROPOSE, stated, member=family.mother)

    assert (link["state"], errors) == ("PROPOSED", [])
    assert [row.guardian_id for row in await family.links()] == [family.mother]


@pytest.mark.parametrize(
    ("guardian", "child", "refused"),
    [
        ("mother", "father", ("child", "NOT_A_CHILD")),
        ("daughter", "boy", ("guardian", "NOT_AN_ADULT")),
        ("nameless", "boy", ("guardian", "NOT_AN_ADULT")),
    ],
)
async def test_a_guardian_is_an_adult_and_a_child_under_fourteen(
    family: Family, guardian: str, child: str, refused: tuple[str, str]
) -> None:
    assert await family.proposes(getattr(family, guardian), getattr(family, child)) == (None, [refused])
    assert await family.links() == []


async def test_nobody_is_their_own_guardian(family: Family) -> None:
    assert await family.proposes(family.mother, family.mother) == (None, [("child", "NOT_FOUND")])


async def test_a_child_of_unknown_age_is_one_from_the_confirmation_on(family: Family) -> None:
    await family.linked(child=family.nameless)

    assert await family.children_of(family.mother) == ["孙小小"]
    assert await family.band_of(family.nameless) == "child"
    await family.at(MIDNIGHT)
    await family.jobs()
    assert await family.children_of(family.mother) == ["孙小小"]


async def test_somebody_elses_link_is_none(family: Family) -> None:
    proposed, _ = await family.proposes(family.mother, family.daughter)

    for link in (proposed["id"], "00000000-0000-7000-8000-000000000000", "junk"):
        assert await family.confirms(family.father, link) == (None, [("link", "NOT_FOUND")])
        assert await family.revoked(link, "member", member=family.father) == (None, [("link", "NOT_FOUND")])
    assert await family.states() == ["proposed"]


async def test_a_phone_that_is_the_childs_verifies_nobody(family: Family) -> None:
    """The father's only verified number is typed for the child, too."""
    await family.world.ask(
        "member",
        """mutation ($id: ID!) { profileUpdate(id: $id, expectedVersion: 1, input: {phone: "13812345602"}) {
            userErrors { code } } }""",
        variables={"id": str(family.boy)},
        member=family.boy,
    )
    proposed, _ = await family.proposes(family.father, family.boy)

    assert await family.confirms(family.father, proposed["id"]) == (None, [("link", "OWN_PHONE_REQUIRED")])
    assert await family.states() == ["proposed"]


async def test_each_step_has_its_role(family: Family) -> None:
    proposed, _ = await family.proposes(family.mother, family.daughter)
    link = proposed["id"]

    for role, step, about in (
        ("support_agent", "SELF", {}),
        ("support_agent", "KEEP", {}),
        ("dpo", "RELATION", {}),
        ("member", "RELATION", {"member": family.mother}),
        ("member", "KEEP", {"member": family.mother}),
    ):
        refused = await family.said(role, CONFIRM, {"link": link, "step": step, **SEEN}, **about)
        assert refused == (None, [("step", "FORBIDDEN")]), (role, step)
    assert await family.states() == ["proposed"]
    assert [one[2] for one in (await family.told())[-5:]] == ["FORBIDDEN"] * 5


async def test_staff_confirm_with_evidence_or_not_at_all(family: Family) -> None:
    proposed, _ = await family.proposes(family.mother, family.daughter)
    await family.confirms(family.mother, proposed["id"])

    for missing in (
        {},
        {"relation": "PARENT"},
        {"evidence": SEEN["evidence"]},
        SEEN | {"evidence": {"kind": "BIRTH_CERTIFICATE", "reference": "13812345678"}},
    ):
        stated = {"link": proposed["id"], "step": "RELATION", **missing}
        _, errors = await family.said("support_agent", CONFIRM, stated)
        assert [code for _, code in errors] == ["BAD_USER_INPUT"]
    assert await family.states() == ["relation_pending"]


async def test_nothing_is_confirmed_out_of_turn(family: Family) -> None:
    proposed, _ = await family.proposes(family.mother, family.daughter)
    link = proposed["id"]

    assert await family.shown(link) == (None, [(None, "CONFLICT")])
    assert await family.resolved(link) == (None, [(None, "CONFLICT")])
    await family.confirms(family.mother, link)
    assert await family.confirms(family.mother, link) == (None, [(None, "CONFLICT")])
    await family.shown(link)
    assert await family.shown(link) == (None, [(None, "CONFLICT")])
    assert await family.states() == ["active"]


async def test_who_proposed_for_a_guardian_does_not_confirm(family: Family) -> None:
    stated = {"relation": "PARENT", "child": str(family.daughter), "guardian": str(family.mother)}
    link, errors = await family.said("support_agent", PROPOSE, stated, subject="corp:S-1")
    assert errors == []
    await family.confirms(family.mother, link["id"])

    assert await family.shown(link["id"], subject="other:s-1") == (None, [("step", "FORBIDDEN")])
    assert (await family.shown(link["id"], subject="corp:S-2"))[0]["state"] == "ACTIVE"


async def test_staff_who_do_not_reach_the_child_confirm_and_end_nothing(family: Family) -> None:
    proposed, _ = await family.proposes(family.mother, family.daughter)
    await family.confirms(family.mother, proposed["id"])

    assert await family.shown(proposed["id"], role="store_manager") == (None, [("link", "NOT_FOUND")])
    assert await family.revoked(proposed["id"], "store_manager") == (None, [("link", "NOT_FOUND")])
    assert await family.states() == ["relation_pending"]


async def test_where_nobody_approved_that_staff_see_minors_a_guardian_is_linked_all_the_same(world: World) -> None:
    """Looking at the evidence shows nothing of the child; everything else takes the approval."""
    family = await move_in(world, is_approved=False)
    async with transaction(world.hub.database.app) as tx:
        known = update(member_t).where(member_t.c.member_id.in_([family.daughter, family.boy]))
        await tx.execute(known.values(age_band="child"))
    refused, _ = await family.proposes(family.father, family.boy)
    stated = {"relation": "PARENT", "child": str(family.daughter), "guardian": str(family.mother)}
    assert await family.said("support_agent", PROPOSE, stated) == (None, [("child", "NOT_FOUND")])
    assert await family.revoked(refused["id"], "support_agent") == (None, [("link", "NOT_FOUND")])

    link = await family.linked()
    await family.confirms(family.father, refused["id"])
    assert (await family.revoked(refused["id"], "support_agent", reason="RELATION_NOT_SHOWN"))[1] == []

    assert await family.children_of(family.mother) == ["李小花"]
    assert await family.states() == ["rejected", "active"]
    assert await family.revoked(link, "support_agent") == (None, [("link", "NOT_FOUND")])
    seen = "query ($id: ID!) { member(by: {id: $id}) { id } }"
    assert await world.ask("support_agent", seen, variables={"id": str(family.daughter)}) == {"member": None}


async def test_a_relation_that_was_not_shown_leaves_nothing_of_it(family: Family) -> None:
    proposed, _ = await family.proposes(family.mother, family.daughter)
    await family.confirms(family.mother, proposed["id"])

    ended, errors = await family.revoked(proposed["id"], "support_agent", reason="RELATION_NOT_SHOWN")

    assert (ended["state"], errors) == ("REJECTED", [])
    (row,) = await family.links()
    assert (row.relation, row.guardian_id, row.proposed_by, row.due_at) == (None, row.link_id, "", None)
    assert (await family.told())[-1][3] == ["guardian.rejected", "reason:RELATION_NOT_SHOWN"]


@pytest.mark.parametrize("role", ["member", "guardian", "support_agent", "dpo"])
async def test_a_link_in_force_is_ended_at_once(family: Family, role: str) -> None:
    link = await family.linked()

    ended, errors = await family.revoked(
        link, role, **({"member": family.mother} if role in ("member", "guardian") else {})
    )

    assert (ended["state"], errors) == ("ENDED", [])
    assert await family.children_of(family.mother) == []
    assert (await family.told())[-2][3] == ["guardian.revoked", "reason:GUARDIAN_WISH"]


async def test_a_second_guardian_suspends_the_first_until_the_officer_decides(family: Family) -> None:
    link, second = await _contested(family)

    assert await family.states() == ["disputed", "relation_pending"]
    assert [one[3] for one in await family.told() if one[1] == "guardianConfirm"][-1] == [
        "guardian.disputed",
        "step:relation",
    ]
    assert await family.children_of(family.mother) == []
    assert await family.revoked(link, "member", member=family.mother) == (None, [(None, "CONFLICT")])
    assert await family.shown(second) == (None, [("link", "CONFLICT")])
    assert await family.children_of(family.father) == []

    kept, errors = await family.resolved(link)
    assert (kept["state"], errors) == ("ACTIVE", [])
    assert await family.children_of(family.mother) == ["李小花"]
    assert (await family.shown(second))[0]["state"] == "ACTIVE"
    assert await family.children_of(family.father) == ["李小花"]
    assert await family.states() == ["active", "active"]


async def _contested(family: Family, child: MemberId | None = None) -> tuple[str, str]:
    """The mother's link, and the father's: staff have seen evidence of both."""
    child = child or family.daughter
    link = await family.linked(child=child)
    second, _ = await family.proposes(family.father, child)
    await family.confirms(family.father, second["id"])
    seen, errors = await family.shown(second["id"])
    assert (seen["state"], seen["dueAt"], errors) == ("RELATION_PENDING", LATER, [])
    return link, str(second["id"])


async def test_whom_nobody_saw_evidence_of_suspends_no_guardian(family: Family) -> None:
    """A stranger who had the child's code in hand once, with a phone and a birth date of their own."""
    await family.linked()
    second, _ = await family.proposes(family.father, family.daughter)
    assert await family.states() == ["active", "proposed"]
    assert (await family.confirms(family.father, second["id"]))[1] == []

    assert await family.states() == ["active", "relation_pending"]
    assert await family.children_of(family.mother) == ["李小花"]
    assert (await deny(family.world, family.daughter, role="guardian", asker=family.mother))[1] == []


@pytest.mark.parametrize("how", ["refused", "unanswered", "erased"])
async def test_with_the_end_of_the_contest_the_first_guardian_acts_again(family: Family, how: str) -> None:
    _, second = await _contested(family, family.boy)
    if how == "refused":
        assert (await family.revoked(second, "support_agent", reason="RELATION_NOT_SHOWN"))[1] == []
    elif how == "unanswered":
        await family.at(NOW + timedelta(days=7))
        await family.jobs()
    else:
        async with transaction(family.world.hub.database.app) as tx:
            father = Person(family.father, (), (), (), ())
            await close(tx, family.world.hub.vault, father, now=NOW)
        await family.jobs()

    assert await family.states() == ["active", "ended" if how == "erased" else "rejected"]
    assert await family.children_of(family.mother) == ["赵小宝"]
    if how == "refused":
        words = [one[3] for one in await family.told() if one[1] == "guardianRevoke"]
        assert words == [["guardian.rejected", "guardian.restored", "reason:RELATION_NOT_SHOWN"]]


async def test_a_contested_guardian_protects_the_child_and_does_nothing_else(family: Family) -> None:
    await _contested(family)
    notice = await publish(family.world, "children-1", family="CHILDREN")
    mother: dict[str, Any] = {"member": family.mother}

    assert (await deny(family.world, family.daughter, role="guardian", asker=family.mother))[1] == []
    placed, errors = await place(family.world, "guardian", {"profiling": True}, family.daughter, **mother)
    assert errors == []

    gone = (None, [("member", "NOT_FOUND")])
    assert await lift(family.world, "guardian", placed["id"], family.daughter, **mother) == gone
    assert await served(family.world, family.daughter, notice, role="guardian", about=mother) == gone
    assert (await give(family.world, family.daughter, None, role="guardian", asker=family.mother))[1] == gone[1]
    for query in ("objections", "consents"):
        asked = f"query ($m: ID) {{ {query}(member: $m) {{ __typename }} }}"
        found = await family.world.ask("guardian", asked, variables={"m": str(family.daughter)}, **mother)
        assert found == {query: None}
    assert await family.children_of(family.mother) == []
    assert (await deny(family.world, family.daughter, role="guardian", asker=family.father))[1] == gone[1]


async def test_the_officer_ends_a_disputed_link(family: Family) -> None:
    link, second = await _contested(family)

    ended, errors = await family.revoked(link, "dpo", reason="COURT_DECISION")

    assert (ended["state"], errors) == ("ENDED", [])
    assert (await family.shown(second))[0]["state"] == "ACTIVE"
    assert await family.children_of(family.mother) == []
    assert await family.children_of(family.father) == ["李小花"]


async def test_a_guardian_acts_for_the_child_of_the_link_alone_and_not_the_other_way_round(family: Family) -> None:
    await family.linked()

    assert await family.children_of(family.mother) == ["李小花"]
    assert await family.children_of(family.daughter) == []
