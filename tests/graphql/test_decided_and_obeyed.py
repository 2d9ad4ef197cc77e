"""From the publication of a notice to the end of a consent, by nothing but mutations: the very next request obeys."""

from datetime import timedelta
from typing import Any

import pytest

from member_hub.graphql.building import global_id
from member_hub.ids import MemberId
from member_hub.members.tables import AgeBand, Channel
from member_hub.privacy import ProfileField, Purpose
from tests.conftest import Run
from tests.graphql.consenting import listed
from tests.graphql.consents import REFUSE, deny, give
from tests.graphql.notices import SMS, aged, publish, served
from tests.graphql.sending import reasons
from tests.graphql.test_collected_for import BIRTHDAY, held
from tests.graphql.test_objections import place
from tests.graphql.test_update import update
from tests.graphql.world import People, World, said

FIND = "query ($by: MemberKey!) { member(by: $by) { id } }"
MANY = "query ($by: [MemberKey!]!) { members(by: $by) { id } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
MARKETING = {"purpose": "marketing"}
GIVEN = ([("GRANTED", "MARKETING", None, "SMS")], [])
DAY = timedelta(days=1)


@pytest.fixture
def other(world: World, run: Run) -> MemberId:
    """An adult who goes on consenting."""
    stated = said(Channel.WEBSITE, "W900000077", phone="+8613612345677", phone_verified=True, birthday="1980-01-01")
    (member,) = run(world.resolve(stated))
    return MemberId(member)


async def agrees(world: World, member: MemberId, notice: str, *, name: str = "members-1", key: str = "k") -> None:
    served_id, errors = await served(world, member, notice, SMS)
    assert errors == []
    assert await give(world, member, served_id, notice=name, key=key) == GIVEN


async def seen(world: World, member: MemberId) -> list[bool]:
    """Whether the marketing system sees the member: by key, among several, as a node, on the list."""
    by = {"id": str(member)}
    one = await world.ask("app_crm", FIND, variables={"by": by}, **MARKETING)
    many = await world.ask("app_crm", MANY, variables={"by": [by]}, **MARKETING)
    node = await world.ask("app_crm", NODE, variables={"id": global_id(member)}, **MARKETING)
    on_list = global_id(member) in await listed(world, "app_crm", **MARKETING)
    return [one["member"] is not None, many["members"][0] is not None, node["node"] is not None, on_list]


async def test_the_next_request_after_a_withdrawal_lacks_the_member(
    world: World, people: People, other: MemberId
) -> None:
    notice = await publish(world)
    assert await seen(world, people.whole) == [False] * 4
    await agrees(world, people.whole, notice, key="k-1")
    await agrees(world, other, notice, key="k-2")
    assert (await seen(world, people.whole), await seen(world, other)) == ([True] * 4, [True] * 4)
    assert await reasons(world, people.whole, other) == ["ALLOWED", "ALLOWED"]

    _, errors = await deny(world, people.whole)

    assert errors == []
    assert (await seen(world, people.whole), await seen(world, other)) == ([False] * 4, [True] * 4)
    assert await reasons(world, people.whole, other) == ["WITHDRAWN", "ALLOWED"]
    (service,) = (await world.ask("app_crm", MANY, variables={"by": [{"id": str(people.whole)}]}))["members"]
    assert service == {"id": global_id(people.whole)}


async def test_a_withdrawal_takes_the_birthday_that_was_given_for_marketing(world: World, people: People) -> None:
    """And nothing that the membership needs (S6). How old they are is known here by no birth date: by one that the
    membership held they would be shown that one, and the one for marketing would be refused as without effect."""
    await aged(world, people.southern, AgeBand.ADULT)
    await agrees(world, people.southern, await publish(world))
    assert (await update(world, "app_crm", people.southern, BIRTHDAY))[1] == []
    assert await held(world, people.southern) == ["marketing", Purpose.MARKETING]
    assert await birthday(world, people.southern) == "NOT_CONSENTED"

    await deny(world, people.southern)

    assert await held(world, people.southern) == [None]
    assert await birthday(world, people.southern) == "ABSENT"
    me = await world.ask("member", "{ me { name { value } phone { value } } }", member=people.southern)
    assert me["me"] == {"name": {"value": "张三"}, "phone": {"value": "+8613912345671"}}
    withdrawn = [row for row in await world.audited() if row.operation == "consentWithdraw"][-1]
    assert withdrawn.outcome == "ok"
    assert "consent.withdrawn:marketing" in withdrawn.fields


async def test_a_withdrawal_takes_the_address_that_was_given_for_marketing(
    world: World, people: People, other: MemberId
) -> None:
    """The same of a member whose age their own birth date says, who may still withdraw one channel of two."""
    notice, asks = await publish(world), [SMS, {"purpose": "MARKETING", "channel": "APP_PUSH"}]
    served_id, _ = await served(world, other, notice, *asks)
    _, errors = await give(world, other, served_id, *asks, notice="members-1")
    assert errors == []
    stated = {"address": "浙江省杭州市西湖区文三路9号", "collectedFor": [{"field": "ADDRESS", "purpose": "MARKETING"}]}
    assert (await update(world, "app_crm", other, stated))[1] == []
    address = ProfileField.ADDRESS

    await deny(world, other, channel="SMS")
    assert await held(world, other, address) == ["marketing", Purpose.MARKETING]
    await deny(world, other, channel="APP_PUSH")

    assert await held(world, other, address) == [None]


async def birthday(world: World, member: MemberId) -> str:
    """In what state those who serve the member see it."""
    query = "query ($by: MemberKey!) { member(by: $by) { birthday { state } } }"
    found = await world.ask("app_crm", query, variables={"by": {"id": str(member)}})
    return str(found["member"]["birthday"]["state"])


async def test_after_a_refusal_no_app_asks_again_within_the_cool_down(world: World, people: People) -> None:
    """Scenario S8: refused in the mini-program, asked by the marketing system and at the till."""
    notice = await publish(world)
    assert (await served(world, people.whole, notice, SMS))[1] == []
    _, errors = await deny(world, people.whole, REFUSE, role="app_mini_program", channel="SMS")
    assert errors == []

    for days in (0, 89):
        world.clock.at += days * DAY
        for role in ("app_crm", "app_checkout"):
            for ask in (SMS, {"purpose": "MARKETING", "channel": "EMAIL"}):
                refused = await served(world, people.whole, notice, ask, role=role)
                assert refused == (None, [("asks", "COOLING_DOWN")]), (days, role, ask)
    world.clock.at += DAY + timedelta(seconds=1)

    assert (await served(world, people.whole, notice, SMS, role="app_checkout"))[1] == []


async def test_who_restricted_everything_still_withdraws_in_the_mini_program(world: World, people: People) -> None:
    await agrees(world, people.whole, await publish(world))
    await place(world, "app_mini_program", {"everything": True}, member=people.whole)

    stands, errors = await deny(world, people.whole, role="app_mini_program")
    again: Any = await deny(world, people.southern, role="app_mini_program", asker=people.whole)

    assert errors == []
    assert {one[0] for one in stands} == {"WITHDRAWN"}
    assert again == ([], [("member", "NOT_FOUND")])
