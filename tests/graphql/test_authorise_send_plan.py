"""How the database answers who was informed, where tens of thousands of notices were put before members."""

from typing import Any

from sqlalchemy import event, text

from member_hub.db import transaction
from tests.graphql.test_authorise_send import asked, by_phone
from tests.graphql.world import People, World

SERVED = 50_000
FILL = """INSERT INTO hub.notice_served
    (member_id, served_id, notice_id, locale, by_way_of, asked, is_by_member, served_by, served_at)
    SELECT gen_random_uuid(), gen_random_uuid(), notice_id, 'zh', 'app', '{}', false, 'a test', now()
    FROM hub.notice, generate_series(1, :served) LIMIT :served"""


async def test_no_member_costs_a_reading_of_every_notice_that_was_served(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(text(FILL), {"served": SERVED})
    async with world.hub.database.owner.begin() as owner:
        await owner.execute(text("ANALYZE hub.notice_served"))

    scans = [scan for plan in await _plans(world, people) for scan in _scans(plan) if scan[1] == "notice_served"]

    assert {node for node, _ in scans} <= {"Index Scan", "Index Only Scan"}
    assert len(scans) == 2


async def test_for_what_rests_on_no_consent_nobody_asks_who_was_informed(world: World, people: People) -> None:
    plans = await _plans(world, people, purpose="MEMBER_SERVICE")

    assert [scan for plan in plans for scan in _scans(plan) if scan[1] == "notice_served"] == []


async def _plans(world: World, people: People, **about: Any) -> list[dict[str, Any]]:
    """The plan of every statement of the question that reads members."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "AS is_informed" in statement:
            seen.append((statement, parameters))

    engine = world.hub.database.app.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await asked(world, people.southern, **about)
    event.remove(engine, "before_cursor_execute", note)
    plans = []
    async with world.hub.database.app.connect() as connection:
        for statement, parameters in seen:
            found = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            plans.append(found.scalar_one()[0]["Plan"])
    assert len(plans) == 1
    return plans


def _scans(plan: dict[str, Any]) -> list[tuple[str, str]]:
    mine = [(plan["Node Type"], plan["Relation Name"])] if "Relation Name" in plan else []
    return mine + [scan for part in plan.get("Plans", ()) for scan in _scans(part)]
