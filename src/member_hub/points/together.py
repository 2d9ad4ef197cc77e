"""Earnings of one process, written together: those that came while the last ones were being written share a commit.

Context: what an earning waits for is mostly not its own work, but the disk at the commit and the ways to the server:
seven of them, where each is done by itself. Decision: one writer per process. It takes everyone who waits, finds out
what their tiers multiply with, earns for all of them with one statement (ordinary.py), lets each be put on record,
commits, and then tells each; who comes meanwhile is written next. Nobody waits for company: one that comes alone is
written at once.
Each keeps its own key, reach and receipt: whatever is not ordinary, and everything of a transaction that failed, is
left to who asked, to be done by itself in a transaction of its own, where a key that was written after all gives the
first answer. The writer waits for no member and no account that somebody else holds: one of them would keep everybody.
Keys it does wait for, because only waiting tells whether one is taken, but no longer than ordinary.KEY_WAIT_MS: then
the whole group goes one by one, and whoever is sent what another process has in hand waits for it alone.
Price: an answer comes when the whole group is on disk.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from member_hub.access import Caller
from member_hub.db import transaction
from member_hub.db.base import Tx
from member_hub.errors import Refused
from member_hub.idempotency import forget_expired
from member_hub.ids import MemberId
from member_hub.members.reading import Visible
from member_hub.points.asking import Asked, Receipt
from member_hub.points.earning import Earning, as_ordinary
from member_hub.points.ordinary import Ordinary, Reach, earn_in_reach, simple_reach
from member_hub.points.rules import happened

GROUP_MAX: Final = 16  # in one transaction; the others wait for the next
FORGET_EVERY: Final = 256  # keys claimed
WAITING_MAX: Final = 1_000  # beyond it an earning goes by itself, and waits for a connection
_log = logging.getLogger(__name__)

Held = Sequence[tuple[MemberId, datetime]]
Multipliers = Callable[[Tx, Held, datetime], Awaitable[Sequence[int]]]


@dataclass(frozen=True, slots=True, repr=False)
class Wish:
    """An earning as somebody asks for it. What the member's tier multiplies with is found out with the others'."""

    caller: Caller
    visible: Visible
    member_id: MemberId
    asked: Asked
    earning: Earning
    channel: str | None
    on_record: Callable[[Receipt], Awaitable[None]] | None  # before the commit; what it raises undoes the whole group


@dataclass(frozen=True, slots=True)
class _Waiting:
    """`at`: when it happened."""

    wish: Wish
    reach: Reach
    at: datetime
    told: asyncio.Future[Receipt | None]


class Together:
    """One for each process and event loop.

    `multipliers`: in basis points, of each member's tier at each moment, by the rules in force at the last argument.
    """

    def __init__(self, engine: AsyncEngine, multipliers: Multipliers) -> None:
        self._engine = engine
        self._multipliers = multipliers
        self._waiting: list[_Waiting] = []
        self._keys_claimed = 0
        self._writer: asyncio.Task[None] | None = None

    async def earn(self, wish: Wish) -> Receipt | None:
        """What `points.earn` does, in a transaction that this ends: with the receipt it is on disk, and on record.

        None: nothing of it was done, or nobody knows whether it was; it is to be done by itself, which also says why
        it is refused. An earning whose caller stops waiting may be done; its key says so.
        """
        at, reach = _when(wish), simple_reach(wish.visible)
        if at is None or reach is None or len(self._waiting) >= WAITING_MAX:
            return None
        told: asyncio.Future[Receipt | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(wish, reach, at, told))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await told

    async def close(self) -> None:
        """When what waits has been written."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        """Until nobody waits."""
        group: list[_Waiting] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
                await self._write_group([waiting for waiting in group if not waiting.told.done()])
                await self._forget(len(group), group[0].wish.asked.now)
                await asyncio.sleep(0)  # who has just been told may come again, and go with the next
        except BaseException as error:
            for waiting in [*group, *self._waiting]:
                if not waiting.told.done():
                    waiting.told.set_exception(error)
            self._waiting.clear()
            raise

    async def _write_group(self, group: Sequence[_Waiting]) -> None:
        if not group:
            return
        try:
            async with transaction(self._engine) as tx:
                done = await self._carried_out(tx, group)
        except (SQLAlchemyError, OSError, Refused):
            done = [None] * len(group)
        except Exception as error:  # noqa: BLE001 - a fault over one of them is told to that one, who is then alone
            _log.error("Earnings that shared a commit failed (%s)", type(error).__name__)
            done = [None] * len(group)
        for waiting, receipt in zip(group, done, strict=True):
            if not waiting.told.done():  # whoever waited may have gone
                waiting.told.set_result(receipt)

    async def _carried_out(self, tx: Tx, group: Sequence[_Waiting]) -> list[Receipt | None]:
        """On record, too; None for each that has to be done by itself."""
        tried = [_ordinary(one, bp) for one, bp in zip(group, await self._tier_bps(tx, group), strict=True)]
        several = [(one, waiting.reach) for one, waiting in zip(tried, group, strict=True) if one is not None]
        receipts = iter(await earn_in_reach(tx, several))
        done = [None if one is None else next(receipts) for one in tried]
        await _put_on_record(
            on_record(receipt)
            for receipt, waiting in zip(done, group, strict=True)
            if receipt is not None and (on_record := waiting.wish.on_record) is not None
        )
        return done

    async def _tier_bps(self, tx: Tx, group: Sequence[_Waiting]) -> list[int]:
        """As said, or as of the tier where the kind is multiplied."""
        asks = [one.wish.asked.rules.earn[one.wish.earning.kind].is_multiplied for one in group]
        held = [(one.wish.member_id, one.at) for one, is_multiplied in zip(group, asks, strict=True) if is_multiplied]
        found = iter(await self._multipliers(tx, held, group[0].wish.asked.now) if held else ())
        return [
            next(found) if is_multiplied else one.wish.earning.tier_bp
            for one, is_multiplied in zip(group, asks, strict=True)
        ]

    async def _forget(self, claimed: int, now: datetime) -> None:
        """Now and then clear away expired keys; where it fails, the next time does."""
        self._keys_claimed += claimed
        if self._keys_claimed < FORGET_EVERY:
            return
        self._keys_claimed = 0
        with suppress(SQLAlchemyError, OSError):
            async with transaction(self._engine) as tx:
                await forget_expired(tx, now=now, at_most=4 * FORGET_EVERY)


async def _put_on_record(entries: Iterable[Awaitable[None]]) -> None:
    """All of them, before the first failure is raised: none is left that goes on by itself."""
    for failure in await asyncio.gather(*entries, return_exceptions=True):
        if failure is not None:
            raise failure


def _when(wish: Wish) -> datetime | None:
    """When it happened; None where it cannot be ordinary whatever the account."""
    earning, asked = wish.earning, wish.asked
    rule = asked.rules.earn.get(earning.kind)
    if rule is None or rule.day_max or asked.key is None:
        return None
    with suppress(Refused):
        return happened(earning.occurred_at, asked.now)
    return None


def _ordinary(one: _Waiting, tier_bp: int) -> Ordinary | None:
    """What is refused before anything is written is refused to who does it by itself."""
    wish, stated = one.wish, one.wish.earning
    earning = Earning(stated.kind, stated.amount, tier_bp, stated.origin_id, one.at)
    with suppress(Refused):
        return as_ordinary(wish.caller, wish.member_id, asked=wish.asked, earning=earning, channel=wish.channel)
    return None
