"""Somebody asks for every figure there is, keeps the answers, and subtracts."""

import itertools
from typing import Any

import pytest

from member_hub.reports.disclosure import MINIMUM_GROUP, possible
from tests.graphql.crowd import MARCH, several
from tests.graphql.world import World

ASK = """query ($by: [MemberDimension!]!, $filter: MemberFilter) {
  memberStatistics(groupBy: $by, filter: $filter) {
    groups { store { code } region channel gender joinedMonth count } } }"""
DIMENSIONS = ("STORE", "REGION", "CHANNEL", "GENDER", "JOINED_MONTH")
EVERY_TABLE = [by for size in (1, 2, 3) for by in itertools.combinations(DIMENSIONS, size)]
SMALL = ("SH002", "SH015")  # nineteen members, and one


async def figures(world: World, by: Any, narrowed: Any = None) -> dict[tuple[Any, ...], int]:
    found = await world.ask("marketing_analyst", ASK, variables={"by": by, "filter": narrowed})
    groups = found["memberStatistics"]["groups"]
    return {
        (g["store"] and g["store"]["code"], g["region"], g["channel"], g["gender"], g["joinedMonth"]): g["count"]
        for g in groups
    }


@pytest.mark.parametrize("by", EVERY_TABLE, ids="-".join)
async def test_no_table_names_a_small_group(crowd: World, by: tuple[str, ...]) -> None:
    found = await figures(crowd, by)

    assert all(count >= MINIMUM_GROUP and count % 5 == 0 for count in found.values())
    assert not [facts for facts in found if facts[0] in SMALL]


@pytest.mark.parametrize("store", SMALL)
@pytest.mark.parametrize("by", ["GENDER", "CHANNEL", "JOINED_MONTH", "REGION", "STORE"])
async def test_no_filter_brings_a_small_group_out(crowd: World, store: str, by: str) -> None:
    assert await figures(crowd, [by], {"homeStore": store}) == {}


async def test_a_region_less_its_stores_does_not_tell_what_is_left(crowd: World) -> None:
    """East is SH001 with 49 and SH002 with 19: what may be left is no single number; south: SH014 with 20, and one."""
    stores, regions = await figures(crowd, ["STORE"]), await figures(crowd, ["REGION"])

    for region, store, left in (("east", "SH001", 19), ("south", "SH014", 1)):
        whole = possible(regions[None, region, None, None, None])
        part = possible(stores[store, None, None, None, None])
        least, greatest = max(0, whole[0] - part[1]), min(MINIMUM_GROUP - 1, whole[1] - part[0])
        assert least <= left <= greatest
        assert least < greatest


async def test_all_members_less_the_two_genders_does_not_tell_the_five_without(crowd: World) -> None:
    """There is no total; the nearest is the sum of the months, of which each is rounded for itself."""
    genders, months = await figures(crowd, ["GENDER"]), await figures(crowd, ["JOINED_MONTH"])

    wholes, parts = [possible(n) for n in months.values()], [possible(n) for n in genders.values()]
    least = sum(low for low, _ in wholes) - sum(high for _, high in parts)
    greatest = sum(high for _, high in wholes) - sum(low for low, _ in parts)
    assert least < 5 < greatest


@pytest.mark.parametrize(
    "narrowed",
    [
        {"joinedFrom": "2026-03-10T00:00:00+08:00"},
        {"joinedTo": "2026-03-11T00:00:00+08:00"},
        {"joinedFrom": "2026-03-01T00:00:00+08:00", "joinedTo": "2026-03-10T12:00:01+08:00"},
    ],
    ids=str,
)
async def test_days_are_no_groups(crowd: World, narrowed: dict[str, str]) -> None:
    for by in (["JOINED_MONTH"], ["STORE", "JOINED_MONTH"], ["STORE"]):
        codes = await crowd.refused("marketing_analyst", ASK, variables={"by": by, "filter": narrowed})
        assert codes == ["BAD_USER_INPUT"]


async def test_many_filters_together_do_not_cut_finer_than_three_things(crowd: World) -> None:
    narrowed = {"homeStore": "SH001", "gender": "F", "channel": "STORE"}

    codes = await crowd.refused("marketing_analyst", ASK, variables={"by": ["JOINED_MONTH"], "filter": narrowed})

    assert codes == ["BAD_USER_INPUT"]
    assert {facts[3] for facts in await figures(crowd, ["GENDER"], narrowed)} == {"F"}


async def test_two_channels_at_once_are_no_group(crowd: World) -> None:
    """A filter by a channel that is grouped by picks that channel, not those who have both."""
    assert set(await figures(crowd, ["CHANNEL"], {"channel": "STORE"})) == {(None, None, "STORE", None, None)}


async def test_one_member_more_does_not_show(world: World) -> None:
    """The same question before and after somebody joins: 24 and 25 may read 20, 25; 25, 25; never the difference."""
    await world.resolve(*several("SH003", None, MARCH, 22))
    before = await figures(world, ["STORE"])
    await world.resolve(*several("SH003", None, MARCH, 1))
    after = await figures(world, ["STORE"])

    seen = [possible(counts["SH003", None, None, None, None]) for counts in (before, after)]
    differences = {
        later - earlier for earlier in range(seen[0][0], seen[0][1] + 1) for later in range(seen[1][0], seen[1][1] + 1)
    }
    assert {0, 1, 2} <= differences


async def test_lists_by_alias_in_one_document_count_nothing_either(crowd: World) -> None:
    roots = " ".join(
        f'r{i}: memberStatistics(groupBy: [GENDER], filter: {{homeStore: "SH0{i:02}"}}) {{ groups {{ count }} }}'
        for i in range(1, 11)
    )

    found = await crowd.ask("marketing_analyst", f"{{ {roots} }}")

    assert {name: len(each["groups"]) for name, each in found.items() if each["groups"]} == {"r1": 2}


async def test_an_analyst_gets_no_row_by_any_operation(crowd: World) -> None:
    for query in (
        "{ memberList(first: 1) { edges { node { id } } } }",
        '{ member(by: {phone: "13812345670"}) { id } }',
        '{ members(by: [{phone: "13812345670"}]) { id } }',
        '{ node(id: "x") { id } }',
        "{ me { id } }",
    ):
        assert await crowd.refused("marketing_analyst", query) == ["FORBIDDEN"]
