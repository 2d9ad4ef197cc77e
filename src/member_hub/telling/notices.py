"""Telling members what they have to be told, by e-mail, through their app or by SMS: at once, and later if that failed.

Whoever is about to tell claims the task first: one statement that counts the try and says when the next one may be, so
that any number of processes tell each member once. No lock is held while the message service is asked. A process that
dies in between leaves a task that is tried again under the same message id, by which the service sends once.

Decision: a run by the clock tells as many as the message service takes, in rounds, and each round begins with what
presses: somebody who lost their number waits for a hundred privacy notices of a first import, not for a hundred
thousand. Price: what is told one by one takes as long as the service needs for each (100,000 in a day at 0.8 s).
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement

from member_hub.clock import Clock
from member_hub.crypto import CannotOpen, Vault
from member_hub.db.base import Tx, transaction
from member_hub.db.engines import Database
from member_hub.ids import MemberId
from member_hub.telling import actions, queries
from member_hub.telling.actions import Claimed, ToldTask, task_t
from member_hub.telling.kinds import BULK, MANNERS, PRESSING, By, Kind, Value
from member_hub.telling.queries import Way
from member_hub.telling.refusals import NotSent
from member_hub.telling.sending import Message, Sender, one_run
from member_hub.telling.tables import AS_ONE, OVER

TASKS_MAX = 100  # in one round
ROUNDS_MAX = 20  # in one run of the job: 2,000 tasks
LANGUAGE: Final = "zh"  # whoever has a number that gets codes reads Chinese; what else they prefer is not known here

_log = logging.getLogger(__name__)

OnTold = Callable[[Tx, ToldTask], Awaitable[None]]
Saying = Callable[[Tx, Kind, MemberId], Awaitable[Mapping[Value, str] | None]]
Naming = Callable[[Tx, UUID], Awaitable[str | None]]


class Outcome(Enum):
    """What became of looking for one task to tell."""

    TOLD = auto()
    NOT_TOLD = auto()  # left to people, to a later try, or the person knows it already
    REFUSED = auto()  # the message service did not take it, and takes nothing else now
    NONE_DUE = auto()


@dataclass(frozen=True, slots=True)
class Notices:
    """`sender` is None where production has none: then nothing is tried.

    `on_told` is called in the transaction that notes that a member was told: what it writes stands if and only if that
    does; where it fails, the member is told again under the same message id. `named` says what a notice is
    called, `saying` what else a message of the kind says to this root; None: that is over, and nobody is told.
    `later`: kinds that nobody is told for now; their tasks wait, without a try lost.
    """

    database: Database
    vault: Vault
    clock: Clock
    sender: Sender | None
    notice_url: str | None = None
    named: Naming | None = None
    on_told: OnTold | None = None
    later: Collection[Kind] = ()
    saying: Saying | None = None

    async def tell(self, tasks: Collection[UUID]) -> int:
        """What these tasks are about, unless somebody else is at it; returns how many were told."""
        if self.sender is None:
            return 0
        outcomes = [await self._tell_one(self.sender, task_t.c.task_id == task_id) for task_id in tasks]
        return outcomes.count(Outcome.TOLD)

    async def tell_waiting(self, is_over: Callable[[], bool] = lambda: False) -> int:
        """The same for the tasks that are due, for whatever runs by the clock; ends early where `is_over`.

        Ends where the message service takes nothing: the rest is due in the next run, without a try lost.
        """
        told = 0
        if self.sender is None:
            return told
        with one_run(self.sender) as sender:
            for _ in range(ROUNDS_MAX):
                outcomes = await self._round(sender, is_over)
                told += outcomes.count(Outcome.TOLD)
                if len(outcomes) < TASKS_MAX or Outcome.REFUSED in outcomes:
                    break
        return told

    async def _round(self, sender: Sender, is_over: Callable[[], bool]) -> list[Outcome]:
        """TASKS_MAX tasks at most, those that press before the others; fewer: no more are due, or nothing is taken."""
        outcomes: list[Outcome] = []
        # Of a single kind the one due longest is found without sorting them.
        apart = [(kind,) for kind in BULK if kind not in self.later]
        for kinds in ([kind for kind in PRESSING if kind not in self.later], *apart):
            while len(outcomes) < TASKS_MAX and not is_over():
                outcome = await self._tell_one(sender, task_t.c.kind.in_(kinds))
                if outcome is Outcome.NONE_DUE:
                    break
                outcomes.append(outcome)
                if outcome is Outcome.REFUSED:
                    return outcomes
        return outcomes

    async def _tell_one(self, sender: Sender, which: ColumnElement[bool]) -> Outcome:
        async with transaction(self.database.app) as tx:
            task = await actions.claim(tx, which, self.clock.now())
            if task is None:
                return Outcome.NONE_DUE
            message = await self._message(tx, task)
        if message is None:
            return Outcome.NOT_TOLD
        try:
            await sender.send(message)
        except NotSent:
            _log.warning("A member could not be told, task %s.", task.task_id)
            return Outcome.REFUSED
        async with transaction(self.database.app) as tx:
            await self._note(tx, task, message.by)
        return Outcome.TOLD

    async def _message(self, tx: Tx, task: Claimed) -> Message | None:
        """None: there is nothing to send, and the task says what becomes of it."""
        root = await queries.root_of(tx, task.member_id)
        if await actions.is_told_as_one(tx, task, root):
            await actions.settle(tx, task, by=AS_ONE, now=self.clock.now())
            return None
        said = {} if self.saying is None else await self.saying(tx, task.kind, root)
        if said is None:
            await actions.settle(tx, task, by=OVER, now=self.clock.now())
            return None
        way = await self._way(tx, task, root)
        if way is None:
            return None
        values = await self._values(tx, task, said)
        return Message(task.task_id, task.kind, LANGUAGE, way.by, way.to, values, way.appid)

    async def _way(self, tx: Tx, task: Claimed, root: MemberId) -> Way | None:
        """Whoever has no way, or objects to each, is left to people at once; what does not open now may open later."""
        opens, manner = True, MANNERS[task.kind]
        for by in await queries.open_ways(tx, root, task.kind):
            try:
                way = await queries.way_to(tx, self.vault, root, by, is_verified=manner.needs_verified)
            except CannotOpen:
                _log.warning("What a member could be told by does not open, task %s.", task.task_id)
                opens = False
                continue
            if way is not None:
                return way
        if opens:
            await actions.leave_to_people(tx, task)
        return None

    async def _values(self, tx: Tx, task: Claimed, said_of: Mapping[Value, str]) -> dict[str, str]:
        """What the kind says, as far as it is known: a template says the rest."""
        known: dict[Value, str | None] = {Value.ADDRESS: self.notice_url, **said_of}
        if Value.NOTICE in MANNERS[task.kind].values and self.named is not None and task.subject_ref is not None:
            known[Value.NOTICE] = await self.named(tx, task.subject_ref)
        said = {value: known.get(value) for value in MANNERS[task.kind].values}
        return {value.value: text for value, text in said.items() if text is not None}

    async def _note(self, tx: Tx, task: Claimed, by: By) -> None:
        now = self.clock.now()
        if await actions.settle(tx, task, by=by, now=now) and self.on_told is not None:
            await self.on_told(tx, ToldTask(task.task_id, task.member_id, task.kind, task.subject_ref, by, now))
