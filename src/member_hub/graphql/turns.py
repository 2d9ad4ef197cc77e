"""Turns of those who act on one member: a few at once in the database, the others before they take a connection.

Context: whoever acts on an account holds its row, and whoever waits for the row holds a connection meanwhile; a process
has ten. Thirty redemptions of one account left none for anybody else. Decision: in a process AT_ONCE acts of one member
begin, so that one works and the next stands ready behind its lock; the rest wait here in the order in which they came,
at most WAIT_S, and are then told when to come again. Price: another process does not know of them, and has connections
of its own; a merged id, and an account in the place of a member, have turns of their own beside those of the root.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from member_hub.throttling import Throttled

AT_ONCE: Final = 2
WAIT_S: Final = 10.0  # as long as one would wait for a connection
WAITING_MAX: Final = 100  # for one member
NAMES_MAX: Final = 2_000  # members with acts under way
AGAIN_S: Final = 5


class Busy(Throttled):
    zh = "该会员有多项操作正在进行，请稍后重试。"
    en = "Many acts on this member are under way; retry later."

    def __init__(self) -> None:
        super().__init__(AGAIN_S)


@dataclass(slots=True)
class _Queue:
    free: asyncio.Semaphore
    there: int = 0  # who acts and who waits


class Turns:
    """One per process. Only members on whom somebody acts at the moment are remembered."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, _Queue] = {}

    @asynccontextmanager
    async def of(self, names: Collection[Hashable]) -> AsyncIterator[None]:
        """A turn with each of these, for the length of the block. Raises Busy where it does not come in time.

        In one order for everybody: two who need the same two do not wait for each other.
        """
        async with AsyncExitStack() as taken:
            try:
                async with asyncio.timeout(WAIT_S):
                    for name in sorted(set(names), key=str):
                        await taken.enter_async_context(self._turn(name))
            except TimeoutError:
                raise Busy from None
            yield

    @asynccontextmanager
    async def _turn(self, name: Hashable) -> AsyncIterator[None]:
        queue = self._queues.get(name)
        if queue is None:
            if len(self._queues) >= NAMES_MAX:
                raise Busy
            queue = self._queues[name] = _Queue(asyncio.Semaphore(AT_ONCE))
        if queue.there >= AT_ONCE + WAITING_MAX:
            raise Busy
        queue.there += 1
        try:
            async with queue.free:  # first come, first served
                yield
        finally:
            queue.there -= 1
            if not queue.there:
                del self._queues[name]
