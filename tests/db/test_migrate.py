"""Migrations: there and back, equal to the models, alone, and never on a database of another version."""

from collections.abc import Iterator
from datetime import date

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from member_hub.db import Database, migrate, provision
from member_hub.db.embedded import Server
from member_hub.db.migrate import NotMigrated
from member_hub.ids import uuid7
from member_hub.tables import METADATA
from tests.conftest import Run, admin

NAME = "migrated"
MEMBER = """insert into hub.member
    (member_id, status, merged_into, handler, joined_at, channels, created_at, updated_at)
    values (:id, :status, :into, 'brand', now(), 1, now(), now())"""
ROUND = "insert into hub.benefit_round (source, month, began_at, failed) values ('birthday', :month, now(), :failed)"
# Everything that tells two databases apart, as PostgreSQL itself spells it.
STRUCTURE = """
select 'column', c.oid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
       coalesce(pg_get_expr(d.adbin, d.adrelid), '')
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
 where n.nspname in ('hub', 'vault') and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
union all
select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(k.oid), '', ''
  from pg_constraint k join pg_namespace n on n.oid = k.connamespace
 where n.nspname in ('hub', 'vault') and contype <> 'n'
union all
select 'index', tablename, indexname, indexdef, '', '' from pg_indexes where schemaname in ('hub', 'vault')
union all
select 'rights', c.oid::regclass::text, c.relkind::text, c.relowner::regrole::text, a::text, ''
  from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join unnest(c.relacl) a
 where n.nspname in ('hub', 'vault')
"""


@pytest.fixture
def migrated(server: Server, run: Run) -> Iterator[Database]:
    """A database as `member-hub migrate` makes it, not as the models say."""
    run(admin(server, f"CREATE DATABASE {NAME}"))
    database = Database.open(server.url(NAME))
    run(provision.provision(database))
    run(migrate.upgrade(database))
    yield database
    run(database.close())
    run(admin(server, f"DROP DATABASE {NAME} WITH (FORCE)"))


async def test_models_and_migrations_agree(migrated: Database) -> None:
    assert await migrate.differences(migrated, METADATA) == []


async def test_a_migrated_database_is_the_one_that_the_tests_use(migrated: Database, database: Database) -> None:
    made, tested = await _structure(migrated), await _structure(database)

    assert made ^ tested == set()
    assert len(made) > 200


async def test_every_migration_has_a_way_back(migrated: Database) -> None:
    before = await _structure(migrated)
    revisions = [script.revision for script in ScriptDirectory.from_config(migrate.config()).walk_revisions()]

    for _ in revisions:
        await migrate.downgrade(migrated, "-1")
        await migrate.upgrade(migrated, "+1")
        await migrate.downgrade(migrated, "-1")
    assert await migrate.current(migrated) is None
    await migrate.upgrade(migrated)

    assert await migrate.current(migrated) == revisions[0]
    assert await _structure(migrated) == before


async def test_who_failed_in_a_round_of_benefits_is_carried_over_by_their_root_and_back(migrated: Database) -> None:
    """But for whoever was erased, and months that are over."""
    kept, gone, erased, earlier = [uuid7() for _ in range(4)]
    await migrate.downgrade(migrated, "6f1d83b2c9e4")
    async with migrated.login.begin() as tx:
        for one, status, into in ((kept, "active", None), (gone, "merged", kept), (erased, "erased", None)):
            await tx.execute(text(MEMBER), {"id": one, "status": status, "into": into})
        for month, failed in (("2026-10-01", [earlier, kept]), ("2026-11-01", [gone, erased])):
            await tx.execute(text(ROUND), {"month": date.fromisoformat(month), "failed": failed})

    await migrate.upgrade(migrated)
    async with migrated.login.begin() as tx:
        carried = [tuple(row) for row in await tx.execute(text("select * from hub.benefit_again"))]
    await migrate.downgrade(migrated, "6f1d83b2c9e4")
    async with migrated.login.begin() as tx:
        back = [tuple(row) for row in await tx.execute(text("select month, failed from hub.benefit_round order by 1"))]

    assert carried == [(kept, "birthday", date(2026, 11, 1))]
    assert back == [(date(2026, 10, 1), []), (date(2026, 11, 1), [kept])]


async def test_a_database_without_tables_is_refused(migrated: Database) -> None:
    await migrate.downgrade(migrated, "base")

    with pytest.raises(NotMigrated, match=r"older than this version.*member-hub migrate"):
        await migrate.require_newest(migrated)


async def test_a_database_of_a_later_version_is_refused(migrated: Database) -> None:
    async with migrated.owner.begin() as tx:
        await tx.execute(text("update hub.alembic_version set version_num = 'fromlater'"))

    with pytest.raises(NotMigrated, match=r"newer than this version.*Install the newer version"):
        await migrate.require_newest(migrated)


async def test_a_migration_waits_for_no_lock_for_ever(migrated: Database) -> None:
    limits = []

    await migrate.run(migrated, lambda config: limits.extend(_limits(config.attributes["connection"])))

    assert limits == ["5s", "15min"]


async def test_two_do_not_migrate_at_once(migrated: Database) -> None:
    holders = []

    await migrate.run(migrated, lambda config: holders.append(_advisory_locks(config.attributes["connection"])))

    assert holders == [[provision.LOCK]]
    async with migrated.owner.connect() as connection:
        assert await connection.run_sync(_advisory_locks) == []


async def _structure(database: Database) -> set[tuple[str, ...]]:
    async with database.owner.connect() as connection:
        rows = await connection.execute(text(STRUCTURE))
        spelled = {tuple(str(value).replace(database.role_prefix, "hub") for value in row) for row in rows}
        return {row for row in spelled if "alembic_version" not in row[1]}


def _limits(connection: Connection) -> list[str]:
    return [str(connection.scalar(text(f"show {name}"))) for name in ("lock_timeout", "statement_timeout")]


def _advisory_locks(connection: Connection) -> list[int]:
    here = "database = (select oid from pg_database where datname = current_database())"
    return list(connection.scalars(text(f"select objid::bigint from pg_locks where locktype = 'advisory' and {here}")))
