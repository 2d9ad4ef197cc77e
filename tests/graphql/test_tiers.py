"""The tier of a member through the API: who sees what of it, what explains it, and who places by hand."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from member_hub import tiers
from member_hub.access import Verdict, system_caller
from member_hub.db import snapshot, transaction
from member_hub.db.bulk import insert_rows
from member_hub.graphql.building import global_id
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.tables import MemberStatus
from member_hub.orders.tables import Activity
from member_hub.privacy import Purpose
from member_hub.tables import METADATA
from member_hub.telling.kinds import Value
from member_hub.tiers import Grown, Source
from member_hub.tiers.standing.notifying import said_of
from tests.graphql.test_counts import watched
from tests.graphql.till import ISSUE
from tests.graphql.world import NOW, PURPOSES, People, World

account_t = METADATA.tables["hub.channel_account"]
member_t = METADATA.tables["hub.member"]
HUB = system_caller(subject="jobs", purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
BRIEF = "{ tier { code nameZh nameEn } since until reason }"
WHOLE = """{ tier { code nameZh nameEn } since until reason growth
    next { tier { code } growthMissing criteria { text needed reached isMet } }
    notice { at until growthNeeded criteria { rule tier figure needed reached isMet } }
    explanation { rulesVersion decidedAt reason
        criteria { rule tier text figure window fromDay toDay needed reached isMet }
        orders { state lines { orderNo amountFen } } activity { state counts { kind count } } } }"""
ASK = "query ($id: ID!) { member(by: {id: $id}) { tier %s } }"
PLACE = """mutation ($in: TierPlaceInput!, $key: String!) { tierPlace(input: $in, idempotencyKey: $key) {
    member { tier { tier { code } reason until } } approvalId userErrors { field code } } }"""
APPROVE = "mutation ($id: ID!) { actApprove(approvalId: $id) { userErrors { code } } }"
ASKER, OTHER = "corp:S-1042", "corp:S-7"
TABLES = ("tier_standing", "tier_change", "tier_rules", "idempotency", "approval")


async def grow(world: World, member: MemberId, amount: int, *, at: datetime = NOW - timedelta(days=1)) -> None:
    """Growth, of a day ago if nothing else is said, and the review that follows."""
    async with transaction(world.hub.database.app) as tx:
        row = (await tx.execute(select(account_t).where(account_t.c.member_id == member).limit(1))).one()
        grown = Grown(
            MemberId(row.filed_under), OriginId(row.origin_id), Source.ORDER, uuid7().bytes, amount, at,
        )  # fmt: skip
        await tiers.grow(tx, [grown], now=world.clock.now())
    await review(world, member)


async def review(world: World, member: MemberId) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tiers.review(tx, world.hub.tiers, [member], now=world.clock.now(), caller=HUB)


async def be_active(world: World, member: MemberId) -> None:
    async with transaction(world.hub.database.app) as tx:
        row = (await tx.execute(select(account_t).where(account_t.c.member_id == member).limit(1))).one()
        rows = [(row.filed_under, row.origin_id, date(2026, 11, 1), "review", 2)]
        await insert_rows(tx, Activity, ("member_id", "origin_id", "day", "kind", "count"), rows)


async def seen(world: World, role: str, member: MemberId, what: str = WHOLE, **about: Any) -> Any:
    found = await world.ask(role, ASK % what, variables={"id": global_id(member)}, **about)
    return found["member"]["tier"]


async def me(world: World, member: MemberId, what: str = WHOLE, **about: Any) -> Any:
    return (await world.ask("member", f"{{ me {{ tier {what} }} }}", member=member, **about))["me"]["tier"]


async def stored(world: World) -> dict[str, list[Any]]:
    async with snapshot(world.hub.database.app) as tx:
        return {
            name: list(await tx.execute(select(table).order_by(*table.primary_key)))
            for name in TABLES
            if (table := METADATA.tables.get(f"hub.{name}")) is not None
        }


async def place(world: World, member: MemberId, *, key: str = "k", by: str = ASKER, **said: Any) -> Any:
    given = {"id": global_id(member), "tier": "vip", "until": "2027-06-30T12:00:00+08:00", "reason": "INVITATION"}
    answer = await world.ask("support_agent", PLACE, variables={"in": given | said, "key": key}, subject=by)
    return answer["tierPlace"]


async def last_said(world: World) -> tuple[str, str, str]:
    entry = (await world.audited())[-1]
    return entry.caller, entry.operation, entry.outcome


async def test_a_member_reads_the_tier_what_made_it_and_what_is_missing(world: World, people: People) -> None:
    await grow(world, people.whole, 320)
    await be_active(world, people.whole)

    found = await me(world, people.whole)

    assert found["tier"] == {"code": "core", "nameZh": "核心", "nameEn": "Core"}
    assert (found["since"], found["until"]) == ("2026-11-22T08:00:00Z", "2027-11-22T16:00:00Z")
    assert (found["reason"], found["growth"], found["notice"]) == ("EARNED", 320, None)
    assert (found["next"]["tier"]["code"], found["next"]["growthMissing"]) == ("vip", 330)
    assert [one["isMet"] for one in found["next"]["criteria"]] == [False, True]
    why = found["explanation"]
    assert (why["rulesVersion"], why["decidedAt"], why["reason"]) == (0, "2026-11-22T08:00:00Z", "EARNED")
    assert [(c["tier"], c["figure"], c["needed"], c["reached"], c["isMet"]) for c in why["criteria"]] == [
        ("standard", "GROWTH", 7, 320, True),
        ("core", "GROWTH", 40, 320, True),
        ("vip", "GROWTH", 650, 320, False),
        ("vip", "ORDERS", 1, 1, True),
    ]
    assert (why["criteria"][0]["fromDay"], why["criteria"][0]["toDay"]) == ("2025-11-23", "2026-11-22")
    assert why["criteria"][1]["text"] == "to reach Core: growth in the last 12 months of at least 40"
    assert [(one["orderNo"], one["amountFen"]) for one in why["orders"]["lines"]] == [
        ("O-3", -12_000),
        ("O-2", 12_000),
        ("O-1", 25_990),
    ]
    assert why["activity"] == {"state": "CLEAR", "counts": [{"kind": "REVIEW", "count": 2}]}


async def test_the_language_of_the_request_is_that_of_the_texts(world: World, people: People) -> None:
    await grow(world, people.whole, 320)

    found = await me(world, people.whole, headers={"Accept-Language": "zh-CN"})

    assert found["tier"]["nameZh"] == "核心"
    assert found["explanation"]["criteria"][1]["text"] == "升级核心:最近12个月成长值达到40"


async def test_who_was_never_looked_at_is_at_the_lowest_tier_and_told_what_counts(world: World, people: People) -> None:
    found = await me(world, people.southern)

    assert (found["tier"]["code"], found["reason"], found["growth"]) == ("base", "JOINED", 0)
    assert (found["next"]["tier"]["code"], found["next"]["growthMissing"]) == ("standard", 7)
    assert found["explanation"]["decidedAt"] is None
    assert [one["reached"] for one in found["explanation"]["criteria"]] == [0, 0, 0, 0]


@pytest.mark.parametrize("role", sorted(set(PURPOSES) - {"member", "guardian", "app_mini_program"}))
async def test_orders_and_activity_in_it_follow_their_own_rights(world: World, people: People, role: str) -> None:
    await grow(world, people.whole, 320)
    await be_active(world, people.whole)
    grant = world.hub.policies.grant(role, Purpose(PURPOSES[role]))
    if not grant.may("member"):
        assert await world.refused(role, ASK % BRIEF, variables={"id": global_id(people.whole)}) == ["FORBIDDEN"]
        return

    found = await seen(world, role, people.whole)

    if not grant_shows(grant, "member.loyalty"):
        assert found is None
        return
    assert found["tier"]["code"] == "core"
    orders, activity = found["explanation"]["orders"], found["explanation"]["activity"]
    clear = grant_shows(grant, "member.orders")
    assert orders["state"] == ("CLEAR" if clear else "DENIED")
    assert [one["orderNo"] for one in orders["lines"]] == (["O-3", "O-2", "O-1"] if clear else [])
    clear = grant_shows(grant, "member.activity")
    assert (activity["state"], len(activity["counts"])) == (("CLEAR", 1) if clear else ("DENIED", 0))
    of_orders = [(c["reached"], c["isMet"]) for c in found["explanation"]["criteria"] if c["figure"] == "ORDERS"]
    assert of_orders == [(1, True) if grant_shows(grant, "member.orders") else (None, None)]
    assert [c["reached"] for c in found["next"]["criteria"]] == [320, of_orders[0][0]]
    words = set((await world.audited())[-1].fields)
    assert {one for one in words if one.startswith(("member.loyalty", "member.orders"))} == {
        "member.loyalty:CLEAR",
        f"member.orders:{orders['state']}",
    }


async def test_a_notice_says_when_the_tier_is_lost_and_what_it_takes_to_stay(world: World, people: People) -> None:
    """And there is none any more for who has enough; asked for alone, too. What counts to stay is not all `growth`."""
    await grow(world, people.whole, 60)
    assert (await me(world, people.whole))["notice"] is None
    world.clock.at = datetime(2027, 11, 1, 4, tzinfo=UTC)
    await review(world, people.whole)

    told = await me(
        world, people.whole, "{ until growth notice { at until growthNeeded criteria { tier fromDay toDay reached } } }"
    )

    days = {"fromDay": "2026-11-23", "toDay": "2027-11-22"}  # those that count on the last day of the term
    assert told == {
        "until": "2027-11-22T16:00:00Z",
        "growth": 60,
        "notice": {
            "at": "2027-11-01T04:00:00Z",
            "until": "2027-12-22T16:00:00Z",
            "growthNeeded": 30,
            "criteria": [{"tier": "core", **days, "reached": 0}],
        },
    }
    assert (await seen(world, "app_checkout", people.whole))["notice"]["criteria"] == [
        {"rule": "RETENTION", "tier": "core", "figure": "GROWTH", "needed": 30, "reached": 0, "isMet": False}
    ]
    await grow(world, people.whole, 30, at=world.clock.at)
    assert (await me(world, people.whole))["notice"] is None


async def test_the_day_told_is_the_one_on_which_the_tier_is_lost(world: World, people: People) -> None:
    """From the notice over the grace to the fall the same day, in the message and in the answer."""
    await grow(world, people.whole, 60)
    brief = "{ tier { code } reason until notice { until } }"
    days = []
    for at in ((2027, 11, 1), (2027, 11, 23), (2027, 12, 22)):
        world.clock.at = datetime(*at, 4, tzinfo=UTC)
        await review(world, people.whole)
        found = await me(world, people.whole, brief)
        async with transaction(world.hub.database.app) as tx:
            said = await said_of(tx, people.whole, now=world.clock.at)
        assert said is not None
        days.append((found["tier"]["code"], found["reason"], found["notice"]["until"], said[Value.DAY]))

    assert days == [("core", reason, "2027-12-22T16:00:00Z", "2027-12-23") for reason in ("EARNED", "GRACE", "GRACE")]
    world.clock.at = datetime(2027, 12, 22, 16, tzinfo=UTC)
    await review(world, people.whole)
    lost = await me(world, people.whole, brief)
    assert (lost["tier"]["code"], lost["reason"], lost["notice"]) == ("standard", "LAPSED", None)


async def test_at_the_till_only_the_tier_is_shown(world: World, people: People) -> None:
    await grow(world, people.southern, 320)
    code = (await world.ask("member", ISSUE, member=people.southern))["memberCodeIssue"]["memberCode"]["code"]
    query = f"query ($c: String!) {{ member(by: {{memberCode: $c}}) {{ tier {WHOLE} }} }}"

    found = (await world.ask("sales_associate", query, variables={"c": code}))["member"]["tier"]

    assert found["tier"]["code"] == "core"
    rest = ("since", "until", "reason", "growth", "next", "notice", "explanation")
    assert [found[name] for name in rest] == [None] * 7


async def test_tiers_of_many_take_as_many_statements_as_of_one(world: World, people: People) -> None:
    await grow(world, people.whole, 320)
    query = f"query ($by: [MemberKey!]!) {{ members(by: $by) {{ tier {WHOLE} }} }}"
    counts = []
    for members in ([people.whole], [people.whole, people.southern, people.visitor, people.former]):
        by = [{"id": global_id(one)} for one in members]
        with contextmanager(watched)(world) as sent:
            await world.ask("app_crm", query, variables={"by": by})
        counts.append(len([one for one in sent if "tier_" in one or "growth_entry" in one]))

    assert counts == [5, 5]


async def test_a_placement_is_proposed_approved_by_another_and_carried_out_once(world: World, people: People) -> None:
    before = await stored(world)
    asked = await place(world, people.whole)
    assert (asked["member"], asked["userErrors"]) == (None, [{"field": "approvalId", "code": "APPROVAL_REQUIRED"}])
    assert (await stored(world))["tier_change"] == before["tier_change"]
    assert await last_said(world) == (ASKER, "tierPlace", "APPROVAL_REQUIRED")
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)

    done = [await place(world, people.whole, key="k-2", approvalId=asked["approvalId"]) for _ in range(2)]

    expected = {"tier": {"code": "vip"}, "reason": "MANUAL", "until": "2027-06-30T16:00:00Z"}
    assert [(one["member"]["tier"], one["userErrors"]) for one in done] == [(expected, [])] * 2
    (change,) = (await stored(world))["tier_change"]
    assert (change.from_tier, change.to_tier, change.placing) == ("base", "vip", "invitation")
    assert (change.actor, change.approved_by) == (ASKER, OTHER)
    again = await place(world, people.whole, key="k-3", approvalId=asked["approvalId"])
    assert again["userErrors"] == [{"field": "approvalId", "code": "APPROVAL_EXPIRED"}]


async def test_an_approval_is_good_for_no_other_tier_member_or_person(world: World, people: People) -> None:
    asked = await place(world, people.whole)
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)
    before = await stored(world)
    approval = {"approvalId": asked["approvalId"]}

    refused = [
        await place(world, people.whole, tier="core", **approval),
        await place(world, people.southern, **approval),
        await place(world, people.whole, until="2027-07-01T12:00:00+08:00", **approval),
        await place(world, people.whole, reason="GOODWILL", **approval),
        await place(world, people.whole, by=OTHER, **approval),
    ]

    assert [one["userErrors"][0]["code"] for one in refused] == ["APPROVAL_MISMATCH"] * 5
    assert await stored(world) == before
    assert await last_said(world) == (OTHER, "tierPlace", "APPROVAL_MISMATCH")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"tier": "platinum"}, "TIER_UNKNOWN"),
        ({"until": "2026-11-22T12:00:00+08:00"}, "TIER_PLACEMENT_END"),
        ({"until": "2028-12-01T12:00:00+08:00"}, "TIER_PLACEMENT_END"),
        ({"id": "nobody"}, "NOT_FOUND"),
        ({"approvalId": "nothing"}, "APPROVAL_MISMATCH"),
    ],
)
async def test_a_placement_that_cannot_be_changes_nothing_and_is_on_record(
    world: World, people: People, said: dict[str, str], code: str
) -> None:
    before = await stored(world)

    answer = await place(world, people.whole, **said)

    assert (answer["member"], answer["approvalId"]) == (None, None)
    assert [one["code"] for one in answer["userErrors"]] == [code]
    assert await stored(world) == before
    assert await last_said(world) == (ASKER, "tierPlace", code)


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_nobody_is_asked_to_approve_the_placing_of_a_frozen_member(
    world: World, people: People, status: MemberStatus
) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(member_t.update().where(member_t.c.member_id == people.whole).values(status=status))
    before = await stored(world)

    answer = await place(world, people.whole)

    assert answer == {
        "member": None, "approvalId": None, "userErrors": [{"field": "id", "code": "MEMBER_NOT_ACTIVE"}]
    }  # fmt: skip
    assert await stored(world) == before
    assert await last_said(world) == (ASKER, "tierPlace", "MEMBER_NOT_ACTIVE")
    assert (await world.audited())[-1].member_ids == [people.whole]


async def test_nobody_frozen_is_placed_even_with_an_approval(world: World, people: People) -> None:
    asked = await place(world, people.whole)
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)
    async with transaction(world.hub.database.app) as tx:
        whose = member_t.c.member_id == people.whole
        await tx.execute(member_t.update().where(whose).values(status=MemberStatus.FROZEN))
    before = await stored(world)

    answer = await place(world, people.whole, approvalId=asked["approvalId"])

    assert [one["code"] for one in answer["userErrors"]] == ["MEMBER_NOT_ACTIVE"]
    assert await stored(world) == before


async def test_a_merged_id_is_placed_at_its_root(world: World, people: People) -> None:
    asked = await place(world, people.merged)
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)

    done = await place(world, people.merged, key="k-2", approvalId=asked["approvalId"])

    assert done["member"]["tier"]["tier"]["code"] == "vip"
    assert [one.member_id for one in (await stored(world))["tier_change"]] == [people.whole]


def grant_shows(grant: Any, guard: str) -> bool:
    return grant.read(guard) is Verdict.CLEAR
