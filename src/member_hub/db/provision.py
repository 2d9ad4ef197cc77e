"""Roles, schemas and rights: what turns an empty database into the hub's.

Rights are given table by table after each migration, from what the catalogue holds, and by no default privilege:
a table that nothing has decided about is closed. "Append-only" is a right that the app lacks, not a trigger.
Price: a table made by hand is unusable until `member-hub migrate` ran, and a change of rights alone needs a migration
of its own to reach databases that exist.
"""

from collections.abc import Iterable, Mapping, Sequence

from asyncpg.exceptions import InsufficientPrivilegeError
from sqlalchemy import Boolean, bindparam, column, func, select, table, text
from sqlalchemy.exc import DBAPIError

from member_hub.db import partitions
from member_hub.db.base import HUB, VAULT, Tx, transaction
from member_hub.db.engines import Database
from member_hub.db.roles import Role, quoted, role_name
from member_hub.errors import Misconfigured

SCHEMAS = (HUB, VAULT)
LOCK = 0x6D656D62  # advisory: one process at a time makes roles, schemas and tables
VERSION_WITH_SET = 160000  # from here on being a member of a role and being allowed to take it are two things

VERSION_TABLE = f"{HUB}.alembic_version"
# The app reads these and adds to them; it has no right to change or remove a row.
APPEND_ONLY: frozenset[str] = frozenset(
    {
        f"{HUB}.{name}"
        for name in ("merge_event", "notice", "notice_text", "notice_served", "consent_event", "points_entry")
    }
)
# The app adds to these and removes what is done with, and an erased person's; it has no right to change a row.
NOT_ALTERED: frozenset[str] = frozenset(
    {f"{HUB}.{name}" for name in ("growth_entry", "tier_change", "tier_rise", "benefit_use")}
)
# The app moves these on and has no right to remove a row.
NOT_REMOVED: frozenset[str] = frozenset({f"{HUB}.consent_head"})
# The audit role reads these and adds to them; the app has no right on them at all.
AUDIT_ONLY: frozenset[str] = frozenset(
    {f"{HUB}.audit_entry", f"{HUB}.audit_subject", f"{HUB}.audit_seal", f"{HUB}.audit_seal_part"}
)

_ROLES = table("pg_roles", column("rolname"), column("rolsuper", Boolean), schema="pg_catalog")
_NAMESPACES = table("pg_namespace", column("oid"), column("nspname"), column("nspowner"), schema="pg_catalog")
_CLASSES = table(
    "pg_class",
    column("relname"),
    column("relnamespace"),
    column("relkind"),
    column("relispartition", Boolean),
    schema="pg_catalog",
)


async def ensure_database(server: Database, name: str) -> None:
    """Make the database `name` on the server that `server` connects to, unless it is there."""
    databases = table("pg_database", column("datname"), schema="pg_catalog")
    async with server.login.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        if not await connection.scalar(select(databases.c.datname).where(databases.c.datname == name)):
            await connection.execute(text(f"CREATE DATABASE {quoted(name)}"))


async def server_version(database: Database) -> int:
    """150018 for PostgreSQL 15.18."""
    async with database.login.connect() as connection:
        return await _server_version(connection)


async def missing(database: Database) -> list[str]:
    """The statements that would make the roles and schemas that are not there; `doctor` prints them."""
    async with database.login.connect() as connection:
        return await _missing(connection, database)


async def login_takes_owner(database: Database) -> tuple[bool, bool]:
    """Whether whoever holds a connection of the app may take the owner's role, and whether the login is a superuser."""
    owner = role_name(database.role_prefix, Role.OWNER)
    is_super = select(_ROLES.c.rolsuper).where(_ROLES.c.rolname == func.session_user()).scalar_subquery()
    async with database.app.connect() as connection:
        statement = select(
            func.pg_has_role(func.session_user(), owner, "MEMBER").label("takes"), is_super.label("is_super")
        )
        row = (await connection.execute(statement)).one()
        return bool(row.takes), bool(row.is_super)


async def provision(database: Database) -> None:
    """Make roles and schemas. Doing it twice is the same as once.

    Raises Misconfigured where the login lacks the right; `member-hub doctor` then prints what somebody who has it
    can run.
    """
    async with transaction(database.login) as tx:
        await tx.execute(select(func.pg_advisory_xact_lock(LOCK)))
        try:
            for statement in await _missing(tx, database):
                await tx.execute(text(statement))
        except DBAPIError as error:
            if not _lacks_right(error):
                raise
            raise Misconfigured(
                "The database login may not make the hub's roles and schemas.",
                remedy="`member-hub doctor` prints the SQL; have somebody run it who may.",
            ) from error


