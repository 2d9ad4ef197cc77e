"""Figures: who may ask for them, which groups are told, and what is put on record."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text

from member_hub.clock import SHANGHAI
from member_hub.crypto import Ledger
from member_hub.db import transaction
from member_hub.db.base import Tx
from member_hub.holders import HOLDERS
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import StatedIdentifier
from member_hub.ids import MemberId
from member_hub.reports.snapshots import snapshot_t
from member_hub.rights import erase, hold_person
from tests.graphql.crowd import APRIL, MARCH, crowd, several
from tests.graphql.world import NOW, World

__all__ = ["crowd"]
ASK = """query ($by: [MemberDimension!]!, $filter: MemberFilter) {
  memberStatistics(groupBy: $by, filter: $filter) {
    minimumGroup roundedTo groups { store { code } region channel gender joinedMonth count }
  }
}"""
WEEK = timedelta(days=7)
MONDAY = datetime(2026, 11, 16, tzinfo=SHANGHAI)  # NOW is the Sunday after
JOINED = "2026-04-01T00:00:00+08:00"


async def counted(world: World, *by: str, role: str = "marketing_analyst", **narrowed: Any) -> dict[Any, int]:
    """Counts by the facts of the group."""
    found = await world.ask(role, ASK, variables={"by": by, "filter": narrowed or None})
    names = {"STORE": "store", "REGION": "region", "CHANNEL": "channel", "GENDER": "gender"}
    groups = {}
    for group in found["memberStatistics"]["groups"]:
        facts = [group[names.get(dimension, "joinedMonth")] for dimension in by]
        plain = tuple(fact["code"] if isinstance(fact, dict) else fact for fact in facts)
        groups[plain if len(plain) > 1 else plain[0]] = group["count"]
    return groups


def near(number: int, size: int) -> bool:
    return number % 5 == 0 and abs(number - size) < 5


@pytest.mark.parametrize("role", ["marketing_analyst", "membership_manager"])
async def test_groups_of_twenty_are_told_and_groups_of_nineteen_are_not(crowd: World, role: str) -> None:
    found = await counted(crowd, "STORE", role=role)

    assert set(found) == {"SH001", "SH014", None}  # not SH002, 19 members, nor SH015, one
    assert (found["SH014"], found[None]) == (20, 30)
    assert near(found["SH001"], 49)


@pytest.mark.parametrize(
    ("by", "sizes"),
    [
        (["REGION"], {"east": 68, "south": 21, None: 30}),
        (["GENDER"], {"F": 92, "M": 22}),
        (["CHANNEL"], {"STORE": 89, "WEBSITE": 30}),
        (["JOINED_MONTH"], {"2026-03": 92, "2026-04": 27}),
        (["STORE", "GENDER"], {("SH001", "F"): 23, ("SH001", "M"): 21, ("SH014", "F"): 20, (None, "F"): 30}),
        (["GENDER", "REGION"], {("F", "east"): 42, ("F", "south"): 20, ("F", None): 30, ("M", "east"): 21}),
        (
            ["CHANNEL", "GENDER", "JOINED_MONTH"],
            {("STORE", "F", "2026-03"): 62, ("STORE", "M", "2026-04"): 22, ("WEBSITE", "F", "2026-03"): 30},
        ),
    ],
    ids=str,
)
async def test_members_are_counted_by_one_to_three_things(crowd: World, by: list[str], sizes: dict[Any, int]) -> None:
    found = await counted(crowd, *by)

    assert set(found) == set(sizes)
    assert [fact for fact, size in sizes.items() if not near(found[fact], size)] == []


async def test_an_answer_says_its_rules(crowd: World) -> None:
    found = await crowd.ask(
        "marketing_analyst", "{ memberStatistics(groupBy: [STORE]) { minimumGroup roundedTo asOf } }"
    )

    assert found == {"memberStatistics": {"minimumGroup": 20, "roundedTo": 5, "asOf": "2026-11-15T16:00:00Z"}}


async def test_the_same_people_always_give_the_same_number(crowd: World) -> None:
    """By whichever table, and however often: asking again averages nothing."""
    whole = await counted(crowd, "STORE", "GENDER")

    assert [await counted(crowd, "STORE", "GENDER") for _ in range(5)] == [whole] * 5
    assert (await counted(crowd, "GENDER", homeStore="SH001"))["F"] == whole["SH001", "F"]
    by_month = await counted(crowd, "STORE", "JOINED_MONTH")
    assert by_month["SH001", "2026-03"] == whole["SH001", "F"]  # the women of SH001 are those who joined in March


async def test_the_same_people_give_the_same_number_in_every_table(world: World) -> None:
    """All of a store are women who joined in March by its card: five tables that are counted apart, one number each."""
    stores = [f"SH{number:03}" for number in range(1, 9)]
    await world.resolve(*(one for store in stores for one in several(store, "F", MARCH, 22)))

    whole = await counted(world, "STORE")

    assert set(whole) == set(stores)
    for fact, by in (("F", "GENDER"), ("2026-03", "JOINED_MONTH"), ("STORE", "CHANNEL")):
        assert await counted(world, "STORE", by) == {(store, fact): whole[store] for store in stores}
    found = await counted(world, "STORE", "GENDER", "JOINED_MONTH")
    assert found == {(store, "F", "2026-03"): whole[store] for store in stores}


@pytest.mark.parametrize(
    ("by", "narrowed", "facts"),
    [
        (["STORE"], {"homeStore": "SH014"}, ["SH014"]),
        (["STORE"], {"homeStore": "SH002"}, []),
        (["STORE"], {"region": "east"}, ["SH001"]),
        (["GENDER"], {"homeStore": "SH001"}, ["F", "M"]),
        (["GENDER"], {"region": "south"}, ["F"]),
        (["STORE"], {"gender": "M"}, ["SH001"]),
        (["CHANNEL"], {"channel": "WEBSITE"}, ["WEBSITE"]),
        (["REGION"], {"channel": "STORE"}, ["east", "south"]),
        (["JOINED_MONTH"], {"joinedFrom": JOINED}, ["2026-04"]),
        (["JOINED_MONTH"], {"joinedTo": JOINED}, ["2026-03"]),
        (["STORE", "GENDER", "JOINED_MONTH"], {"region": "south"}, [("SH014", "F", "2026-03")]),
    ],
    ids=str,
)
async def test_a_filter_picks_groups(crowd: World, by: list[str], narrowed: dict[str, Any], facts: list[Any]) -> None:
    whole = await counted(crowd, *by) if set(narrowed) <= {"joinedFrom", "joinedTo"} else None

    found = await counted(crowd, *by, **narrowed)

    assert set(found) == set(facts)
    assert whole is None or found.items() <= whole.items()


@pytest.mark.parametrize(
    ("by", "narrowed", "field"),
    [
        ([], {}, "groupBy"),
        (["STORE", "STORE"], {}, "groupBy"),
        (["STORE", "GENDER", "CHANNEL", "JOINED_MONTH"], {}, "groupBy"),
        (["STORE", "GENDER", "CHANNEL"], {"joinedFrom": JOINED}, "filter"),
        (["GENDER", "CHANNEL", "JOINED_MONTH"], {"homeStore": "SH001"}, "filter"),
        (["STORE"], {"joinedFrom": JOINED}, "filter.joinedFrom"),
        (["STORE"], {"joinedTo": JOINED}, "filter.joinedTo"),
        (["JOINED_MONTH"], {"joinedFrom": "2026-04-02T00:00:00+08:00"}, "filter.joinedFrom"),
        (["JOINED_MONTH"], {"joinedTo": "2026-04-01T00:00:00Z"}, "filter.joinedTo"),
        (["JOINED_MONTH"], {"joinedTo": "2026-04-01T00:00:00.000001+08:00"}, "filter.joinedTo"),
        (["STORE"], {"status": "FROZEN"}, "filter.status"),
        (["STORE"], {"homeStore": "SH999"}, "filter.homeStore"),
        (["STORE"], {"region": "west"}, "filter.region"),
    ],
    ids=str,
)
async def test_what_is_no_cell_of_the_grid_is_refused(
    crowd: World, by: list[str], narrowed: dict[str, Any], field: str
) -> None:
    answer = (await crowd.post("marketing_analyst", ASK, variables={"by": by, "filter": narrowed})).json()

    assert answer["data"] is None
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "BAD_USER_INPUT", "field": field}]


@pytest.mark.parametrize(
    ("role", "purpose"),
    [
        ("sales_associate", "member_service"),
        ("store_manager", "customer_support"),
        ("region_manager", "member_service"),
        ("support_agent", "customer_support"),
        ("membership_manager", "marketing"),
        ("membership_manager", "personalisation"),
        ("dpo", "rights_handling"),
        ("auditor", "security_audit"),
        ("system_admin", "system_operation"),
        ("app_checkout", "member_service"),
        ("app_crm", "marketing"),
        ("app_mini_program", "member_service"),
    ],
)
async def test_who_has_no_right_to_figures_is_refused(world: World, role: str, purpose: str) -> None:
    answer = await world.post(role, ASK, variables={"by": ["STORE"]}, purpose=purpose)

    assert answer.status_code == 403
    assert "data" not in answer.json()
    (row,) = await world.audited()
    assert (row.operation, row.outcome, row.fields, row.member_ids) == ("memberStatistics", "FORBIDDEN", [], [])


async def test_figures_leave_one_row_that_names_what_was_counted_by_and_nobody(world: World) -> None:
    await counted(world, "STORE", "GENDER", channel="APP")

    (row,) = await world.audited()
    assert (row.operation, row.outcome, row.member_ids) == ("memberStatistics", "ok", [])
    assert row.fields == [
        "by:CHANNEL",
        "by:GENDER",
        "by:STORE",
        "member.gender:AGGREGATE",
        "member.membership:AGGREGATE",
    ]


async def test_figures_that_were_asked_for_this_week_cost_one_statement(crowd: World) -> None:
    await counted(crowd, "STORE", "GENDER", "JOINED_MONTH")
    seen: list[str] = []
    engine = crowd.hub.database.app.sync_engine
    note = lambda *about: seen.append(about[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", note)
    await counted(crowd, "STORE", "GENDER", "JOINED_MONTH")
    event.remove(engine, "before_cursor_execute", note)

    assert len(seen) == 1


async def test_who_was_erased_is_not_counted(world: World) -> None:
    ids = await world.resolve(*several("SH003", None, MARCH, 20))
    assert await counted(world, "JOINED_MONTH") == {"2026-03": 20}

    await _erase(world, ids[7])
    world.clock.at += WEEK

    assert await counted(world, "JOINED_MONTH") == {}


async def test_who_was_merged_is_counted_once(world: World) -> None:
    one, other, *others = several("SH003", None, MARCH, 20)
    phone = (StatedIdentifier(ClaimKind.PHONE, "", "+8613812345670", MARCH),)
    await world.resolve(one, other, *others)
    assert await counted(world, "JOINED_MONTH") == {"2026-03": 20}

    await world.resolve(*(_with(statement, phone) for statement in (one, other)))
    world.clock.at += WEEK

    assert await counted(world, "JOINED_MONTH") == {}


async def test_a_month_begins_at_midnight_in_china(world: World) -> None:
    midnight = APRIL.astimezone(SHANGHAI).replace(day=1, hour=0)
    await world.resolve(*several("SH003", None, midnight, 20))
    await world.resolve(*several("SH003", None, midnight - timedelta(seconds=1), 20))

    assert await counted(world, "JOINED_MONTH") == {"2026-03": 20, "2026-04": 20}


async def test_who_joins_in_a_week_is_counted_from_the_next(world: World) -> None:
    """A week begins on Monday at midnight in China."""
    await world.resolve(*several("SH003", None, MONDAY - timedelta(seconds=1), 20), *several("SH004", None, MONDAY, 20))
    world.clock.at = MONDAY + WEEK - timedelta(seconds=1)
    assert await counted(world, "STORE") == {"SH003": 20}

    world.clock.at = MONDAY + WEEK

    assert await counted(world, "STORE") == {"SH003": 20, "SH004": 20}


async def test_several_who_ask_first_at_once_get_one_answer(world: World) -> None:
    await world.resolve(*several("SH003", None, MARCH, 23))

    answers = await asyncio.gather(*(counted(world, "STORE") for _ in range(6)))

    assert answers == [answers[0]] * 6
    assert len(await _snapshots(world)) == 1


async def test_more_who_ask_at_once_than_there_are_connections_all_get_it(world: World) -> None:
    await world.resolve(*several("SH003", None, MARCH, 23))
    tables = [[one] for one in ("STORE", "REGION", "CHANNEL", "JOINED_MONTH")] * 8

    answers = await asyncio.gather(*(counted(world, *by) for by in tables))

    assert [len(answer) for answer in answers] == [1] * 32


async def test_a_count_that_is_cut_off_keeps_nothing_and_leaves_a_good_pool(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(tx: Tx, *_: Any, **__: Any) -> Any:
        await tx.execute(text("SELECT pg_sleep(60)"))

    await world.resolve(*several("SH003", None, MARCH, 20))
    with monkeypatch.context() as patch:
        patch.setattr("member_hub.reports.snapshots.count_cells", slow)
        patch.setattr("member_hub.graphql.executing.REQUEST_S", 0.2)
        assert await world.refused("marketing_analyst", ASK, variables={"by": ["STORE"]}) == ["UNAVAILABLE"]

    assert world.hub.database.app.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert await _snapshots(world) == []
    assert await counted(world, "STORE") == {"SH003": 20}


async def test_what_is_kept_are_rounded_groups_for_thirteen_months(world: World) -> None:
    await world.resolve(*several("SH003", "F", MARCH, 23), *several("SH002", "F", MARCH, 19))
    told = await counted(world, "GENDER", homeStore="SH003")
    (row,) = await _snapshots(world)
    assert (row.handler, row.cut, row.epoch) == ("brand", "gender,store", MONDAY.date())
    assert [cell[:2] for cell in row.cells] == [[["F", "SH003"], told["F"]]]

    world.clock.at += timedelta(days=57 * 7)
    await counted(world, "STORE")
    assert [(row.cut, row.epoch) for row in await _snapshots(world)] == [
        ("gender,store", MONDAY.date()),
        ("store", (MONDAY + 57 * WEEK).date()),
    ]
    world.clock.at += WEEK
    await counted(world, "STORE")

    assert [row.cut for row in await _snapshots(world)] == ["store", "store"]


async def test_more_groups_than_are_kept_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.resolve(*several("SH003", None, MARCH, 20), *several("SH004", None, MARCH, 20))
    monkeypatch.setattr("member_hub.reports.queries.CELLS_MAX", 1)

    assert await world.refused("marketing_analyst", ASK, variables={"by": ["STORE"]}) == ["QUERY_TOO_COMPLEX"]
    assert await _snapshots(world) == []


async def test_more_groups_than_an_answer_holds_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.resolve(*several("SH003", None, MARCH, 20), *several("SH004", None, MARCH, 20))
    monkeypatch.setattr("member_hub.reports.queries.GROUPS_MAX", 1)

    assert await world.refused("marketing_analyst", ASK, variables={"by": ["STORE"]}) == ["QUERY_TOO_COMPLEX"]
    assert await counted(world, "STORE", homeStore="SH003") == {"SH003": 20}


async def _snapshots(world: World) -> list[Any]:
    async with transaction(world.hub.database.app) as tx:
        return list(await tx.execute(select(snapshot_t).order_by(snapshot_t.c.epoch)))


def _with(statement: Any, identifiers: Any) -> Any:
    return replace(statement, event_time=NOW, identifiers=(*statement.identifiers, *identifiers))


async def _erase(world: World, member_id: MemberId) -> None:
    hub = world.hub
    async with transaction(hub.database.app) as tx:
        person = await hold_person(tx, hub.vault, member_id)
        await erase(tx, hub.vault, Ledger.open(hub.settings.ledger_dir), HOLDERS, person, now=NOW)
