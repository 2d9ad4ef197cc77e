"""Who asks before sending, for whom and for how many at once; what goes on record, and what it costs."""

from typing import Any

import pytest
from sqlalchemy import update

from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.members.tables import Channel
from tests.conftest import Run
from tests.graphql.agreeing import Consents
from tests.graphql.consenting import tell_of
from tests.graphql.sending import PHONE, SEND, asked, by_phone, member_t, reasons
from tests.graphql.test_counts import watched
from tests.graphql.world import People, World, said


async def test_a_recipient_that_decides_for_itself_needs_a_consent_by_its_name(world: World, people: People) -> None:
    consents = await by_phone(world, people.southern)
    assert await reasons(world, people.southern, recipient="partner_brand") == ["NOT_CONSENTED"]

    await consents.grants(people.southern, consents.slot("sms", PHONE, recipient="partner_brand"))
    assert await reasons(world, people.southern, recipient="partner_brand") != ["ALLOWED"]  # no notice names it so
    await tell_of(world, consents.notice_id, world.hub.catalogue)
    assert await reasons(world, people.southern, recipient="partner_brand") == ["ALLOWED"]

    await consents.withdraws(people.southern, consents.slot("sms", PHONE, recipient="partner_brand"))
    assert await reasons(world, people.southern, recipient="partner_brand") == ["WITHDRAWN"]
    assert await reasons(world, people.southern) == ["ALLOWED"]


async def test_who_acts_for_the_handler_sends_as_the_handler(world: World, people: People) -> None:
    await by_phone(world, people.southern)

    assert await reasons(world, people.southern, recipient="message_service") == ["ALLOWED"]


@pytest.mark.parametrize(
    ("stated", "refusal"),
    [
        ({"recipient": "nobody"}, ("recipient", "BAD_USER_INPUT")),
        ({"recipient": "overseas_partner"}, ("recipient", "BAD_USER_INPUT")),
        ({"items": []}, ("items", "BAD_USER_INPUT")),
        ({"items": [{"member": "x"}] * 501}, ("items", "BAD_USER_INPUT")),
    ],
)
async def test_a_batch_that_cannot_be_answered_is_refused_as_a_whole(
    world: World, people: People, stated: dict[str, Any], refusal: tuple[str, str]
) -> None:
    await by_phone(world, people.southern)

    found = await asked(world, people.southern, **stated)

    assert found == {"answers": None, "userErrors": [{"field": refusal[0], "code": refusal[1]}]}
    row = (await world.audited())[-1]
    assert (row.operation, row.outcome, row.member_ids) == ("authoriseSend", refusal[1], [])


async def test_a_channel_that_the_purpose_does_not_use_is_refused(world: World, people: People) -> None:
    found = await asked(world, people.southern, purpose="MEMBER_SERVICE", channel="PHONE_CALL")

    assert found == {"answers": None, "userErrors": [{"field": "channel", "code": "BAD_USER_INPUT"}]}


async def test_the_purpose_is_that_of_the_request(world: World, people: People) -> None:
    """Who asks under the service's purpose is not told whom marketing may write to."""
    stated = {"purpose": "MARKETING", "channel": "SMS", "items": [{"member": str(people.southern)}]}

    found = await world.ask("app_crm", SEND, variables={"input": stated}, purpose="member_service")

    assert found["authoriseSend"] == {"answers": None, "userErrors": [{"field": "purpose", "code": "FORBIDDEN"}]}
    row = (await world.audited())[-1]
    assert (row.outcome, row.purpose, row.member_ids) == ("FORBIDDEN", "member_service", [])


@pytest.mark.parametrize("role", ["app_checkout", "store_manager", "sales_associate", "member", "dpo"])
async def test_nobody_else_asks(world: World, people: People, role: str) -> None:
    stated = {"purpose": "MEMBER_SERVICE", "channel": "SMS", "items": [{"member": str(people.southern)}]}

    about = {"member": people.southern} if role == "member" else {}
    assert await world.refused(role, SEND, variables={"input": stated}, **about) == ["FORBIDDEN"]

    (row,) = await world.audited()
    assert (row.operation, row.outcome, row.member_ids) == ("authoriseSend", "FORBIDDEN", [])


