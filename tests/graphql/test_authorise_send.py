"""Who may still be contacted at the moment of sending: for what, over what, at which phone or address, and why not."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from member_hub.consent.children.coming_of_age import ComingOfAge
from member_hub.consent.history.standing import Slot
from member_hub.consent.words import Act, Actor, ConsentState
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import AgeBand, Channel, Member
from tests.conftest import Run
from tests.consent.deciding import publish
from tests.graphql.agreeing import PUSH, Consents
from tests.graphql.consenting import tell_of
from tests.graphql.test_counts import watched
from tests.graphql.world import NOW, WHOLE, People, World, said

SEND = """mutation ($input: AuthoriseSendInput!) { authoriseSend(input: $input) {
  answers { member currentId allowed reason epoch changed contact { value state } } userErrors { field code } } }"""
S = ConsentState
PHONE = "+8613912345671"  # the southern member's
member_t = table_of(Member)


async def asked(
    world: World, *members: object, purpose: str = "MARKETING", channel: str = "SMS", **more: Any
) -> dict[str, Any]:
    items = [one if isinstance(one, dict) else {"member": str(one)} for one in members]
    stated = {"purpose": purpose, "channel": channel, "items": items, **more}
    found = await world.ask("app_crm", SEND, variables={"input": stated}, purpose=purpose.lower())
    answered: dict[str, Any] = found["authoriseSend"]
    return answered


async def reasons(world: World, *members: object, **about: Any) -> list[str]:
    found = (await asked(world, *members, **about))["answers"]
    assert [one["allowed"] for one in found] == [one["reason"] == "ALLOWED" for one in found]
    return [one["reason"] for one in found]


async def by_phone(world: World, member: MemberId, phone: str = PHONE) -> Consents:
    """The member agreed to text messages to this number."""
    consents = await Consents.of(world)
    await consents.agrees(member, consents.slot("sms", phone))
    return consents


async def test_who_agreed_may_be_written_to_at_the_number_they_named(world: World, people: People) -> None:
    await by_phone(world, people.southern)

    (found,) = (await asked(world, people.southern))["answers"]

    contact = {"value": PHONE, "state": "CLEAR"}
    assert (found["allowed"], found["reason"], found["contact"]) == (True, "ALLOWED", contact)
    assert (found["epoch"], found["changed"]) == (1, None)


async def test_a_withdrawal_between_the_list_and_the_sending_is_obeyed(world: World, people: People) -> None:
    """Scenario S5; the message of the service is still sent."""
    consents = await by_phone(world, people.southern)
    epoch = (await asked(world, people.southern))["answers"][0]["epoch"]

    await consents.withdraws(people.southern, consents.slot("sms", PHONE))

    (found,) = (await asked(world, {"member": str(people.southern), "epoch": epoch}))["answers"]
    assert (found["allowed"], found["reason"], found["contact"]) == (False, "WITHDRAWN", None)
    assert (found["epoch"], found["changed"]) == (epoch + 1, True)
    (served,) = (await asked(world, people.southern, purpose="MEMBER_SERVICE"))["answers"]
    assert (served["allowed"], served["contact"]["value"]) == (True, PHONE)


async def test_an_epoch_that_is_the_member_s_own_says_that_nothing_changed(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    (first,) = (await asked(world, people.southern))["answers"]

    (again,) = (await asked(world, {"member": str(people.southern), "epoch": first["epoch"]}))["answers"]

    assert (again["allowed"], again["changed"]) == (True, False)


async def test_an_unchanged_epoch_is_no_permission(world: World, people: People) -> None:
    """Nothing was decided since, and yet the notice changed: the truth is that of this moment."""
    await by_phone(world, people.southern)
    epoch = (await asked(world, people.southern))["answers"][0]["epoch"]
    gates = {("marketing", ""): 9}
    await publish(world.hub, "n2", gates=gates, effective_at=world.clock.at)  # type: ignore[arg-type]

    (found,) = (await asked(world, {"member": str(people.southern), "epoch": epoch}))["answers"]

    assert (found["allowed"], found["reason"], found["changed"]) == (False, "STALE", False)


@pytest.mark.parametrize(
    ("act", "state", "reason"),
    [
        (Act.WITHDRAW, S.WITHDRAWN, "WITHDRAWN"),
        (Act.REFUSE, S.REFUSED, "NOT_CONSENTED"),
        (Act.TURNS_14, S.STALE, "STALE"),
        (Act.TERM_OVER, S.EXPIRED, "EXPIRED"),
        (Act.GRACE_OVER, S.LAPSED, "NOT_CONSENTED"),
        (Act.INVALIDATE, S.INVALIDATED, "NOT_CONSENTED"),
        (Act.SERVE_NOTICE, S.ASKED, "NOT_CONSENTED"),
    ],
)
async def test_each_state_says_why_not(
    world: World, people: People, act: Act, state: ConsentState, reason: str
) -> None:
    consents = await by_phone(world, people.southern)

    await consents.becomes(people.southern, act, state, consents.slot("sms", PHONE))

    assert await reasons(world, people.southern) == [reason]


@pytest.mark.parametrize("slot", [Slot("marketing"), Slot("marketing", "", "sms")])
async def test_a_withdrawal_of_more_is_one_of_this_too(world: World, people: People, slot: Slot) -> None:
    consents = await by_phone(world, people.southern)

    await consents.withdraws(people.southern, slot)

    assert await reasons(world, people.southern) == ["WITHDRAWN"]


async def test_who_never_said_anything_is_not_written_to(world: World, people: People) -> None:
    await (await Consents.of(world)).told(people.southern)

    assert await reasons(world, people.southern, people.whole) == ["NOT_CONSENTED", "NOT_CONSENTED"]


async def test_without_any_notice_in_force_nobody_is(world: World, people: People) -> None:
    assert await reasons(world, people.southern) == ["NOT_CONSENTED"]


async def test_a_grant_over_one_channel_is_none_over_another(world: World, people: People) -> None:
    await by_phone(world, people.southern)

    assert await reasons(world, people.southern, channel="EMAIL") == ["NOT_CONSENTED"]
    assert await reasons(world, people.southern, channel="PHONE_CALL") == ["NOT_CONSENTED"]
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["NOT_CONSENTED"]


async def test_a_grant_over_no_channel_is_for_none(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, Slot("marketing"))

    assert await reasons(world, people.southern, channel="APP_PUSH") == ["NOT_CONSENTED"]


async def test_a_member_whose_bit_is_not_set_is_not_written_to(world: World, people: People) -> None:
    """The gate of every read and this agree, and where they do not, the one that refuses counts."""
    await by_phone(world, people.southern)
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == people.southern).values(consent_bits=1 << 4))

    assert await reasons(world, people.southern) == ["NOT_CONSENTED"]


async def test_a_channel_without_a_contact_point_needs_none(world: World, people: People) -> None:
    consents = await Consents.of(world)
    await consents.agrees(people.southern, PUSH)

    (found,) = (await asked(world, people.southern, channel="APP_PUSH"))["answers"]

    assert (found["reason"], found["contact"]) == ("ALLOWED", None)


async def test_before_a_notice_was_put_before_them_nobody_is_written_to(world: World, people: People) -> None:
    consents = await by_phone(world, people.southern)
    async with world.hub.database.owner.begin() as tx:
        await tx.execute(text("DELETE FROM hub.notice_served"))
    await consents.settles(people.southern)

    assert await reasons(world, people.southern) == ["NOT_INFORMED"]


async def test_a_notice_served_before_a_merge_counts(world: World, people: People) -> None:
    """It stays filed under the id of its moment."""
    consents = await Consents.of(world)
    await consents.told(people.merged)
    await consents.told(people.whole)
    async with world.hub.database.owner.begin() as tx:
        await tx.execute(text("DELETE FROM hub.notice_served WHERE member_id = :one"), {"one": people.whole})
    await consents.grants(people.whole, PUSH)

    (found,) = (await asked(world, people.merged, channel="APP_PUSH"))["answers"]

    assert (found["reason"], found["member"]) == ("ALLOWED", str(people.merged))
    (root,) = (await asked(world, people.whole, channel="APP_PUSH"))["answers"]
    assert found["currentId"] == root["currentId"]


@pytest.mark.parametrize(
    ("band", "actor", "reason"),
    [
        (AgeBand.UNKNOWN, Actor.MEMBER, "NOT_OLD_ENOUGH"),
        (AgeBand.CHILD, Actor.MEMBER, "NOT_OLD_ENOUGH"),
        (AgeBand.CHILD, Actor.GUARDIAN, "ALLOWED"),
        (AgeBand.MINOR, Actor.MEMBER, "ALLOWED"),
        (AgeBand.MINOR, Actor.GUARDIAN, "STALE"),
    ],
)
async def test_who_has_to_have_agreed_at_what_age(
    world: World, people: People, band: AgeBand, actor: Actor, reason: str
) -> None:
    consents = await Consents.of(world)
    await consents.told(people.southern, band)
    await consents.grants(people.southern, consents.slot("sms", PHONE), actor=actor)

    assert await reasons(world, people.southern) == [reason]


async def test_a_guardian_s_grant_over_one_channel_carries_no_child_s_over_another(
    world: World, people: People
) -> None:
    """The bit of the purpose stands by the guardian's; the slot of text messages was the child's own."""
    consents = await Consents.of(world)
    await consents.told(people.southern, AgeBand.CHILD)
    await consents.grants(people.southern, PUSH, actor=Actor.GUARDIAN)
    await consents.grants(people.southern, consents.slot("sms", PHONE))

    assert await reasons(world, people.southern) == ["NOT_OLD_ENOUGH"]
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["ALLOWED"]


async def test_what_closes_for_a_child_at_midnight_opens_by_the_job_that_knows_the_days_ages(
    world: World, people: People
) -> None:
    """Whoever else settles the child does not open it: they have not looked at the birth dates."""
    consents = await Consents.of(world)
    await consents.told(people.southern, AgeBand.CHILD)
    await consents.grants(people.southern, PUSH, actor=Actor.GUARDIAN)

    world.clock.at += timedelta(days=1)
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["EXPIRED"]
    await consents.settles(people.southern)
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["EXPIRED"]
    hub = world.hub
    await ComingOfAge(hub.database, hub.vault, hub.catalogue, hub.audit).run(world.clock.now())
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["ALLOWED"]


async def test_a_term_ends_by_the_clock(world: World, people: People) -> None:
    consents = await by_phone(world, people.southern)
    ends_at = world.clock.at + timedelta(hours=1)
    await consents.grants(people.southern, consents.slot("sms", PHONE), ends_at=ends_at)

    assert await reasons(world, people.southern) == ["ALLOWED"]
    world.clock.at = ends_at
    assert await reasons(world, people.southern) == ["EXPIRED"]


@pytest.mark.parametrize("scope", [["marketing"], ["sms"], ["everything"]])
async def test_an_objection_is_obeyed(world: World, people: People, scope: Sequence[str]) -> None:
    consents = await by_phone(world, people.southern)

    await consents.objects(people.southern, *scope)

    assert await reasons(world, people.southern) == ["OBJECTED"]


@pytest.mark.parametrize(
    ("scope", "reason"),
    [("sms", "OBJECTED"), ("member_service", "OBJECTED"), ("everything", "OBJECTED"), ("marketing", "ALLOWED")],
)
async def test_a_message_of_the_service_obeys_objections_to_it(
    world: World, people: People, scope: str, reason: str
) -> None:
    await (await Consents.of(world)).objects(people.southern, scope)

    assert await reasons(world, people.southern, purpose="MEMBER_SERVICE") == [reason]


async def test_who_is_restricted_is_written_to_for_nothing(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == people.southern).values(status="restricted"))

    assert await reasons(world, people.southern) == ["OBJECTED"]
    assert await reasons(world, people.southern, purpose="CUSTOMER_SUPPORT") == ["OBJECTED"]


async def test_a_number_that_was_not_named_is_not_covered(world: World, people: People) -> None:
    await by_phone(world, people.southern, "+8613600000001")

    (found,) = (await asked(world, people.southern))["answers"]

    assert (found["reason"], found["contact"]) == ("CONTACT_NOT_COVERED", None)


async def test_a_grant_that_names_no_number_is_for_none(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, Slot("marketing", "", "sms"))

    assert await reasons(world, people.southern) == ["CONTACT_NOT_COVERED"]


async def test_who_has_no_address_cannot_be_written_to(world: World, people: People) -> None:
    consents = await Consents.of(world)
    await consents.agrees(people.southern, consents.slot("email", "a.b@brandmail.cn"))

    assert await reasons(world, people.southern, channel="EMAIL") == ["NO_CONTACT"]
    assert await reasons(world, people.southern, channel="EMAIL", purpose="MEMBER_SERVICE") == ["NO_CONTACT"]


async def moves(world: World, phone: str) -> None:
    """The whole member's app says that the number is another one now; the card still says the old one."""
    at = NOW - timedelta(days=1)
    await world.resolve(
        said(Channel.WEBSITE, WHOLE["website"], at=at, phone=phone, phone_verified=True, name=WHOLE["name"])
    )


