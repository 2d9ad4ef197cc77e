"""A purpose that rests on consent reaches those who have consented, and nobody else, from the next statement on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from member_hub.consent.catalogue import Catalogue
from member_hub.graphql.building import global_id
from member_hub.ids import MemberId
from member_hub.members.tables import AgeBand
from member_hub.privacy import DataClass, Purpose
from member_hub.web import make_app
from tests.conftest import Run
from tests.consent import deciding
from tests.graphql.consenting import (
    PERSONALISATION,
    change_materially,
    found,
    grant,
    inform,
    listed,
    move_in,
    number,
    object_to,
    tell_of,
    turn,
    withdraw,
)
from tests.graphql.world import NOW, ONE_MEMBERS, World

LOOK_UP = "query ($by: MemberKey!) { member(by: $by) { id } }"
MARKETING: Mapping[str, Any] = {"purpose": "marketing"}
Four = list[MemberId]


@pytest.fixture
def four(world: World, run: Run) -> Four:
    """Four adults who were shown a notice; the first and the third consented to marketing by text message."""
    members = run(move_in(world, 4))
    notice = run(inform(world, members))
    for member in (members[0], members[2]):
        run(grant(world, member, notice))
    return members


def ids(*members: MemberId) -> set[str]:
    return {global_id(member) for member in members}


@pytest.mark.parametrize("role", ["app_crm", "membership_manager"])
async def test_marketing_lists_exactly_those_who_consented(world: World, four: Four, role: str) -> None:
    assert await listed(world, role, **MARKETING) == ids(four[0], four[2])


async def test_marketing_finds_exactly_those_who_consented(world: World, four: Four) -> None:
    keys = [{"phone": number(i)} for i in range(4)] + [{"id": global_id(member)} for member in four]

    assert await found(world, "app_crm", keys, **MARKETING) == [True, False, True, False] * 2
    assert await found(world, "app_crm", keys) == [True] * 8


async def test_who_has_not_consented_looks_like_nobody_and_the_record_names_nobody(world: World, four: Four) -> None:
    answers = [
        await world.ask("app_crm", LOOK_UP, variables={"by": {"phone": phone}}, **MARKETING)
        for phone in (number(1), "+8613999999999")
    ]

    assert answers == [{"member": None}] * 2
    assert [(entry.outcome, entry.member_ids) for entry in (await world.audited())[-2:]] == [("missed", [])] * 2


async def test_one_consent_is_none_to_another_purpose(world: World, four: Four) -> None:
    notice = await inform(world, [], gates={})

    await grant(world, four[1], notice, slot=PERSONALISATION)

    assert await listed(world, "membership_manager", purpose="personalisation") == ids(four[1])
    assert await listed(world, "membership_manager", **MARKETING) == ids(four[0], four[2])


@pytest.mark.parametrize("asked", [LOOK_UP, "query ($id: ID!) { node(id: $id) { id } }"])
async def test_a_withdrawal_holds_from_the_next_request_on(world: World, four: Four, asked: str) -> None:
    variables = {"by": {"phone": number(0)}} if "by" in asked else {"id": global_id(four[0])}
    (before,) = (await world.ask("app_crm", asked, variables=variables, **MARKETING)).values()

    await withdraw(world, four[0])

    (after,) = (await world.ask("app_crm", asked, variables=variables, **MARKETING)).values()
    assert (before, after) == ({"id": global_id(four[0])}, None)
    assert await found(world, "app_crm", [{"phone": number(0)}]) == [True]


async def test_who_withdraws_while_a_list_is_paged_is_not_on_the_next_page(world: World) -> None:
    members = await move_in(world, 6)
    notice = await inform(world, members)
    for member in members:
        await grant(world, member, notice)
    page = """query ($after: String) { memberList(first: 2, after: $after) {
      edges { node { id } } pageInfo { hasNextPage endCursor } } }"""
    newest_first = members[::-1]
    seen, more, after = [], [], None

    for leaves in (2, 5, None):
        connection = (await world.ask("app_crm", page, variables={"after": after}, **MARKETING))["memberList"]
        seen.append([edge["node"]["id"] for edge in connection["edges"]])
        more.append(connection["pageInfo"]["hasNextPage"])
        after = connection["pageInfo"]["endCursor"]
        if leaves is not None:
            await withdraw(world, newest_first[leaves])

    assert seen == [[global_id(newest_first[i]) for i in page_of] for page_of in ((0, 1), (3, 4), ())]
    assert more == [True, True, False]


async def test_a_material_change_ends_every_consent_in_one_row_from_its_moment_on(world: World, four: Four) -> None:
    before = await listed(world, "app_crm", **MARKETING)

    await change_materially(world, "marketing", bit=9, at=NOW + timedelta(minutes=1))

    assert (before, await listed(world, "app_crm", **MARKETING)) == (ids(four[0], four[2]), set())
    assert await listed(world, "app_crm") == ids(*four)


async def test_without_a_gate_nobody_has_consented_whatever_their_bits_say(world: World) -> None:
    members = await move_in(world, 2)

    await turn(world, members, consent_bits=2**63 - 1)

    assert await listed(world, "app_crm", **MARKETING) == set()


async def test_the_gate_of_another_handler_or_recipient_counts_for_nothing(world: World, four: Four) -> None:
    await turn(world, [four[1]], consent_bits=1 << 11)
    await inform(world, [], gates={("marketing", "partner_brand"): 11})

    assert await listed(world, "app_crm", **MARKETING) == ids(four[0], four[2])


async def test_bits_past_their_time_hold_no_more_without_any_job(world: World, four: Four) -> None:
    await turn(world, [four[0]], gate_until=NOW + timedelta(hours=1))
    before = await listed(world, "app_crm", **MARKETING)

    world.clock.at = NOW + timedelta(hours=1)

    assert (before, await listed(world, "app_crm", **MARKETING)) == (ids(four[0], four[2]), ids(four[2]))


async def test_an_objection_hides_from_its_purpose_and_from_no_other(world: World, four: Four) -> None:
    await object_to(world, four[0], "marketing")
    await object_to(world, four[1], "analytics")

    assert await listed(world, "app_crm", **MARKETING) == ids(four[2])
    assert await listed(world, "membership_manager", purpose="analytics") == ids(four[0], four[2], four[3])
    for role, about in (("app_crm", {}), ("app_crm", {"purpose": "customer_support"}), ("sales_associate", {})):
        assert await listed(world, role, **about) == ids(*four)


async def test_an_objection_to_profiling_ends_personalisation_and_leaves_marketing(world: World, four: Four) -> None:
    notice = await inform(world, [], gates={})
    await grant(world, four[0], notice, slot=PERSONALISATION)
    before = await listed(world, "membership_manager", purpose="personalisation")

    await object_to(world, four[0], "profiling")

    assert (before, await listed(world, "membership_manager", purpose="personalisation")) == (ids(four[0]), set())
    assert await listed(world, "membership_manager", **MARKETING) == ids(four[0], four[2])


async def test_an_objection_to_everything_leaves_the_member_and_the_duties_of_the_law(world: World, four: Four) -> None:
    await object_to(world, four[0], "everything")  # a word that nobody knows counts as everything (settling.py)

    for (role, purpose), policy in world.hub.policies.grants.items():
        if not policy.may("memberList"):
            continue
        about = {"member": four[1]} if role in ONE_MEMBERS else {}
        seen = await listed(world, role, purpose=purpose, **about)
        assert (global_id(four[0]) in seen) is (purpose == "rights_handling"), (role, purpose)
    me = await world.ask("member", "{ me { id phone { value } } }", member=four[0])
    assert me["me"] == {"id": global_id(four[0]), "phone": {"value": number(0)}}
    assert await found(world, "dpo", [{"phone": number(0)}]) == [True]
    assert await found(world, "app_checkout", [{"phone": number(0)}]) == [False]
    assert (await world.ask("member", "{ accessHistory(first: 1) { edges { node { kinds } } } }", member=four[0]))[
        "accessHistory"
    ]["edges"]


async def test_nobody_changes_the_profile_of_who_objects_to_the_service(world: World, four: Four) -> None:
    await object_to(world, four[0], "member_service")
    change = """mutation ($id: ID!) { profileUpdate(id: $id, expectedVersion: 1, input: {name: "李四"}) {
      member { id } userErrors { field code } } }"""

    answer = (await world.ask("app_crm", change, variables={"id": global_id(four[0])}))["profileUpdate"]

    assert answer == {"member": None, "userErrors": [{"field": "id", "code": "NOT_FOUND"}]}
    assert (await world.audited())[-1].outcome == "NOT_FOUND"
    me = await world.ask("member", "{ me { version name { value } } }", member=four[0])
    assert me["me"] == {"version": 1, "name": {"value": "张三"}}


async def test_who_is_of_unknown_age_is_marketed_to_by_nobody_and_served_by_all(world: World) -> None:
    (member,) = await move_in(world, 1)
    notice = await inform(world, [member])
    await turn(world, [member], age_band=AgeBand.UNKNOWN.value)

    await grant(world, member, notice)

    assert await listed(world, "app_crm", **MARKETING) == set()
    assert await listed(world, "sales_associate") == ids(member)


async def test_an_app_that_asks_as_a_recipient_sees_whom_a_consent_names_it_to(world: World, four: Four) -> None:
    """For every purpose, not only for those that rest on consent, and without the handler's own consent."""
    catalogue = world.hub.catalogue
    partner = replace(catalogue.recipients["partner_brand"], apps=("crm",))
    asked_as = replace(catalogue, recipients={"partner_brand": partner})
    for purpose, bit in (("marketing", 11), ("member_service", 12)):
        notice = await inform(world, [], gates={(purpose, "partner_brand"): bit})
        await tell_of(world, notice, asked_as)
    await turn(world, [four[1]], consent_bits=1 << 11 | 1 << 12)
    assert (await listed(world, "app_crm", **MARKETING), await listed(world, "app_crm")) == (
        ids(four[0], four[2]),
        ids(*four),
    )

    hub = replace(world.hub, catalogue=asked_as)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(make_app(hub)), base_url="http://hub") as client:
        partnered = World(hub, world.clock, world.tokens, client)
        assert await listed(partnered, "app_crm", **MARKETING) == ids(four[1])
        assert await listed(partnered, "app_crm") == ids(four[1])
        assert await listed(partnered, "app_crm", purpose="customer_support") == set()
        assert await listed(partnered, "membership_manager", **MARKETING) == ids(four[0], four[2])


