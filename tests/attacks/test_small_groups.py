"""Somebody asks for every figure there is, keeps the answers, and subtracts."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from member_hub.reports.disclosure import MINIMUM_GROUP, told
from tests.graphql.crowd import MARCH, several
from tests.graphql.world import World
from tests.reports.subtracting import possible

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


async def test_one_member_more_does_not_show_in_the_week(world: World) -> None:
    """The same question before and after somebody joins, who is entered as if he had joined long ago."""
    await world.resolve(*several("SH003", None, MARCH, 24))
    before = await figures(world, ["STORE"])

    await world.resolve(*several("SH003", None, MARCH, 5))

    assert await figures(world, ["STORE"]) == before


async def test_in_a_week_no_other_question_measures_a_group_anew(world: World) -> None:
    """Every narrowing that comes to SH003 gives the number that the first question gave, whoever joins meanwhile."""
    await world.resolve(*several("SH003", "F", MARCH, 23))
    questions: list[tuple[list[str], dict[str, str] | None]] = [
        (["STORE"], None),
        (["STORE"], {"homeStore": "SH003"}),
        (["STORE"], {"region": "east"}),
        (["STORE", "REGION"], None),
        (["REGION"], {"homeStore": "SH003"}),
    ]

    seen = []
    for by, narrowed in questions:
        seen += (await figures(world, by, narrowed)).values()
        await world.resolve(*several("SH003", "F", MARCH, 4))

    assert seen == [seen[0]] * len(questions)


async def test_asking_every_day_for_weeks_averages_nothing(world: World) -> None:
    """East is SH001, which grows by one a day, and SH002, withheld with 13. Somebody asks for both every day, and may
    even know how large SH001 was at the beginning of which week."""
    await world.resolve(*several("SH001", None, MARCH, 60), *several("SH002", None, MARCH, 13))
    world.clock.at += timedelta(days=1)  # a Monday
    answers, sizes = [], range(60, 60 + 8 * 7, 7)
    for _ in sizes:
        week = []
        for _ in range(7):
            regions, stores = await figures(world, ["REGION"]), await figures(world, ["STORE"])
            week.append((regions[None, "east", None, None, None], stores["SH001", None, None, None, None]))
            await world.resolve(*several("SH001", None, MARCH, 1))
            world.clock.at += timedelta(days=1)
        assert week == [week[0]] * 7
        answers.append(week[0])

    possible_rests = {
        rest
        for rest in range(MINIMUM_GROUP)
        for whole_lot, part_lot in itertools.product(range(5), repeat=2)
        if all(
            (told(size + rest, whole_lot), told(size, part_lot)) == answer
            for size, answer in zip(sizes, answers, strict=True)
        )
    }
    assert 13 in possible_rests
    assert len(possible_rests) >= 5


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