async def give_rights(tx: Tx, database: Database) -> None:
    """Give each role exactly its rights on every table there is; as the owner, after the tables changed.

    Partitions are reached through their parents; the missing ones are made here, with the right to back them up.
    """
    await partitions.ensure(tx, database)
    names = {role: quoted(role_name(database.role_prefix, role)) for role in Role}
    for statement in _schema_rights(names):
        await tx.execute(text(statement))
    for name in await _tables(tx):
        for statement in _table_rights(name, names):
            await tx.execute(text(statement))


def rights(full_name: str) -> Mapping[Role, str]:
    """What each role may do with a table of the hub."""
    schema = full_name.partition(".")[0]
    given = {Role.BACKUP: "SELECT"} if schema == HUB else {}
    if full_name in AUDIT_ONLY:
        return given | {Role.AUDIT: "SELECT, INSERT"}
    if full_name == VERSION_TABLE:
        return given | {Role.APP: "SELECT"}
    if full_name in APPEND_ONLY:
        return given | {Role.APP: "SELECT, INSERT"}
    if full_name in NOT_ALTERED:
        return given | {Role.APP: "SELECT, INSERT, DELETE"}
    if full_name in NOT_REMOVED:
        return given | {Role.APP: "SELECT, INSERT, UPDATE"}
    return given | {Role.APP: "SELECT, INSERT, UPDATE, DELETE"}


def _schema_rights(names: Mapping[Role, str]) -> list[str]:
    return [
        f"GRANT USAGE ON SCHEMA {HUB} TO {names[Role.APP]}, {names[Role.AUDIT]}, {names[Role.BACKUP]}",
        f"GRANT USAGE ON SCHEMA {VAULT} TO {names[Role.APP]}",
        f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {HUB} TO {names[Role.BACKUP]}",
    ]


def _table_rights(full_name: str, names: Mapping[Role, str]) -> Iterable[str]:
    schema, _, name = full_name.partition(".")
    on = f"{quoted(schema)}.{quoted(name)}"
    others = ", ".join(names[role] for role in Role if role is not Role.OWNER)
    yield f"REVOKE ALL ON {on} FROM PUBLIC, {others}"
    for role, what in rights(full_name).items():
        yield f"GRANT {what} ON {on} TO {names[role]}"


async def _tables(tx: Tx) -> list[str]:
    """Every table of ours; not the partitions, which are reached through their parents."""
    found = await tx.execute(
        select(_NAMESPACES.c.nspname, _CLASSES.c.relname)
        .join(_NAMESPACES, _NAMESPACES.c.oid == _CLASSES.c.relnamespace)
        .where(_NAMESPACES.c.nspname.in_(SCHEMAS), _CLASSES.c.relkind.in_(("r", "p")), ~_CLASSES.c.relispartition)
        .order_by(_NAMESPACES.c.nspname, _CLASSES.c.relname)
    )
    return [f"{schema}.{name}" for schema, name in found]


async def _missing(tx: Tx, database: Database) -> list[str]:
    wanted = [role_name(database.role_prefix, role) for role in Role]
    login = str(await tx.scalar(select(func.session_user())))
    there = set(await tx.scalars(select(_ROLES.c.rolname).where(_ROLES.c.rolname.in_(wanted))))
    taken = await _takeable(tx, sorted(there))
    owner = role_name(database.role_prefix, Role.OWNER)
    owners = select(_NAMESPACES.c.nspname, func.pg_get_userbyid(_NAMESPACES.c.nspowner))
    found = await tx.execute(owners.where(_NAMESPACES.c.nspname.in_(SCHEMAS)))
    schemas = {str(name): str(of) for name, of in found}
    return [
        *(f"CREATE ROLE {quoted(name)} NOLOGIN" for name in wanted if name not in there),
        *(f"GRANT {quoted(name)} TO {quoted(login)}" for name in wanted if name not in taken),
        *(f"CREATE SCHEMA {name} AUTHORIZATION {quoted(owner)}" for name in SCHEMAS if name not in schemas),
        *(f"ALTER SCHEMA {name} OWNER TO {quoted(owner)}" for name, of in schemas.items() if of != owner),
    ]


async def _takeable(tx: Tx, roles: Sequence[str]) -> set[str]:
    """The roles among these that the login may take."""
    how = "SET" if await _server_version(tx) >= VERSION_WITH_SET else "MEMBER"
    answers = {
        name: await tx.scalar(select(func.pg_has_role(func.session_user(), bindparam("role", name), how)))
        for name in roles
    }
    return {name for name, may in answers.items() if may}


async def _server_version(tx: Tx) -> int:
    return int(str(await tx.scalar(select(func.current_setting("server_version_num")))))


def _lacks_right(error: DBAPIError) -> bool:
    return isinstance(getattr(error.orig, "__cause__", None), InsufficientPrivilegeError)