@pytest.mark.parametrize(
    "wider",
    [
        {"classes": (DataClass.CONTACT, DataClass.PROFILE, DataClass.COMMERCE)},
        {"purposes": (Purpose.MARKETING, Purpose.ANALYTICS)},
        {"jurisdiction": "SG"},
    ],
)
async def test_a_recipient_that_a_changed_pack_gives_more_than_was_told_gets_nothing(
    world: World, four: Four, wider: dict[str, Any]
) -> None:
    """Nobody consented to more; from the next notice on that says so, who consents to it is seen again."""
    partner = replace(world.hub.catalogue.recipients["partner_brand"], apps=("crm",))
    told = replace(world.hub.catalogue, recipients={"partner_brand": partner})
    notice = await inform(world, [], gates={("marketing", "partner_brand"): 11})
    await tell_of(world, notice, told)
    await turn(world, [four[1]], consent_bits=1 << 11)
    changed = replace(told, recipients={"partner_brand": replace(partner, **wider)})

    assert await as_partner(world, told) == ids(four[1])
    assert await as_partner(world, changed) == set()
    assert await listed(world, "app_crm", **MARKETING) == ids(four[0], four[2])

    newer = await deciding.publish(  # what publishing a notice with the new list comes to
        world.hub, "newer", effective_at=NOW, gates={("marketing", "partner_brand"): 12}
    )
    await tell_of(world, newer, changed)
    await turn(world, [four[1]], consent_bits=1 << 12)
    assert await as_partner(world, changed) == ids(four[1])


async def as_partner(world: World, catalogue: Catalogue) -> set[str]:
    hub = replace(world.hub, catalogue=catalogue)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(make_app(hub)), base_url="http://hub") as client:
        return await listed(World(hub, world.clock, world.tokens, client), "app_crm", **MARKETING)