async def test_who_is_out_of_reach_and_who_is_nobody_are_answered_alike(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    async with transaction(world.hub.database.app) as tx:
        other = update(member_t).where(member_t.c.member_id == people.southern).values(handler="sister_brand")
        await tx.execute(other)

    found = (await asked(world, people.southern, "01a200c5-38d1-7dbd-b2c1-36cadb95f292", "nonsense"))["answers"]

    blank = {"currentId": None, "allowed": False, "reason": "NOT_FOUND", "epoch": None, "changed": None}
    assert [{**one, "member": None} for one in found] == [{"member": None, **blank, "contact": None}] * 3
    assert (await world.audited())[-1].member_ids == []


async def test_a_batch_is_answered_in_its_order_and_is_on_record(world: World, people: People) -> None:
    await by_phone(world, people.southern)

    found = (await asked(world, people.visitor, people.southern, "nonsense", people.southern))["answers"]

    assert [one["reason"] for one in found] == ["NOT_CONSENTED", "ALLOWED", "NOT_FOUND", "ALLOWED"]
    rows = (await world.audited())[-2:]
    assert {(row.operation, row.outcome, row.purpose) for row in rows} == {("authoriseSend", "ok", "marketing")}
    assert len({row.request_id for row in rows}) == 1
    said = {"asked:4", "over:sms", "refused:2", "send:marketing"}
    assert {row.member_ids[0]: set(row.fields) for row in rows} == {
        people.southern: said | {"member.phone:CLEAR"},
        people.visitor: said,
    }
    assert [len(row.member_ids) for row in rows] == [1, 1]


async def test_the_member_reads_that_somebody_asked(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    await asked(world, people.southern)

    query = "{ accessHistory(first: 5) { edges { node { kinds fields { field use } } } } }"
    found = (await world.ask("member", query, member=people.southern))["accessHistory"]

    assert [edge["node"] for edge in found["edges"]] == [
        {"kinds": ["CONTACT"], "fields": [{"field": "member.phone", "use": "CLEAR"}]}
    ]


async def test_who_was_refused_does_not_read_that_their_phone_was_shown(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    await asked(world, people.southern, people.visitor)

    query = "{ accessHistory(first: 5) { edges { node { kinds fields { field use } } } } }"
    found = (await world.ask("member", query, member=people.visitor))["accessHistory"]

    assert [edge["node"] for edge in found["edges"]] == [{"kinds": ["CONTACT"], "fields": []}]


@pytest.fixture
def hundred(world: World, run: Run) -> tuple[World, list[MemberId]]:
    phones = [f"+86139{i:08}" for i in range(12_345_000, 12_345_100)]
    stated = [
        said(Channel.STORE, f"30000{i:05}", phone=phone, home_store="SH001", name="张三")
        for i, phone in enumerate(phones, start=10_000)
    ]
    members = run(world.resolve(*stated))
    consents = run(Consents.of(world))
    for member, phone in zip(members[:3], phones, strict=False):
        run(consents.agrees(member, consents.slot("sms", phone)))
    return world, members


@pytest.mark.parametrize(
    ("purpose", "channel", "count"),
    [("MARKETING", "SMS", 5), ("MARKETING", "APP_PUSH", 3), ("MEMBER_SERVICE", "SMS", 3)],
)
async def test_a_hundred_cost_as_many_statements_as_one(
    hundred: tuple[World, list[MemberId]], purpose: str, channel: str, count: int
) -> None:
    """Members, gates, decisions, contact points, keys; a channel without contact points and the service need less."""
    world, members = hundred
    counts = []
    for batch in (members[:1], members):
        for seen in watched(world):
            assert len(await reasons(world, *batch, purpose=purpose, channel=channel)) == len(batch)
            counts.append(len(seen))

    assert counts == [count, count]


async def test_each_item_has_its_price(world: World, people: People) -> None:
    def cost(number: int) -> Any:
        items = [{"member": str(people.southern)}] * number
        stated = {"purpose": "MARKETING", "channel": "SMS", "items": items}
        return world.post("app_crm", SEND, variables={"input": stated}, purpose="marketing")

    one, many = [(await cost(n)).json()["extensions"]["cost"]["requested"] for n in (1, 101)]

    assert many - one == 500
