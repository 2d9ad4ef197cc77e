"""Giving a benefit by hand or for a campaign: by whom, of what, and how often."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from tests.graphql.benefits import ISSUE, counts, everything, issue, last_audit, refusal, rows, use
from tests.graphql.world import NOW, People, World

AT_ONCE = 20


@pytest.mark.parametrize(
    ("role", "purpose"),
    [
        ("support_agent", "customer_support"),
        ("membership_manager", "analytics"),
        ("app_crm", "member_service"),
        ("app_crm", "customer_support"),
    ],
)
async def test_who_may_gives_a_benefit_for_its_time(world: World, people: People, role: str, purpose: str) -> None:
    done = await issue(world, people.whole, role=role, purpose=purpose, reason="COMPLAINT")

    assert done["userErrors"] == []
    given = done["entitlement"]
    assert {name: given[name] for name in ("quantity", "used", "startsAt", "until", "state")} == {
        "quantity": 1,
        "used": 0,
        "startsAt": "2026-11-22T08:00:00Z",
        "until": "2026-12-22T16:00:00Z",
        "state": "USABLE",
    }
    (row,) = await rows(world, "hub.entitlement")
    assert (row.source, row.reason, row.is_one_per_person, row.origin_id is None) == (
        "issued",
        "complaint",
        False,
        False,
    )
    seen = await last_audit(world)
    assert seen[:3] == (role, "benefitIssue", "ok")
    assert {"reason:complaint", "benefit:goodwill_coupon", "member.loyalty:WRITE"} <= set(seen[3])
    assert seen[4] == [people.whole]


async def test_marketing_reaches_only_who_consented_to_it(world: World, people: People) -> None:
    refused = await issue(world, people.southern, role="app_crm", purpose="marketing", reason="CAMPAIGN")

    assert refusal(refused) == [("member", "NOT_FOUND")]
    assert await rows(world, "hub.entitlement") == []


async def test_one_key_gives_once(world: World, people: People) -> None:
    first = await issue(world, people.whole, key="k")
    again = await issue(world, people.whole, key="k")
    other = await issue(world, people.whole, key="k", reason="COMPLAINT")

    assert again["entitlement"] == first["entitlement"]
    assert refusal(other) == [("idempotencyKey", "CONFLICT")]
    assert len(await rows(world, "hub.entitlement")) == 1


async def test_the_year_has_its_limit_for_a_member_and_begins_anew(world: World, people: People) -> None:
    for _ in range(3):
        await issue(world, people.whole)
    before = await everything(world)

    assert refusal(await issue(world, people.whole)) == [("benefit", "BENEFIT_LIMIT")]
    assert await everything(world) == before
    assert (await issue(world, people.southern))["userErrors"] == []

    world.clock.at = NOW + timedelta(days=40)
    assert (await issue(world, people.whole))["userErrors"] == []


async def test_of_twenty_at_once_as_many_are_given_as_the_limit_says(world: World, people: People) -> None:
    done = await asyncio.gather(*(issue(world, people.whole, role="app_crm") for _ in range(AT_ONCE)))

    codes = Counter(tuple(one["code"] for one in payload["userErrors"]) for payload in done)
    assert codes == {(): 3, ("BENEFIT_LIMIT",): AT_ONCE - 3}
    assert len(await rows(world, "hub.entitlement")) == 3


async def test_the_day_has_its_limit_for_a_person_and_none_for_an_app(world: World, people: People) -> None:
    some = [people.whole, people.southern, people.visitor, people.former]
    object.__setattr__(world.hub.benefits, "staff_day_max", 4)
    for one in some:
        await issue(world, one)
    before = await everything(world)

    refused = await issue(world, people.whole)

    assert refusal(refused) == [(None, "THROTTLED")]
    assert await everything(world) == before
    assert (await issue(world, people.whole, subject="S-2"))["userErrors"] == []
    assert (await issue(world, people.southern, role="app_crm"))["userErrors"] == []


@pytest.mark.parametrize("benefit", ["free_shipping", "birthday_gift", "promotion_gift", "nothing_such"])
async def test_only_what_the_programme_lets_be_issued_is(world: World, people: People, benefit: str) -> None:
    before = await everything(world)

    assert refusal(await issue(world, people.whole, benefit)) == [("benefit", "BENEFIT_UNKNOWN")]

    assert await everything(world) == before
    assert (await last_audit(world))[1:3] == ("benefitIssue", "BENEFIT_UNKNOWN")


async def test_what_was_given_is_used_and_shown_so(world: World, people: People) -> None:
    await issue(world, people.whole)

    await use(world, people.whole, "goodwill_coupon")

    assert await counts(world, people.whole) == {
        "gift_wrapping": (1, 0, "USABLE"),
        "goodwill_coupon": (1, 1, "USED_UP"),
    }


@pytest.mark.parametrize(
    "role", ["member", "app_checkout", "app_mini_program", "sales_associate", "store_manager", "region_manager", "dpo"]
)
async def test_other_roles_give_nothing(world: World, people: People, role: str) -> None:
    about = {"member": people.whole} if role == "member" else {}
    said = {"member": str(people.whole), "benefit": "goodwill_coupon", "reason": "GOODWILL"}

    assert await world.refused(role, ISSUE, variables={"input": said, "key": "k"}, **about) == ["FORBIDDEN"]

    assert await rows(world, "hub.entitlement") == []
    assert (await last_audit(world))[1:3] == ("benefitIssue", "FORBIDDEN")
