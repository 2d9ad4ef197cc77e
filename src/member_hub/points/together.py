"""Earnings of one process, written together: those that came while the last ones were being written share a commit.

Context: what an earning waits for is mostly not its own work, but the disk at the commit and the three ways to the
server. Decision: one writer per process. It sends the ordinary statement (ordinary.py) of everyone who waits, one after
the other, as one transaction, and then tells each; who comes meanwhile is written next. Nobody waits for company: one
that comes alone is written at once.
Each keeps its own key, statement and refusal: whatever is not ordinary, and everything of a transaction that failed, is
done by itself in a transaction of its own, where a key that was written after all gives the first answer.
Accounts are taken in the order of the ids that were asked for, as everybody does who takes several; where a merged id
breaks that order, PostgreSQL ends the deadlock, and its victims are done by themselves.
Price: an answer comes when the whole group is on disk, up to GROUP_MAX statements later than by itself.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from member_hub.access import Caller
from member_hub.db import transaction
from member_hub.idempotency import forget_expired
from member_hub.ids import MemberId
from member_hub.points.asking import Asked, Receipt
from member_hub.points.earning import Earning, as_ordinary, earn
from member_hub.points.ordinary import Ordinary, earn_at_once

GROUP_MAX: Final = 16  # in one transaction; the others wait for the next
FORGET_EVERY: Final = 256  # keys claimed
WAITING_MAX: Final = 1_000  # beyond it an earning goes by itself, and waits for a connection


@dataclass(frozen=True, slots=True)
class _Waiting:
    one: Ordinary
    told: asyncio.Future[Receipt | None]


class Together:
    """One for each process and event loop."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: list[_Waiting] = []
        self._keys_claimed = 0
        self._writer: asyncio.Task[None] | None = None

    async def earn(
        self, caller: Caller, member_id: MemberId, *, asked: Asked, earning: Earning, channel: str | None = None
    ) -> Receipt:
        """What `points.earn` does, in a transaction that it ends itself: with the receipt it is on disk.

        Raises what `points.earn` raises. An earning whose caller stops waiting may be done; its key says so.
        """
        one = as_ordinary(caller, member_id, asked=asked, earning=earning, channel=channel)
        if one is not None and len(self._waiting) < WAITING_MAX:
            done = await self._written(one)
            if done is not None:
                return done
        async with transaction(self._engine) as tx:
            return await earn(tx, caller, member_id, asked=asked, earning=earning, channel=channel)

    def _written(self, one: Ordinary) -> asyncio.Future[Receipt | None]:
        told: asyncio.Future[Receipt | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(one, told))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return told

    async def _write(self) -> None:
        """Until nobody waits."""
        group: list[_Waiting] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
                await self._write_group([waiting for waiting in group if not waiting.told.cancelled()])
                await self._forget(len(group), group[0].one.asked.now)
                await asyncio.sleep(0)  # who has just been told may come again, and go with the next
        except BaseException as error:
            for waiting in [*group, *self._waiting]:
                if not waiting.told.done():
                    waiting.told.set_exception(error)
            self._waiting.clear()
            raise

    async def _write_group(self, group: list[_Waiting]) -> None:
        if not group:
            return
        group.sort(key=lambda waiting: waiting.one.member_id)
        done = await self._commit([waiting.one for waiting in group])
        for waiting, receipt in zip(group, done, strict=True):
            if not waiting.told.done():  # whoever waited may have gone
                waiting.told.set_result(receipt)

    async def _commit(self, several: Sequence[Ordinary]) -> Sequence[Receipt | None]:
        """None for each that has to be done by itself; of a transaction that failed for all."""
        try:
            return await earn_at_once(self._engine, several)
        except (SQLAlchemyError, OSError):
            return [None] * len(several)

    async def _forget(self, claimed: int, now: datetime) -> None:
        """Now and then clear away expired keys; where it fails, the next time does."""
        self._keys_claimed += claimed
        if self._keys_claimed < FORGET_EVERY:
            return
        self._keys_claimed = 0
        with suppress(SQLAlchemyError, OSError):
            async with transaction(self._engine) as tx:
                await forget_expired(tx, now=now, at_most=4 * FORGET_EVERY)
