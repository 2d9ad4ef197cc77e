"""What each database role may do, and that the app's role is not the login."""

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from member_hub.db import Database, provision, transaction
from member_hub.db.roles import Role, role_name
from member_hub.errors import Misconfigured
from member_hub.tables import METADATA

SQL = {
    "SELECT": "select count(*) from {}",
    "INSERT": "insert into {} select * from {} where false",
    "UPDATE": "update {} set {} = null where false",
    "DELETE": "delete from {} where false",
    "TRUNCATE": "truncate {}",
}
EVERYTHING = set(SQL) - {"TRUNCATE"}


@pytest.mark.parametrize("role", ["app", "audit", "owner", "backup"])
async def test_each_engine_connects_as_its_role(database: Database, role: str) -> None:
    engine: AsyncEngine = getattr(database, role)

    async with engine.connect() as connection:
        assert await connection.scalar(text("select current_user")) == f"{database.role_prefix}_{role}"


async def test_the_app_changes_rows_of_hub_and_vault(database: Database) -> None:
    assert await _allowed(database.app, "hub.member") == EVERYTHING
    assert await _allowed(database.app, "vault.data_key") == EVERYTHING


async def test_the_app_has_no_right_on_the_audit_log(database: Database) -> None:
    assert await _allowed(database.app, "hub.audit_entry") == set()


async def test_the_audit_role_adds_and_reads_and_nothing_else(database: Database) -> None:
    assert await _allowed(database.audit, "hub.audit_entry") == {"SELECT", "INSERT"}
    assert await _allowed(database.audit, "hub.member") == set()
    assert await _allowed(database.audit, "vault.data_key") == set()


async def test_a_backup_reads_hub_and_nothing_of_the_vault(database: Database) -> None:
    assert await _allowed(database.backup, "hub.member") == {"SELECT"}
    assert await _allowed(database.backup, "hub.audit_entry") == {"SELECT"}
    assert await _allowed(database.backup, "vault.data_key") == set()


async def test_an_append_only_table_cannot_be_changed_by_the_app(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provision, "APPEND_ONLY", frozenset({"hub.member"}))

    async with transaction(database.owner) as tx:
        await provision.give_rights(tx, database)

    assert await _allowed(database.app, "hub.member") == {"SELECT", "INSERT"}


async def test_a_table_made_by_hand_is_closed(database: Database) -> None:
    async with transaction(database.owner) as tx:
        await tx.execute(text("create table hub.by_hand (member_id uuid)"))

    assert await _allowed(database.app, "hub.by_hand") == set()


def test_every_table_with_rights_of_its_own_exists() -> None:
    assert (provision.APPEND_ONLY | provision.NOT_ALTERED | provision.NOT_REMOVED | provision.AUDIT_ONLY) - set(
        METADATA.tables
    ) == set()


async def test_nobody_else_has_a_right(database: Database) -> None:
    async with transaction(database.login) as tx:
        await tx.execute(text(f'create role "{(stranger := str(uuid4()))}"'))
        await tx.execute(text(f'set local role "{stranger}"'))
        with pytest.raises(ProgrammingError, match="permission denied for schema hub"):
            await tx.execute(text("select * from hub.member"))
        await tx.rollback()


def test_a_database_name_too_long_for_its_roles_is_refused() -> None:
    assert role_name("d" * 56, Role.BACKUP) == "d" * 56 + "_backup"
    with pytest.raises(Misconfigured, match="too long"):
        role_name("d" * 57, Role.BACKUP)
    with pytest.raises(Misconfigured, match="too long"):
        role_name("会" * 19, Role.BACKUP)


async def _allowed(engine: AsyncEngine, table: str) -> set[str]:
    """Which of the five a role may really do."""
    name = table.partition(".")[2]
    column = "member_id" if table == "hub.by_hand" else METADATA.tables[table].columns.keys()[0]
    assert name
    allowed = set()
    async with engine.connect() as connection:
        for right, sql in SQL.items():
            try:
                await connection.execute(text(sql.format(table, column if right == "UPDATE" else table)))
                allowed.add(right)
            except ProgrammingError as error:
                if "permission denied" not in str(error):
                    raise
            await connection.rollback()
    return allowed
