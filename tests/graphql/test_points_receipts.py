"""The receipt of an act over more lots than anybody reads: bounded, with the number of all, and all of it is found."""

from typing import Any

from member_hub.graphql.points_acts import ENTRIES_SHOWN
from tests.graphql.pointing import earn
from tests.graphql.world import People, World

REDEEM = """mutation ($input: PointsRedeemInput!, $key: String!) { pointsRedeem(input: $input, idempotencyKey: $key) {
    receipt { operationId points entryCount entries { act lot } } userErrors { code } } }"""
LEDGER = """query ($by: MemberKey!, $after: String) { member(by: $by) { points { entries(first: 100, after: $after) {
    edges { node { operationId } } pageInfo { hasNextPage endCursor } } } } }"""


async def test_of_an_act_over_many_lots_the_first_hundred_entries_are_shown_and_all_are_counted(
    world: World, people: People
) -> None:
    for _ in range(ENTRIES_SHOWN + 3):
        await earn(world, people.whole, 1)
    stated = {"input": {"member": str(people.whole), "amount": ENTRIES_SHOWN + 2}, "key": "many"}

    said = (await world.ask("app_checkout", REDEEM, variables=stated))["pointsRedeem"]

    receipt = said["receipt"]
    assert (receipt["points"], receipt["entryCount"], len(receipt["entries"])) == (102, 102, 100)
    assert len({entry["lot"] for entry in receipt["entries"]}) == 100
    assert (await world.ask("app_checkout", REDEEM, variables=stated))["pointsRedeem"] == said
    assert (await operations(world, people)).count(receipt["operationId"]) == 102


async def operations(world: World, people: People) -> list[str]:
    """Of the member's ledger, entry by entry."""
    found: list[str] = []
    page: Any = {"pageInfo": {"hasNextPage": True, "endCursor": None}}
    while page["pageInfo"]["hasNextPage"]:
        asked = {"by": {"id": str(people.whole)}, "after": page["pageInfo"]["endCursor"]}
        page = (await world.ask("app_checkout", LEDGER, variables=asked))["member"]["points"]["entries"]
        found += [edge["node"]["operationId"] for edge in page["edges"]]
    return found
