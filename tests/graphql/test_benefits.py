"""What a member may use: by the tier that is held now, in the period that runs; in ordinary reach and at the till."""

from datetime import timedelta

import pytest

from member_hub.access import Grant, Guard, Verdict
from member_hub.members.tables import MemberStatus
from tests.graphql.benefits import BENEFITS, BY, benefits_of, counts, place, rows, set_status, use
from tests.graphql.test_counts import watched
from tests.graphql.till import shown_by
from tests.graphql.world import NOW, People, World

READERS = {
    "member": "self",
    "sales_associate": "whole",
    "store_manager": "whole",
    "region_manager": "whole",
    "support_agent": "whole",
    "app_checkout": "whole",
    "app_crm": "whole",
}
LOOK = f"query ($by: MemberKey!) {{ member(by: $by) {{ name {{ state }} {BENEFITS} }} }}"


async def test_who_has_no_standing_has_what_the_lowest_tier_gives(world: World, people: People) -> None:
    found = await benefits_of(world, people.whole)

    assert found == {
        "gift_wrapping": {
            "id": None,
            "benefit": {
                "code": "gift_wrapping",
                "nameZh": "免费礼品包装",
                "nameEn": "gift wrapping",
                "source": "TIER",
            },
            "quantity": 1,
            "used": 0,
            "remaining": 1,
            "startsAt": "2026-09-30T16:00:00Z",
            "until": "2026-12-31T16:00:00Z",
            "state": "USABLE",
        }
    }
    assert await rows(world, "hub.entitlement") == []


async def test_a_tier_gives_its_own_and_a_lower_one_keeps_what_was_used(world: World, people: People) -> None:
    await place(world, people.whole, "vip")
    assert await counts(world, people.whole) == {
        "free_shipping": (4, 0, "USABLE"),
        "gift_wrapping": (8, 0, "USABLE"),
        "priority_fitting": (6, 0, "USABLE"),
    }
    for _ in range(3):
        await use(world, people.whole)

    await place(world, people.whole, "standard")

    assert await counts(world, people.whole) == {
        "gift_wrapping": (2, 0, "USABLE"),
        "free_shipping": (1, 3, "USED_UP"),
    }
    found = await benefits_of(world, people.whole)
    assert found["free_shipping"]["remaining"] == 0
    assert (await use(world, people.whole))["userErrors"][0]["code"] == "BENEFIT_USED_UP"


async def test_a_period_begins_anew_by_itself(world: World, people: People) -> None:
    await place(world, people.whole, "standard")
    await use(world, people.whole)
    assert (await counts(world, people.whole))["free_shipping"] == (1, 1, "USED_UP")

    world.clock.at = NOW + timedelta(days=8, hours=7, minutes=59)  # the last minute of November in Shanghai
    assert (await counts(world, people.whole))["free_shipping"] == (1, 1, "USED_UP")
    world.clock.at += timedelta(minutes=1)

    assert (await counts(world, people.whole))["free_shipping"] == (1, 0, "USABLE")


async def test_a_term_of_the_tier_is_counted_anew_with_a_new_one(world: World, people: People) -> None:
    await place(world, people.whole, "core")
    await use(world, people.whole, "priority_fitting")
    assert (await counts(world, people.whole))["priority_fitting"] == (2, 1, "USABLE")

    await place(world, people.whole, "vip", since=NOW - timedelta(days=1), until=NOW + timedelta(days=300))

    found = (await benefits_of(world, people.whole))["priority_fitting"]
    assert (found["quantity"], found["used"], found["startsAt"], found["until"]) == (
        6,
        0,
        "2026-11-21T08:00:00Z",
        "2027-09-18T08:00:00Z",
    )


async def test_what_is_usable_and_ends_first_stands_first(world: World, people: People) -> None:
    await place(world, people.whole, "core")
    await use(world, people.whole)
    await use(world, people.whole)

    answer = await world.ask("app_checkout", BY, variables={"by": {"id": str(people.whole)}})

    order = [(one["benefit"]["code"], one["state"]) for one in answer["member"]["benefits"]]
    assert order == [("gift_wrapping", "USABLE"), ("priority_fitting", "USABLE"), ("free_shipping", "USED_UP")]


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_a_frozen_membership_shows_its_benefits_as_frozen(
    world: World, people: People, status: MemberStatus
) -> None:
    await set_status(world, people.whole, status)

    assert await counts(world, people.whole) == {"gift_wrapping": (1, 0, "FROZEN")}


async def test_a_merged_id_shows_what_its_root_has(world: World, people: People) -> None:
    await place(world, people.whole, "vip")

    assert await counts(world, people.merged) == await counts(world, people.whole)


@pytest.mark.parametrize("role", READERS)
async def test_whoever_may_read_loyalty_reads_benefits_and_that_is_on_record(
    world: World, people: People, role: str
) -> None:
    query = f"{{ me {{ {BENEFITS} }} }}" if role == "member" else BY
    about = {"member": people.whole} if role == "member" else {"variables": {"by": {"id": str(people.whole)}}}

    answer = await world.ask(role, query, **about)

    found = answer["me" if role == "member" else "member"]["benefits"]
    assert [one["benefit"]["code"] for one in found] == ["gift_wrapping"]
    entry = (await world.audited())[-1]
    assert "member.loyalty:CLEAR" in entry.fields
    assert entry.member_ids == [people.whole]


async def test_the_till_view_shows_what_is_usable_and_no_more(world: World, people: People) -> None:
    await place(world, people.southern, "core")
    await use(world, people.southern)
    await use(world, people.southern)
    code = await shown_by(world, people.southern)

    answer = await world.ask("sales_associate", LOOK, variables={"by": {"memberCode": code}})

    found = answer["member"]
    assert found["name"]["state"] == "MASKED"
    assert [one["benefit"]["code"] for one in found["benefits"]] == ["gift_wrapping", "priority_fitting"]
    entry = (await world.audited())[-1]
    assert entry.fields == ["key:memberCode", "member.loyalty:CLEAR", "member.name:MASKED", "view:till"]


async def test_who_is_denied_loyalty_sees_no_benefit_neither_read_nor_used(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shipped role has rows and not this; a policy of one's own may."""
    await place(world, people.whole, "vip")
    read = Grant.read
    denied = lambda grant, guard: Verdict.DENIED if guard == Guard.LOYALTY else read(grant, guard)  # noqa: E731
    monkeypatch.setattr(Grant, "read", denied)

    assert await benefits_of(world, people.whole) == {}
    used = await use(world, people.whole, store="SH001")

    assert (used["entitlement"], used["use"]["tier"], used["use"]["store"], used["userErrors"]) == (
        None,
        None,
        None,
        [],
    )
    for entry in await world.audited():
        assert "member.loyalty:DENIED" in entry.fields


async def test_a_page_of_members_takes_two_statements_more_than_without(world: World, people: People) -> None:
    for one in (people.whole, people.southern):
        await use(world, one, "gift_wrapping")
    taken = []
    for first, asked in ((1, ""), (1, BENEFITS), (4, BENEFITS)):
        query = f"{{ memberList(first: {first}) {{ edges {{ node {{ id {asked} }} }} }} }}"
        for seen in watched(world):
            found = (await world.ask("app_crm", query))["memberList"]["edges"]
            taken.append(len(seen))

    assert taken == [1, 3, 3]
    states = [[(b["benefit"]["code"], b["state"]) for b in edge["node"]["benefits"]] for edge in found]
    assert sorted(states) == [[("gift_wrapping", state)] for state in ("USABLE", "USABLE", "USED_UP", "USED_UP")]
