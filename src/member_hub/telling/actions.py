"""Tasks from being asked for to being told: what changes about them, one statement each."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    bindparam,
    case,
    delete,
    exists,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, table_of, values_of
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import Member
from member_hub.telling.kinds import MANNERS, By, Kind
from member_hub.telling.tables import AS_ONE, OPEN, NoticeTask

ASK_MAX = 500  # tasks in one statement
# After each try; then nobody tries any more, and the task stays open for people (doctor).
PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 10, 60, 6 * 60, 24 * 60))
KEY: Final = ("member_id", "kind", "subject_ref")

task_t = table_of(NoticeTask)
member_t = table_of(Member)


class ToTell(NamedTuple):
    """Whom, of what kind of thing, and which one. None: there is one of the kind."""

    member_id: MemberId
    kind: Kind
    subject_ref: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that this process is about to tell."""

    task_id: UUID
    member_id: MemberId
    kind: Kind
    subject_ref: UUID | None


@dataclass(frozen=True, slots=True)
class ToldTask:
    """A member was told; `member_id` as it was asked for, even where it has been merged since."""

    task_id: UUID
    member_id: MemberId
    kind: Kind
    subject_ref: UUID | None
    by: By
    told_at: datetime


async def ask(tx: Tx, rows: Iterable[tuple[MemberId, Kind, UUID | None]], now: datetime) -> list[UUID]:
    """Have these members told; one statement for each ASK_MAX. Twice is the same as once while a task is open.

    Returns the tasks that became due by it: the new ones, and those that had been left to people, for whoever is asked
    for again may have got an address since.
    """
    wanted = sorted({ToTell(*row) for row in rows}, key=lambda one: (one.member_id, one.kind, str(one.subject_ref)))
    if any(one.kind not in MANNERS for one in wanted):
        raise ValueError("A code is sent at once and is no task.")
    due: list[UUID] = []
    for start in range(0, len(wanted), ASK_MAX):
        given = [(uuid7(), one.member_id, one.kind.value, one.subject_ref) for one in wanted[start : start + ASK_MAX]]
        due += await tx.scalars(_asking(), {**parameters(("task_id", *KEY), given), "now": now})
    return due


async def claim(tx: Tx, which: ColumnElement[bool], now: datetime) -> Claimed | None:
    """The task that is due longest; what others are claiming at this moment is passed over."""
    due = (
        select(task_t.c.task_id)
        .where(which, task_t.c.told_at.is_(None), task_t.c.due_at <= now)
        .order_by(task_t.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    pauses = {tries: literal(now + pause) for tries, pause in enumerate(PAUSES)}
    statement = (
        update(task_t)
        .where(task_t.c.task_id == due.c.task_id)
        .values(tries=task_t.c.tries + 1, due_at=case(pauses, value=task_t.c.tries))
        .returning(*(task_t.c[name] for name in ("task_id", *KEY)))
    )
    row = (await tx.execute(statement)).one_or_none()
    return None if row is None else Claimed(row.task_id, MemberId(row.member_id), Kind(row.kind), row.subject_ref)


async def leave_to_people(tx: Tx, task: Claimed) -> None:
    """Nobody tries any more, until it is asked for again."""
    await tx.execute(update(task_t).where(task_t.c.task_id == task.task_id).values(due_at=None))


async def settle(tx: Tx, task: Claimed, *, by: By | str, now: datetime) -> bool:
    """The member was told. False: somebody else noted it first, or the task is gone with the member."""
    is_open = (task_t.c.task_id == task.task_id) & task_t.c.told_at.is_(None)
    done = await tx.execute(update(task_t).where(is_open).values(told_at=now, told_by=str(by)))
    return bool(done.rowcount)


async def told_otherwise(tx: Tx, member_ids: Collection[MemberId], kind: Kind, *, by: str, now: datetime) -> None:
    """These members know it already, without a message: their open tasks of the kind are done."""
    is_open = among(task_t.c.member_id, member_ids) & (task_t.c.kind == kind.value) & task_t.c.told_at.is_(None)
    await tx.execute(update(task_t).where(is_open).values(told_at=now, told_by=by))


async def is_told_as_one(tx: Tx, task: Claimed, root: MemberId) -> bool:
    """Whether another member that is one with this one now was told the same thing: one person is told once."""
    if task.subject_ref is None and not MANNERS[task.kind].is_once:
        return False
    same = (task_t.c.kind == task.kind.value, task_t.c.subject_ref.is_not_distinct_from(task.subject_ref))
    of_person = task_t.c.member_id.in_(_united_with([root])) & (task_t.c.member_id != task.member_id)
    told = task_t.c.told_at.is_not(None) & (task_t.c.told_by != AS_ONE)
    return bool(await tx.scalar(select(exists(select(task_t.c.task_id).where(*same, of_person, told)))))


async def ask_after_all(tx: Tx, parted: Collection[MemberId]) -> None:
    """Those of whom one was told for all were several people: each is to be told, for who read it is not known.

    Price: one of them reads the same twice.
    """
    theirs = task_t.c.member_id.in_(_united_with(parted))
    gone = delete(task_t).where(theirs, task_t.c.told_by == AS_ONE).returning(*(task_t.c[n] for n in (*KEY, "told_at")))
    skipped = (await tx.execute(gone)).all()
    if not skipped:
        return
    things = {(row.kind, row.subject_ref) for row in skipped if row.subject_ref is not None}
    once = {row.kind for row in skipped if row.subject_ref is None}
    told = select(*(task_t.c[name] for name in KEY)).where(
        theirs,
        task_t.c.told_at.is_not(None),
        or_(
            tuple_(task_t.c.kind, task_t.c.subject_ref).in_(things),
            task_t.c.kind.in_(once) & task_t.c.subject_ref.is_(None),
        ),
    )
    rows = {(row.member_id, row.kind, row.subject_ref) for row in (*skipped, *await tx.execute(told))}
    again = [ToTell(MemberId(member_id), Kind(kind), ref) for member_id, kind, ref in rows]
    await ask(tx, again, max(row.told_at for row in skipped))


def _united_with(roots: Collection[MemberId]) -> Select[tuple[UUID]]:
    is_root, went_there = (among(member_t.c[name], roots) for name in ("member_id", "merged_into"))
    return select(member_t.c.member_id).where(or_(is_root, went_there))


@cache
def _asking() -> ReturningInsert[tuple[UUID]]:
    given = values_of([task_t.c[name] for name in ("task_id", *KEY)])
    now = bindparam("now", type_=DateTime(timezone=True))
    statement = insert(task_t).from_select(
        ["task_id", *KEY, "created_at", "due_at"], select(*(given.c[name] for name in ("task_id", *KEY)), now, now)
    )
    return statement.on_conflict_do_update(
        index_elements=list(KEY),
        index_where=text(OPEN),
        set_={"due_at": statement.excluded.due_at, "tries": 0},
        where=task_t.c.due_at.is_(None),
    ).returning(task_t.c.task_id)