async def test_another_number_that_was_named_and_is_still_held_may_be_used(world: World, people: People) -> None:
    await by_phone(world, people.whole, WHOLE["phone"])
    await moves(world, "+8613600000002")
    (served,) = (await asked(world, people.whole, purpose="MEMBER_SERVICE"))["answers"]
    assert served["contact"]["value"] == "+8613600000002"

    (found,) = (await asked(world, people.whole))["answers"]

    assert (found["reason"], found["contact"]["value"]) == ("ALLOWED", WHOLE["phone"])


async def test_of_two_numbers_that_were_named_the_profile_s_is_used(world: World, people: People) -> None:
    consents = await by_phone(world, people.whole, WHOLE["phone"])
    await moves(world, "+8613600000002")
    await consents.grants(people.whole, consents.slot("sms", "+8613600000002"))

    (found,) = (await asked(world, people.whole))["answers"]

    assert found["contact"]["value"] == "+8613600000002"


async def test_a_number_that_is_somebody_else_s_by_now_is_not_used(world: World, people: People) -> None:
    consents = await by_phone(world, people.visitor, "+8613912345672")
    other = said(Channel.WEBSITE, "W777", at=NOW, phone="+8613912345672", phone_verified=True, name="赵六")
    await world.resolve(other)
    await consents.told(people.visitor)  # of age, whatever the delivery made of it
    await consents.settles(people.visitor)
    async with transaction(world.hub.database.app) as tx:
        released = text("UPDATE hub.identity_claim SET status = 'released' WHERE member_id = :one AND kind = 'phone'")
        await tx.execute(released, {"one": people.visitor})

    assert await reasons(world, people.visitor) == ["NO_CONTACT"]


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
