"""The database server and what the hub needs in it before it starts: roles, login, migrations, keys."""

from pathlib import Path

from sqlalchemy import exists, or_, select

from member_hub.audit import check_ledger
from member_hub.clock import Clock
from member_hub.crypto.ring import load_ring
from member_hub.crypto.tables import DataKey, RegisteredKey
from member_hub.db import Database, binaries, migrate, provision, transaction
from member_hub.db.binaries import Binaries, Source
from member_hub.doctor.findings import Check, Verdict, failed
from member_hub.errors import HubError, Misconfigured
from member_hub.settings import Settings


async def server_found(database: Database) -> Check:
    server = database.server
    if server is None:
        version = await provision.server_version(database)
        return _version(version // 10_000, version % 10_000, "by MEMBER_HUB_DATABASE_URL")
    how = f"embedded ({server.state.how}), programs in {server.state.programs}"
    major, _, minor = server.state.version.partition(".")
    return _version(int(major), int(minor), how)


def programs_found(found: Binaries, how: str) -> Check:
    where = {Source.INSTALLED: "installed", Source.WHEEL: "from the wheel", Source.CHOSEN: f"by {binaries.VARIABLE}"}
    return _version(found.major, found.minor, f"{where[found.source]}, programs in {found.folder}; {how}")


def _version(major: int, minor: int, how: str) -> Check:
    says = f"PostgreSQL {major}.{minor}, {how}"
    fixed = binaries.FIXED_MINORS.get(major, 0)
    if minor >= fixed:
        return Check("database server", Verdict.OK, says)
    return Check(
        "database server",
        Verdict.WARN,
        f"{says}; security fixes of {binaries.FIXED_ON} are missing",
        f"Install {major}.{fixed} or newer; until then for local use only.",
    )


async def roles_made(database: Database) -> Check:
    missing = await provision.missing(database)
    if not missing:
        return Check("roles and schemas", Verdict.OK, f"made for the database {database.name}")
    sql = "\n".join(f"{statement};" for statement in missing)
    return Check(
        "roles and schemas",
        Verdict.FAIL,
        "not complete",
        f"Run `member-hub migrate`, or, where its login may not, have somebody run who may:\n{sql}",
    )


async def login(database: Database) -> Check:
    """Rights are the roles', and the hub has one login for all of them: said where it matters."""
    name, remedy = "database login", ""
    takes_owner, is_super = await provision.login_takes_owner(database)
    if not takes_owner:
        return Check(name, Verdict.OK, "takes the roles of the hub, the owner's not among them")
    says = "one login takes every role: they guard against mistakes of the hub, not against whoever has the login"
    if database.server is not None:
        return Check(name, Verdict.OK, f"{says} (embedded)")
    if is_super:
        says, remedy = f"{says}; and it is a superuser", "Give the hub a login that is no superuser. "
    remedy += "Let nobody else use it, and keep the audit head elsewhere: `member-hub audit export-head`."
    return Check(name, Verdict.WARN, says, remedy)


async def migrations(database: Database) -> Check:
    if await provision.missing(database):
        return Check("migrations", Verdict.FAIL, "no roles yet", "Run `member-hub migrate`.")
    try:
        await migrate.require_newest(database)
    except Misconfigured as error:
        return failed("migrations", error)
    return Check("migrations", Verdict.OK, f"at {await migrate.current(database) or 'none yet'}")


async def ledger_found(database: Database | None, settings: Settings) -> Check:
    """Whether a start would take the ledger folder for this database's, by the start's own check."""
    try:
        await check_ledger(database, settings.ledger_dir, settings.key_dir)
    except HubError as error:
        return failed("ledger", error)
    return Check("ledger", Verdict.OK, "of no other database")


async def keys_found(database: Database, folder: Path) -> Check:
    """Whether a start would find the keys of this database, by the start's own check; what that adds is undone."""
    try:
        async with transaction(database.app) as tx:
            known = or_(exists(select(RegisteredKey.kind)), exists(select(DataKey.subject)))
            if not (await tx.execute(select(known))).scalar_one():
                return Check("keys", Verdict.OK, "made at the first start")
            attempt = await tx.begin_nested()
            ring = await load_ring(tx, folder, Clock().now())
            await attempt.rollback()
    except HubError as error:
        return failed("keys", error)
    return Check("keys", Verdict.OK, f"those of this database, epoch {ring.epoch}")
