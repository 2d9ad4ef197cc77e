"""The list of members: newest first, by position, narrowed by what the caller may narrow by."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from member_hub.members.tables import Channel
from tests.graphql.conftest import Town
from tests.graphql.world import NOW, World, said

PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: MemberFilter) {
  memberList(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node { joinedAt phone { value } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
NUMBERS = [f"+861391234560{number}" for number in range(7)]


@pytest.fixture
def seven(world: World, run: Any) -> World:
    """Seven members, the first the oldest; two of them joined at the same moment."""
    days = (70, 60, 50, 40, 40, 20, 10)
    run(
        world.resolve(
            *(
                said(Channel.STORE, f"200000000{i}", at=NOW - timedelta(days=day), phone=NUMBERS[i], home_store="SH001")
                for i, day in enumerate(days)
            )
        )
    )
    return world


async def page(world: World, **variables: Any) -> tuple[list[str], dict[str, Any]]:
    found = (await world.ask("app_crm", PAGE, variables=variables))["memberList"]
    return [edge["node"]["phone"]["value"] for edge in found["edges"]], found["pageInfo"]


async def test_pages_forward_give_everybody_once_the_newest_first(seven: World) -> None:
    seen: list[str] = []
    after = None
    for size in (3, 3, 1):
        numbers, info = await page(seven, first=3, after=after)
        assert len(numbers) == size
        assert info["hasNextPage"] is (len(seen) + size < 7)
        assert info["hasPreviousPage"] is (after is not None)
        seen, after = seen + numbers, info["endCursor"]

    assert sorted(seen) == NUMBERS
    assert [seen[0], seen[1], seen[4], seen[5], seen[6]] == [NUMBERS[i] for i in (6, 5, 2, 1, 0)]


async def test_pages_backward_give_the_same_order(seven: World) -> None:
    forward, _ = await page(seven, first=7)
    end, info = await page(seven, last=3)
    middle, before_that = await page(seven, last=3, before=info["startCursor"])

    assert middle + end == forward[1:]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (True, False)
    assert (before_that["hasPreviousPage"], before_that["hasNextPage"]) == (True, True)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"first": 0},
        {"first": 101},
        {"last": 101},
        {"first": -1},
        {"first": 3, "last": 3},
        {"first": 3, "before": "x"},
    ],
    ids=str,
)
async def test_a_page_has_to_be_asked_for_properly(town: Town, arguments: dict[str, Any]) -> None:
    assert await town.refused("app_crm", PAGE, variables=arguments) == ["BAD_USER_INPUT"]


async def test_a_cursor_that_the_hub_did_not_give_is_refused(seven: World) -> None:
    _, info = await page(seven, first=3)
    good = info["endCursor"]
    spoiled = [
        good[:-1],
        good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1],
        "",
        "x",
        "=",
        "ü",
        good[::-1],
        "A" * 2000,
    ]

    codes = [await seven.refused("app_crm", PAGE, variables={"first": 3, "after": each}) for each in spoiled]

    assert codes == [["BAD_USER_INPUT"]] * len(spoiled)


async def test_a_cursor_gives_no_reach(seven: World) -> None:
    _, info = await page(seven, first=1)

    found = await seven.ask(
        "sales_associate", PAGE, variables={"first": 5, "after": info["endCursor"]}, stores=["SH002"]
    )

    assert found["memberList"]["edges"] == []


async def test_a_cursor_of_another_list_is_refused(town: Town) -> None:
    orders = "query ($by: MemberKey!) { member(by: $by) { orders(first: 1) { pageInfo { endCursor } } } }"
    found = await town.ask("app_crm", orders, variables={"by": {"id": str(town.people.whole)}})
    cursor = found["member"]["orders"]["pageInfo"]["endCursor"]

    assert await town.refused("app_crm", PAGE, variables={"first": 1, "after": cursor}) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("narrowed", "number"),
    [
        ({}, 4),
        ({"homeStore": "SH001"}, 1),
        ({"homeStore": "SH014"}, 3),
        ({"region": "south"}, 3),
        ({"region": "south", "homeStore": "SH001"}, 0),
        ({"channel": "WEBSITE"}, 1),
        ({"channel": "STORE"}, 4),
        ({"status": "ACTIVE"}, 4),
        ({"status": "MERGED"}, 0),
        ({"gender": "F"}, 1),
        ({"gender": "M"}, 0),
        ({"joinedFrom": "2026-01-01T00:00:00+08:00"}, 3),
        ({"joinedTo": "2026-01-01T00:00:00+08:00"}, 1),
    ],
    ids=str,
)
async def test_a_list_is_narrowed(town: Town, narrowed: dict[str, Any], number: int) -> None:
    found = await town.ask("app_crm", PAGE, variables={"first": 100, "filter": narrowed})

    assert len(found["memberList"]["edges"]) == number


@pytest.mark.parametrize(
    "narrowed", [{"homeStore": "SH999"}, {"region": "west"}, {"joinedFrom": "2026-01-01"}], ids=str
)
async def test_a_list_is_not_narrowed_by_what_there_is_not(town: Town, narrowed: dict[str, Any]) -> None:
    assert await town.refused("app_crm", PAGE, variables={"first": 1, "filter": narrowed}) == ["BAD_USER_INPUT"]


async def test_who_may_not_filter_by_a_field_is_told_which(town: Town) -> None:
    answer = await town.post("app_checkout", PAGE, variables={"first": 1, "filter": {"gender": "F"}})

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN", "field": "filter.gender"}
    assert "data" not in answer.json()


async def test_order_lines_are_paged_the_newest_first(town: Town) -> None:
    query = """query ($by: MemberKey!, $after: String) { member(by: $by) { orders(first: 2, after: $after) {
      edges { node { orderNo } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""
    by = {"id": str(town.people.whole)}

    first = (await town.ask("app_crm", query, variables={"by": by}))["member"]["orders"]
    after = first["pageInfo"]["endCursor"]
    second = (await town.ask("app_crm", query, variables={"by": by, "after": after}))["member"]["orders"]

    assert [edge["node"]["orderNo"] for edge in first["edges"]] == ["O-3", "O-2"]
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    assert [edge["node"]["orderNo"] for edge in second["edges"]] == ["O-1"]
    assert (second["pageInfo"]["hasNextPage"], second["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_an_order_line_says_everything_about_itself(town: Town) -> None:
    query = """query ($by: MemberKey!) { member(by: $by) { orders(first: 1) { state edges { node {
      orderNo lineNo channel store { code region nameZh } amountFen orderedAt status
      refundOf { orderNo lineNo } } } } } }"""

    found = await town.ask("app_crm", query, variables={"by": {"id": str(town.people.whole)}})

    assert found["member"]["orders"] == {
        "state": "CLEAR",
        "edges": [
            {
                "node": {
                    "orderNo": "O-3",
                    "lineNo": 1,
                    "channel": "STORE",
                    "store": {"code": "SH001", "region": "east", "nameZh": "东区1店"},
                    "amountFen": -12000,
                    "orderedAt": "2026-10-13T08:00:00Z",
                    "status": "REFUNDED",
                    "refundOf": {"orderNo": "O-2", "lineNo": 1},
                }
            }
        ],
    }


async def test_a_cursor_says_nothing_and_one_position_gives_one_cursor(town: Town) -> None:
    page = "{ memberList(first: 2) { edges { cursor node { joinedAt id } } } }"

    first, again = await town.ask("app_crm", page), await town.ask("app_crm", page)

    assert first == again
    for edge in first["memberList"]["edges"]:
        raw = base64.urlsafe_b64decode(edge["cursor"] + "=" * (-len(edge["cursor"]) % 4))
        member_id = base64.b64decode(edge["node"]["id"]).decode().rpartition(":")[2]
        assert edge["node"]["joinedAt"][:10].encode() not in raw
        assert member_id.encode() not in raw


async def test_a_cursor_belongs_to_its_filter_and_to_no_role(town: Town) -> None:
    page = """query ($after: String, $filter: MemberFilter) {
        memberList(first: 1, after: $after, filter: $filter) { edges { cursor } } }"""
    shops, women = {"channel": "STORE"}, {"channel": "STORE", "gender": "F"}
    found = await town.ask("app_crm", page, variables={"filter": shops})
    after = found["memberList"]["edges"][0]["cursor"]

    assert await town.refused("app_crm", page, variables={"after": after, "filter": shops}) == []
    assert await town.refused("app_crm", page, variables={"after": after, "filter": shops | {"gender": None}}) == []
    assert await town.refused("dpo", page, variables={"after": after, "filter": shops}) == []
    for other in (women, {}, None, {"channel": "APP"}):
        assert await town.refused("app_crm", page, variables={"after": after, "filter": other}) == ["BAD_USER_INPUT"]
