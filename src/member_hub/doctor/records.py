"""What stands in the tables: whether it is whole, and whether members were told what they have to be told."""

from collections.abc import AsyncIterator

from sqlalchemy import and_, distinct, func, select

import member_hub.tables  # noqa: F401 - all of them: a notice lists what every table holds
from member_hub import organisation
from member_hub.access import Policies, folder_of
from member_hub.clock import Clock, business_day
from member_hub.consent import catalogue as catalogues
from member_hub.consent.history import whole
from member_hub.consent.notice import informing, notices, texts
from member_hub.counting import is_behind
from member_hub.db import Database, transaction
from member_hub.db.bulk import table_of
from member_hub.doctor.findings import Check, Verdict, failed
from member_hub.errors import Misconfigured
from member_hub.members.gates import MinorApproval
from member_hub.members.row_gate import STANDING
from member_hub.points import watching
from member_hub.settings import Settings
from member_hub.telling.tables import NoticeTask

NAMED_MAX = 20
approval_t = table_of(MinorApproval)


async def notices_told(database: Database) -> Check:
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


async def texts_whole(database: Database) -> Check:
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


async def histories_whole(database: Database) -> Check:
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


async def notices_in_force(database: Database, settings: Settings) -> AsyncIterator[Check]:
    """Whether members can be informed and asked: a notice in force that says what is so, for every handler."""
    try:
        register, catalogue = Policies.load(folder_of(settings)).register, catalogues.of(settings)
        handlers = sorted(organisation.of(settings).handlers)
    except Misconfigured as error:
        yield failed("privacy notice", error)
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


async def minors_seen(database: Database) -> Check:
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


async def clock_caught_up(database: Database) -> Check:
    """Whether this machine's clock is behind what was decided by a clock before."""
    async with transaction(database.app) as tx:
        behind = await is_behind(tx, now=Clock().now())
    if not behind:
        return Check("clock", Verdict.OK, "not behind what was decided before")
    return Check(
        "clock",
        Verdict.FAIL,
        "behind what was decided before: points, orders and activity are refused (CLOCK_JUMPED), and jobs wait",
        "Set the clock right. Where it is right, it was ahead when tiers were last looked at: hub.tier_change, "
        "hub.tier_review_day and hub.points_check say when.",
    )


async def points_ledger(database: Database) -> Check:
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
