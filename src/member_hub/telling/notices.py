"""Telling members what they have to be told, by e-mail or through their app: at once, and later where that failed.

Whoever is about to tell claims the task first: one statement that counts the try and says when the next one may be, so
that any number of processes tell each member once. No lock is held while the message service is asked. A process that
dies in between leaves a task that is tried again under the same message id, by which the service sends once.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, case, literal, select, true, update

from member_hub.clock import Clock
from member_hub.crypto import CannotOpen, Vault
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import table_of
from member_hub.db.engines import Database
from member_hub.ids import MemberId
from member_hub.telling import queries
from member_hub.telling.refusals import NotSent
from member_hub.telling.sending import By, Kind, Message, Sender
from member_hub.telling.tables import NoticeTask

TASKS_MAX = 100  # claimed in one round
# After each try; then nobody tries any more, and the task stays open for people (doctor).
PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 10, 60, 6 * 60, 24 * 60))
TRIES_MAX: Final = len(PAUSES) + 1
LANGUAGE: Final = "zh"  # whoever has a number that gets codes reads Chinese; what else they prefer is not known here

task_t = table_of(NoticeTask)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notices:
    """`sender` is None where production has none: then nothing is tried."""

    database: Database
    vault: Vault
    clock: Clock
    sender: Sender | None

    async def tell(self, tasks: Collection[UUID]) -> int:
        """What these tasks are about, unless somebody else is at it; returns how many were told."""
        told = 0
        for task_id in tasks:
            told += await self._tell_one(task_t.c.task_id == task_id) or 0
        return told

    async def tell_waiting(self) -> int:
        """The same for the tasks that are due, TASKS_MAX at most, for whatever runs by the clock.

        Ends where the message service takes nothing: the rest is due in the next round, without a try lost.
        """
        told = 0
        for _ in range(TASKS_MAX):
            is_told = await self._tell_one(true())
            if is_told is None:
                break
            told += is_told
        return told

    async def _tell_one(self, among: ColumnElement[bool]) -> bool | None:
        """Whether a member was told; None: no task is due, or the message was not taken."""
        if self.sender is None:
            return None
        async with transaction(self.database.app) as tx:
            task = await _claim(tx, among, self.clock.now())
            if task is None:
                return None
            message = await _message(tx, self.vault, *task)
        if message is None:
            return False
        try:
            await self.sender.send(message)
        except NotSent:
            _log.warning("A member could not be told, task %s.", message.message_id)
            return None
        async with transaction(self.database.app) as tx:
            told = {"told_at": self.clock.now(), "told_by": message.by}
            await tx.execute(update(task_t).where(task_t.c.task_id == message.message_id).values(told))
        return True


async def _claim(tx: Tx, among: ColumnElement[bool], now: datetime) -> tuple[UUID, MemberId, Kind] | None:
    """The task that is due longest; what others are claiming at this moment is passed over."""
    due = (
        select(task_t.c.task_id)
        .where(among, task_t.c.told_at.is_(None), task_t.c.due_at <= now)
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
        .returning(task_t.c.task_id, task_t.c.member_id, task_t.c.kind)
    )
    row = (await tx.execute(statement)).one_or_none()
    return None if row is None else (row.task_id, MemberId(row.member_id), Kind(row.kind))


async def _message(tx: Tx, vault: Vault, task_id: UUID, member_id: MemberId, kind: Kind) -> Message | None:
    """None where there is no way but the lost number."""
    try:
        email, openid = await queries.reachable_by(tx, vault, member_id)
    except CannotOpen:
        _log.warning("What a member could be told by does not open, task %s.", task_id)
        return None
    if email is not None:
        return Message(task_id, kind, LANGUAGE, By.EMAIL, email, {})
    if openid is not None:
        return Message(task_id, kind, LANGUAGE, By.OPENID, openid[1], {}, openid[0])
    return None
