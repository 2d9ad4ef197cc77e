"""Fields that are given for a consented purpose alone: only where that consent stands, and held as that."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy import update as update_

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.bits import CODE_MASK, shift_of
from member_hub.members.tables import AgeBand, Channel, Member, ProfileValue
from member_hub.privacy import ProfileField, Purpose
from tests.consent.deciding import publish
from tests.graphql.agreeing import EMAIL, PROFILES, PUSH, Consents
from tests.graphql.test_update import read, update
from tests.graphql.world import NOW, WHOLE, People, World, said

member_t, value_t = table_of(Member), table_of(ProfileValue)
FOR_MARKETING = [{"field": "BIRTHDAY", "purpose": "MARKETING"}]
BIRTHDAY = {"birthday": "1993-04-05", "collectedFor": FOR_MARKETING}
ENROL = """mutation ($input: MemberEnrolInput!, $key: String!) { memberEnrol(input: $input, idempotencyKey: $key) {
  member { id } userErrors { field code } } }"""


async def held(world: World, member: MemberId, field: ProfileField = ProfileField.BIRTHDAY) -> list[str | None]:
    """For what the values of a field are held, the oldest first; and for what the profile shows it."""
    rows = select(value_t.c.collected_for).where(value_t.c.member_id == member, value_t.c.field == field.value)
    async with transaction(world.hub.database.app) as tx:
        values = list(await tx.scalars(rows.order_by(value_t.c.first_stated_at)))
        bits = await tx.scalar(select(member_t.c.consented_fields).where(member_t.c.member_id == member))
    code = bits >> shift_of(field) & CODE_MASK
    return [*values, list(Purpose)[code - 1] if code else None]


async def test_a_field_given_for_a_consented_purpose_is_held_as_that(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, EMAIL)

    member, errors = await update(world, "app_crm", people.southern, BIRTHDAY)

    assert (errors, member is not None) == ([], True)
    assert await held(world, people.southern) == ["marketing", Purpose.MARKETING]
    row = next(row for row in await world.audited() if row.operation == "profileUpdate")
    assert "collected_for:marketing" in row.fields
    assert "member.birthday:WRITE" in row.fields


async def refused(world: World, member: MemberId, stated: dict[str, Any]) -> list[tuple[str, str]]:
    """The refusal, which changed nothing and is on record."""
    before = await read(world, member)
    found, errors = await update(world, "app_crm", member, stated)
    assert found is None
    assert await read(world, member) == before
    assert (await held(world, member))[-1] is None
    row = [row for row in await world.audited() if row.operation == "profileUpdate"][-1]
    assert (row.outcome, row.member_ids) == (errors[0][1], [member])
    return errors


NOT_CONSENTED = [("collectedFor", "COLLECTION_NOT_CONSENTED")]


async def test_without_a_notice_nothing_is_collected_for_a_consented_purpose(world: World, people: People) -> None:
    assert await refused(world, people.southern, BIRTHDAY) == NOT_CONSENTED


async def test_of_who_was_told_and_said_nothing_nothing_is_collected(world: World, people: People) -> None:
    await (await Consents.of(world)).told(people.southern)

    assert await refused(world, people.southern, BIRTHDAY) == NOT_CONSENTED


async def test_of_who_withdrew_nothing_more_is_collected(world: World, people: People) -> None:
    consents = await Consents.of(world)
    await consents.agrees(people.southern, EMAIL)
    await consents.withdraws(people.southern, EMAIL)

    assert await refused(world, people.southern, BIRTHDAY) == NOT_CONSENTED


async def test_of_who_agreed_to_something_else_nothing_is_collected(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, PROFILES)

    assert await refused(world, people.southern, BIRTHDAY) == NOT_CONSENTED


async def test_of_who_objects_nothing_is_collected(world: World, people: People) -> None:
    consents = await Consents.of(world)
    await consents.agrees(people.southern, EMAIL)
    await consents.objects(people.southern, "marketing")

    assert await refused(world, people.southern, BIRTHDAY) == NOT_CONSENTED


async def test_after_a_material_change_nothing_is_collected(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, EMAIL)
    await publish(world.hub, "n2", gates={("marketing", ""): 9}, effective_at=NOW)  # type: ignore[arg-type]

    assert await refused(world, people.southern, BIRTHDAY) == NOT_CONSENTED


@pytest.mark.parametrize("band", [AgeBand.UNKNOWN, AgeBand.CHILD])
async def test_of_who_is_not_known_to_be_old_enough_nothing_is_collected(
    world: World, people: People, band: AgeBand
) -> None:
    consents = await Consents.of(world)
    await consents.told(people.southern, band)
    await consents.grants(people.southern, EMAIL)

    assert await refused(world, people.southern, BIRTHDAY) == NOT_CONSENTED


async def test_a_purpose_that_does_not_rest_on_consent_is_none(world: World, people: People) -> None:
    consents = await Consents.of(world)
    await consents.agrees(people.southern, EMAIL)
    await publish(world.hub, "n3", gates={("member_service", ""): 7}, effective_at=NOW)  # type: ignore[arg-type]
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update_(member_t).values(consent_bits=1 << 7))
    stated = BIRTHDAY | {"collectedFor": [{"field": "BIRTHDAY", "purpose": "MEMBER_SERVICE"}]}

    assert await refused(world, people.southern, stated) == NOT_CONSENTED


@pytest.mark.parametrize(
    "stated",
    [
        {"phone": "13612340000", "collectedFor": [{"field": "PHONE", "purpose": "MARKETING"}]},
        {"gender": "F", "collectedFor": FOR_MARKETING},
        {"birthday": "1993-04-05", "collectedFor": FOR_MARKETING * 2},
        {"birthday": "1993-04-05", "collectedFor": FOR_MARKETING * 500},
    ],
)
async def test_what_cannot_be_collected_so_is_refused(world: World, people: People, stated: dict[str, Any]) -> None:
    await (await Consents.of(world)).agrees(people.southern, EMAIL)

    assert {*await refused(world, people.southern, stated)} == {("collectedFor", "BAD_USER_INPUT")}


async def test_stated_for_the_service_later_it_is_held_for_the_service(world: World, people: People) -> None:
    consents = await Consents.of(world)
    await consents.agrees(people.southern, EMAIL)
    await update(world, "app_crm", people.southern, BIRTHDAY)

    await update(world, "app_crm", people.southern, {"birthday": "1993-04-05"})
    assert await held(world, people.southern) == [None, None]

    await update(world, "app_crm", people.southern, BIRTHDAY)  # and it stays so
    assert await held(world, people.southern) == [None, None]


async def test_of_two_consented_purposes_the_later_one_holds_it(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, EMAIL, PROFILES)
    await update(world, "app_crm", people.southern, BIRTHDAY)

    other = BIRTHDAY | {"collectedFor": [{"field": "BIRTHDAY", "purpose": "PERSONALISATION"}]}
    await update(world, "app_crm", people.southern, other)

    assert await held(world, people.southern) == ["personalisation", Purpose.PERSONALISATION]


async def test_the_same_value_of_another_account_is_held_for_the_service(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, EMAIL)
    await update(world, "app_crm", people.southern, BIRTHDAY)

    card = said(Channel.STORE, "1000000009", phone="+8613912345671", name="张三", birthday="1993-04-05")
    (joined,) = await world.resolve(card)

    assert joined == people.southern
    assert await held(world, people.southern) == [None, "marketing", None]  # the card's is the older one


async def test_what_the_service_holds_does_not_give_way_to_a_value_for_marketing(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.whole, EMAIL)
    stated = {"address": "上海市黄浦区南京东路2号", "collectedFor": [{"field": "ADDRESS", "purpose": "MARKETING"}]}

    assert await update(world, "app_crm", people.whole, stated) == (None, [("address", "OUTRANKED")])

    assert (await read(world, people.whole))["address"] == {"value": WHOLE["address"]}
    assert await held(world, people.whole, ProfileField.ADDRESS) == [None, None]


@pytest.mark.parametrize(("purpose", "is_apart"), [(None, True), (Purpose.MARKETING, False)])
async def test_what_only_a_consent_justifies_neither_unites_nor_parts(
    world: World, purpose: Purpose | None, *, is_apart: bool
) -> None:
    """Two cards with one phone and one name, and birthdays that differ."""
    first = said(Channel.STORE, "1000000007", phone="+8613912345679", name="王小明", birthday="1993-04-05")
    first = replace(first, values=tuple(replace(value, collected_for=purpose) for value in first.values[1:]))
    other = said(Channel.STORE, "1000000008", phone="+8613912345679", name="王小明", birthday="1961-02-03")

    one, two = await world.resolve(replace(first, values=(*other.values[:1], *first.values)), other)

    assert (one != two) is is_apart


async def test_enrolling_a_new_member_collects_nothing_for_a_consented_purpose(world: World, people: People) -> None:
    await Consents.of(world)
    stated = {"channel": "WEBSITE", "account": "W900", "name": "王芳", **BIRTHDAY}

    found = (await world.ask("app_crm", ENROL, variables={"input": stated, "key": "k"}))["memberEnrol"]

    assert found == {
        "member": None,
        "userErrors": [{"field": "collectedFor", "code": "COLLECTION_NOT_CONSENTED"}],
    }
    by_account = '{ member(by: {account: {channel: WEBSITE, id: "W900"}}) { id } }'
    assert await world.ask("app_crm", by_account) == {"member": None}
    assert (await world.audited())[0].outcome == "COLLECTION_NOT_CONSENTED"


async def test_enrolling_another_account_of_who_agreed_collects_it_for_that(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, EMAIL, PUSH)
    adult = {"birthday": "1990-01-01", "phone": "+8613912345671", "phoneVerified": True}
    await update(world, "app_crm", people.southern, adult)
    account = {"channel": "WEBSITE", "account": "W901", "name": "张三"}
    gender = {"gender": "F", "collectedFor": [{"field": "GENDER", "purpose": "MARKETING"}]}
    stated = account | {"phone": "+8613912345671", "phoneVerified": True, **gender}

    found = (await world.ask("app_crm", ENROL, variables={"input": stated, "key": "k"}))["memberEnrol"]

    assert found["userErrors"] == []
    assert await held(world, people.southern, ProfileField.GENDER) == ["marketing", Purpose.MARKETING]
