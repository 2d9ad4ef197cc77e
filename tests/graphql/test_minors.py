"""Who is under 18 is seen by staff whose role has a standing approval, by apps, and by themselves (PIPL.md 1b)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import literal, select

from member_hub.commands.approving import approve_in_development
from member_hub.db import transaction
from member_hub.graphql.building import global_id
from member_hub.ids import MemberId
from member_hub.members.staff_numbers import number_in, number_of, spellings_of
from member_hub.members.tables import AgeBand
from member_hub.settings import Mode
from tests.conftest import Run
from tests.graphql.consenting import approve, found, listed, move_in, number, turn
from tests.graphql.till import find, shown_by
from tests.graphql.world import NOW, World

STAFF = {
    "sales_associate": "SH001",
    "store_manager": "SH001",
    "region_manager": None,
    "support_agent": None,
    "membership_manager": None,
}


@pytest.fixture
def three(world: World, run: Run) -> list[MemberId]:
    """A child, one of 14 to 17, and an adult, all at home in SH001."""
    members = run(move_in(world, 3))
    for member, band in zip(members, (AgeBand.CHILD, AgeBand.MINOR, AgeBand.ADULT), strict=True):
        run(turn(world, [member], age_band=band.value))
    return members


@pytest.mark.parametrize("role", STAFF)
async def test_staff_see_minors_once_their_role_has_an_approval(world: World, three: list[MemberId], role: str) -> None:
    everybody = {global_id(member) for member in three}
    before = await listed(world, role)

    await approve(world, role, store=STAFF[role])

    assert (before, await listed(world, role)) == ({global_id(three[2])}, everybody)


async def test_the_officer_needs_no_approval_for_the_duties_of_the_law(world: World, three: list[MemberId]) -> None:
    """Whoever answers requests of members, or discloses by statute, cannot ask another officer first."""
    everybody = {global_id(member) for member in three}

    for purpose in ("rights_handling", "statutory_disclosure"):
        if ("dpo", purpose) in world.hub.policies.grants:
            assert await listed(world, "dpo", purpose=purpose) == everybody


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "store_manager"},
        {"store": "SH002"},
        {"handler": "another"},
        {"until": NOW},
        {"revoked_at": NOW - timedelta(hours=1)},
        {"kind": "single_use", "member_id": True},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_an_approval_that_is_not_quite_right_opens_nothing(
    world: World, three: list[MemberId], wrong: dict[str, object]
) -> None:
    if "member_id" in wrong:
        wrong = wrong | {"member_id": three[0]}

    await approve(world, **{"role": "sales_associate", "store": "SH001", **wrong})

    assert await listed(world, "sales_associate") == {global_id(three[2])}
    assert await found(world, "sales_associate", [{"phone": number(i)} for i in range(3)]) == [False, False, True]


async def test_an_approval_without_a_store_is_one_for_every_store(world: World, three: list[MemberId]) -> None:
    await approve(world, "sales_associate", store=None)

    assert await listed(world, "sales_associate") == {global_id(member) for member in three}


async def test_apps_and_the_minor_themselves_need_no_approval(world: World, three: list[MemberId]) -> None:
    for role, about in (("app_crm", {}), ("app_checkout", {})):
        assert await found(world, role, [{"phone": number(i)} for i in range(3)], **about) == [True] * 3
    mine = await world.ask("member", "{ me { id } }", member=three[0])
    acting = await world.ask(
        "app_mini_program",
        "query ($id: ID!) { node(id: $id) { id } }",
        variables={"id": global_id(three[0])},
        member=three[0],
    )

    assert mine["me"] == acting["node"] == {"id": global_id(three[0])}


async def test_at_the_till_a_minor_of_another_store_is_seen_by_approval_too(world: World) -> None:
    (child,) = await move_in(world, 1, home_store="SH014")
    await turn(world, [child], age_band=AgeBand.MINOR.value)
    before = await find(world, await shown_by(world, child))

    await approve(world, "sales_associate", store="SH001")

    after = await find(world, await shown_by(world, child))
    assert (before, after["id"], after["name"]["state"]) == (None, global_id(child), "MASKED")


async def test_a_field_of_a_minor_is_revealed_to_nobody_without_an_approval(
    world: World, three: list[MemberId]
) -> None:
    reveal = """mutation ($id: ID!) { memberReveal(id: $id, field: PHONE, reason: CALL_BACK) {
      value { value } userErrors { code } } }"""
    answers = []

    for member in (three[1], three[2]):
        asked = await world.ask("store_manager", reveal, variables={"id": global_id(member)}, step_up=True)
        answers.append(asked["memberReveal"])

    assert answers == [
        {"value": None, "userErrors": [{"code": "NOT_FOUND"}]},
        {"value": {"value": number(2)}, "userErrors": []},
    ]
    assert [entry.outcome for entry in (await world.audited())[-2:]] == ["NOT_FOUND", "ok"]


async def test_figures_count_minors_without_an_approval(world: World) -> None:
    members = await move_in(world, 25)
    await turn(world, members, age_band=AgeBand.CHILD.value)
    query = "{ memberStatistics(groupBy: [STORE]) { groups { store { code } count } } }"

    groups = (await world.ask("marketing_analyst", query))["memberStatistics"]["groups"]

    assert groups == [{"store": {"code": "SH001"}, "count": 25}]


async def test_under_development_every_role_of_staff_gets_an_approval_once(world: World, three: list[MemberId]) -> None:
    stores, others = (
        len(world.hub.organisation.stores),
        {"region_manager", "support_agent", "membership_manager", "dpo"},
    )

    given = [await approve_in_development(world.hub) for _ in range(2)]
    world.clock.at += timedelta(days=46)
    given.append(await approve_in_development(world.hub))

    assert given == [2 * stores + len(others), 0, 2 * stores + len(others)]
    for role in STAFF:
        assert await listed(world, role) == {global_id(member) for member in three}
    told = [entry for entry in await world.audited() if entry.operation == "minors approve"]
    assert [(entry.caller_kind, entry.member_ids) for entry in told] == [("SYSTEM", [])] * 2


async def test_in_production_nobody_is_given_one(world: World, three: list[MemberId]) -> None:
    hub = replace(world.hub, settings=replace(world.hub.settings, mode=Mode.PRODUCTION))

    assert await approve_in_development(hub) == 0
    assert await listed(world, "sales_associate") == {global_id(three[2])}
    assert [entry.operation for entry in await world.audited()] == ["memberList"]


@pytest.mark.parametrize("subject", ["corp:E0001", "other:e0001", "E0001"])
async def test_an_approval_shows_no_minor_to_whoever_gave_it_in_another_role(
    world: World, three: list[MemberId], subject: str
) -> None:
    """Who is store manager and associate in one: one staff number, whatever the issuer of the credential."""
    await approve(world, "sales_associate", store="SH001", approved_by="corp:E0001")

    assert await listed(world, "sales_associate", subject=subject) == {global_id(three[2])}
    assert await listed(world, "sales_associate", subject="corp:E0002") == {global_id(member) for member in three}

    await approve(world, "sales_associate", store="SH001", approved_by="corp:E0002")
    assert await listed(world, "sales_associate", subject=subject) == {global_id(member) for member in three}


@pytest.mark.parametrize("subject", ["corp:S-1", "other:s-1", "S-1", "corp:", ":S-1", "a:b:C", "corp:张1"])
async def test_a_statement_and_the_hub_mean_the_same_staff_number(world: World, subject: str) -> None:
    async with transaction(world.hub.database.app) as tx:
        found = await tx.scalar(select(number_in(literal(subject))))

    assert found == number_of(subject)
    assert found in spellings_of(subject)
