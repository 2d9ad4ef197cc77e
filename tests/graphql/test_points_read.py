"""Points of members as they are read: exact values, over merged accounts, in pages, at a moment; for whom, how dear."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from member_hub.access import Verdict
from member_hub.access.grants import Grant
from member_hub.db import transaction
from member_hub.holders import HOLDERS
from member_hub.ids import MemberId
from member_hub.members.tables import Channel, MemberStatus
from tests.conftest import Run
from tests.graphql.pointing import done, earn, points_of, turn
from tests.graphql.test_counts import watched
from tests.graphql.till import shown_by
from tests.graphql.world import NOW, People, World, said

LEDGER = """query ($by: MemberKey!, $first: Int, $after: String) { member(by: $by) { points {
    entries(first: $first, after: $after) { state edges { cursor node { operationId ofOperation act reason points
    active pending held debt balance lot hold by occurredAt recordedAt } } pageInfo { hasNextPage hasPreviousPage
    endCursor } } } } }"""
EVERYTHING = """active balance state pending held debt version history expiringNext { at points }
    lots { id kind state earned remaining held earnedAt activatesAt expiresAt }
    a: entries(first: 2) { state edges { node { points } } } b: entries { edges { node { points } } }
    at(moment: "2026-11-22T08:00:00Z") then: at(moment: "2025-01-01T00:00:00Z")"""
MANY = f"query ($by: [MemberKey!]!) {{ members(by: $by) {{ points {{ {EVERYTHING} }} }} }}"
NOTHING = {
    "active": 0,
    "balance": 0,
    "state": "OPEN",
    "pending": 0,
    "held": 0,
    "debt": 0,
    "version": 0,
    "expiringNext": None,
}


async def ledger(world: World, member: MemberId, role: str = "app_crm", **page: Any) -> Any:
    variables = {"by": {"id": str(member)}, **page}
    return (await world.ask(role, LEDGER, variables=variables))["member"]["points"]["entries"]


async def asked(world: World, member: MemberId, fields: str, role: str = "app_crm", **about: Any) -> Any:
    query = f"query ($by: MemberKey!) {{ member(by: $by) {{ points {{ {fields} }} }} }}"
    variables = {"by": {"id": str(member)}}
    return (await world.ask(role, query, variables=variables, **about))["member"]["points"]


def nodes(page: Any) -> list[tuple[str, int, int]]:
    return [(edge["node"]["act"], edge["node"]["points"], edge["node"]["balance"]) for edge in page["edges"]]


async def test_the_pots_of_an_account(world: World, people: People) -> None:
    await earn(world, people.whole, 10_000, "PURCHASE")
    await earn(world, people.whole, 500)
    await done(world, "pointsHold", "app_checkout", member=people.whole, amount=200)

    assert await points_of(world, people.whole) == {
        "active": 300,
        "balance": 300,
        "state": "OPEN",
        "pending": 100,
        "held": 200,
        "debt": 0,
        "version": 3,
        "expiringNext": {"at": "2027-05-22T16:00:00Z", "points": 300},
    }


async def test_who_never_earned_has_an_account_of_zeros(world: World, people: People) -> None:
    assert await points_of(world, people.southern) == NOTHING
    assert await asked(world, people.southern, EVERYTHING) == NOTHING | {
        "history": "CLEAR",
        "lots": [],
        "a": {"state": "CLEAR", "edges": []},
        "b": {"edges": []},
        "at": 0,
        "then": 0,
    }


async def test_what_fell_due_shows_though_nobody_wrote_it(world: World, people: People) -> None:
    await earn(world, people.whole, 10_000, "PURCHASE")
    world.clock.at += timedelta(days=9)

    found = await points_of(world, people.whole)
    (lot,) = (await asked(world, people.whole, "lots { state remaining }"))["lots"]

    assert (found["active"], found["pending"]) == (100, 0)
    assert lot == {"state": "ACTIVE", "remaining": 100}

    world.clock.at += timedelta(days=800)
    assert (await points_of(world, people.whole))["active"] == 0
    assert (await asked(world, people.whole, "lots { state }"))["lots"] == []


async def test_the_ledger_newest_first_in_pages(world: World, people: People) -> None:
    earned = await earn(world, people.whole, 500)
    world.clock.at += timedelta(minutes=1)
    spent = await done(world, "pointsRedeem", "app_crm", member=people.whole, amount=200)
    world.clock.at += timedelta(minutes=1)
    back = await done(
        world, "pointsReverse", "app_checkout", member=people.whole, operation=spent["operationId"], amount=50
    )

    whole = await ledger(world, people.whole)
    assert nodes(whole) == [("REVERSE", 50, 350), ("REDEEM", 200, 300), ("ACTIVATE", 500, 500), ("EARN", 500, 0)]
    assert whole["edges"][0]["node"] == {
        "operationId": back["operationId"],
        "ofOperation": spent["operationId"],
        "act": "REVERSE",
        "reason": "CANCELLED",
        "points": 50,
        "active": 50,
        "pending": 0,
        "held": 0,
        "debt": 0,
        "balance": 350,
        "lot": earned["entries"][0]["lot"],
        "hold": None,
        "by": "APP",
        "occurredAt": "2026-11-22T08:02:00Z",
        "recordedAt": "2026-11-22T08:02:00Z",
    }
    paged: list[Any] = []
    after = None
    for _ in range(4):
        page = await ledger(world, people.whole, first=1, after=after)
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        paged += nodes(page)
        after = page["pageInfo"]["endCursor"]
    assert paged == nodes(whole)
    assert page["pageInfo"]["hasNextPage"] is False


async def test_the_ledger_goes_over_what_was_merged(world: World, people: People) -> None:
    await earn(world, people.southern, 300)
    world.clock.at += timedelta(minutes=1)
    await earn(world, people.visitor, 200)
    world.clock.at += timedelta(minutes=1)
    await merge(world, kept=people.southern, gone=people.visitor)
    world.clock.at += timedelta(minutes=1)
    await earn(world, people.southern, 10)

    acts = [one[0] for one in nodes(await ledger(world, people.southern))]
    paged: list[str] = []
    after = None
    for _ in range(8):
        page = await ledger(world, people.visitor, first=1, after=after)
        paged += [one[0] for one in nodes(page)]
        after = page["pageInfo"]["endCursor"]

    assert sorted(acts) == sorted(["EARN", "ACTIVATE"] * 3 + ["MERGE_OUT", "MERGE_IN"])
    assert paged == acts
    assert (await points_of(world, people.visitor))["active"] == 510
    at = await asked(
        world, people.southern, 'a: at(moment: "2026-11-22T08:00:30Z") b: at(moment: "2026-11-22T08:01:30Z")'
    )
    assert at == {"a": 300, "b": 500}


async def test_the_balance_at_any_moment(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    world.clock.at += timedelta(hours=1)
    await done(world, "pointsRedeem", "app_checkout", member=people.whole, amount=200)

    found = await asked(
        world,
        people.whole,
        """before: at(moment: "2026-11-22T15:59:59+08:00") earned: at(moment: "2026-11-22T08:00:00Z")
        spent: at(moment: "2026-11-22T09:00:00Z") clocks: at(moment: "2026-11-22T09:05:00Z")""",
    )

    assert found == {"before": 0, "earned": 500, "spent": 300, "clocks": 300}


async def test_no_balance_is_foretold(world: World, people: People) -> None:
    query = 'query ($by: MemberKey!) { member(by: $by) { points { at(moment: "2026-11-22T08:05:01Z") } } }'
    variables = {"by": {"id": str(people.whole)}}

    assert await world.refused("app_crm", query, variables=variables) == ["BAD_USER_INPUT"]

    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome) == ("member", "BAD_USER_INPUT")


async def test_lots_those_first_that_expire_first(world: World, people: People) -> None:
    earned = await earn(world, people.whole, 500)
    await earn(world, people.whole, 10_000, "PURCHASE")
    await done(world, "pointsHold", "app_checkout", member=people.whole, amount=200)

    first, second = (await asked(world, people.whole, EVERYTHING))["lots"]

    assert first == {
        "id": earned["entries"][0]["lot"],
        "kind": "TASK",
        "state": "ACTIVE",
        "earned": 500,
        "remaining": 500,
        "held": 200,
        "earnedAt": "2026-11-22T08:00:00Z",
        "activatesAt": "2026-11-22T08:00:00Z",
        "expiresAt": "2027-05-22T16:00:00Z",
    }
    assert (second["kind"], second["state"], second["activatesAt"]) == ("PURCHASE", "PENDING", "2026-11-29T16:00:00Z")


@pytest.mark.parametrize("cursor", ["x", "AAAA", ""])
async def test_a_cursor_of_another_list_is_refused(world: World, people: People, cursor: str) -> None:
    await earn(world, people.whole, 500)
    query = "query ($by: MemberKey!) { member(by: $by) { orders(first: 1) { edges { cursor } } } }"
    found = await world.ask("app_crm", query, variables={"by": {"id": str(people.whole)}})
    other = found["member"]["orders"]["edges"][0]["cursor"]

    for after in (cursor, other):
        variables = {"by": {"id": str(people.whole)}, "after": after}
        assert await world.refused("app_crm", LEDGER, variables=variables) == ["BAD_USER_INPUT"]


async def test_reading_points_is_on_record(world: World, people: People) -> None:
    await points_of(world, people.whole, "store_manager")

    (entry,) = await world.audited()
    assert (entry.fields, entry.member_ids) == (["key:id", "member.loyalty:CLEAR"], [people.whole])


async def test_where_they_are_denied_points_are_null(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    await earn(world, people.whole, 500)
    reads = Grant.read
    monkeypatch.setattr(
        Grant, "read", lambda self, guard: Verdict.DENIED if guard == "member.loyalty" else reads(self, guard)
    )

    assert await asked(world, people.whole, EVERYTHING) is None
    receipt = await earn(world, people.whole, 5)
    assert (receipt["points"], receipt["balance"]) == (5, None)
    assert [row.fields for row in await world.audited()][-2:] == [
        ["key:id", "member.loyalty:DENIED"],
        ["member.loyalty:DENIED", "member.loyalty:WRITE"],
    ]


async def test_at_the_till_only_what_can_be_spent(world: World, people: People) -> None:
    await earn(world, people.southern, 500)
    await done(world, "pointsHold", "app_checkout", member=people.southern, amount=200)
    query = f"query ($by: MemberKey!) {{ member(by: $by) {{ points {{ {EVERYTHING} }} }} }}"
    variables = {"by": {"memberCode": await shown_by(world, people.southern)}}

    shown = (await world.ask("sales_associate", query, variables=variables))["member"]["points"]

    assert shown == {
        "active": 300,
        "balance": 300,
        "history": "DENIED",
        **dict.fromkeys(("state", "pending", "held", "debt", "version", "expiringNext", "at", "then")),
        "lots": [],
        "a": {"state": "DENIED", "edges": []},
        "b": {"edges": []},
    }
    last = (await world.audited())[-1]
    assert (last.fields, last.member_ids) == (
        ["key:memberCode", "member.loyalty:CLEAR", "view:till"],
        [people.southern],
    )


@pytest.fixture
def hundred(world: World, run: Run) -> World:
    """A hundred members with points."""
    stated = [said(Channel.STORE, f"30000{i:05}", home_store="SH001", name="张三") for i in range(10_000, 10_100)]
    members = run(world.resolve(*stated))
    for member in members:
        run(earn(world, member, 500))
    return world


async def test_points_of_a_hundred_cost_as_many_statements_as_of_one(hundred: World) -> None:
    keys = [{"storeCard": f"30000{i:05}"} for i in range(10_000, 10_100)]
    counts = []
    for by in (keys[:1], keys):
        for seen in watched(hundred):
            found = (await hundred.ask("app_crm", MANY, variables={"by": by}))["members"]
            assert [one["points"]["active"] for one in found] == [500] * len(by)
            counts.append(len(seen))

    # token, members; two pages; accounts, next to expire; lots; two moments
    assert counts == [9, 9]


async def test_the_balance_alone_costs_two_statements(hundred: World) -> None:
    query = "query ($by: MemberKey!) { member(by: $by) { points { active balance } } }"
    for seen in watched(hundred):
        await hundred.ask("app_checkout", query, variables={"by": {"storeCard": "3000010000"}})

        assert len(seen) == 4  # token, member, account, next to expire


async def test_what_was_not_asked_for_is_not_read(hundred: World) -> None:
    query = "query ($by: MemberKey!) { member(by: $by) { points { history } } }"
    for seen in watched(hundred):
        await hundred.ask("app_checkout", query, variables={"by": {"storeCard": "3000010000"}})

        assert len(seen) == 2


async def test_a_request_loads_so_many_entries_at_most(hundred: World) -> None:
    pages = " ".join(f"o{i}: entries(first: {100 - i}) {{ state }}" for i in range(3))
    query = f"{{ memberList(first: 100) {{ edges {{ node {{ points {{ {pages} }} }} }} }} }}"

    assert await hundred.refused("app_crm", query) == ["QUERY_TOO_COMPLEX"]


async def merge(world: World, *, kept: MemberId, gone: MemberId) -> None:
    """What merging does to points."""
    holder = next(one for one in HOLDERS if "hub.points_account" in one.tables)
    async with transaction(world.hub.database.app) as tx:
        await replace(holder, clock=world.clock).absorb(tx, kept=kept, gone=gone)  # type: ignore[type-var]
    await turn(world, gone, status=MemberStatus.MERGED, merged_into=kept)
    assert world.clock.now() > NOW


async def test_an_act_costs_so_many_statements(hundred: World) -> None:
    members = (await hundred.ask("app_crm", "{ memberList(first: 1) { edges { node { id } } } }"))["memberList"]
    member = members["edges"][0]["node"]["id"]
    counts: dict[str, int] = {}
    for name, stated in (("pointsRedeem", {"amount": 5}), ("pointsEarn", {"amount": 5, "kind": "TASK"})) * 4:
        for seen in watched(hundred):
            await done(hundred, name, "app_checkout", member=member, **stated)
            counts[name] = min(len(seen), counts.get(name, len(seen)))  # one in sixteen clears old keys away, too

    # reach, reach again; redeeming: lots, earning under a cap: the person's ids, the day's sum. Three more go past this
    # watch (db/direct.py): the lock, key and account in one, and all that was done
    assert counts == {"pointsRedeem": 3, "pointsEarn": 4}


async def test_balances_with_something_due_cost_as_many_for_a_hundred_as_for_one(hundred: World) -> None:
    keys = [{"storeCard": f"30000{i:05}"} for i in range(10_000, 10_100)]
    query = "query ($by: [MemberKey!]!) { members(by: $by) { points { active } } }"
    hundred.clock.at += timedelta(days=300)
    counts = []
    for by in (keys[:1], keys):
        for seen in watched(hundred):
            found = (await hundred.ask("app_checkout", query, variables={"by": by}))["members"]
            assert [one["points"]["active"] for one in found] == [0] * len(by)
            counts.append(len(seen))

    # token, members; accounts, holds due, lots due, next to expire
    assert counts == [6, 6]
