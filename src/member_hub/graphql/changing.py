"""Carrying a change out: one transaction, on record before it is committed, tried again where others were in the way,
begun when those who act on the same members leave room for it (turns.py).

Decision: the audit entry of a change is written inside its transaction, last. So no change stands that is not on
record. Price: if the commit itself then fails, a second entry says so; and the locks are held for one more write.
"""

from collections.abc import Awaitable, Callable, Collection, Hashable
from typing import TypeVar

from member_hub.db.base import Tx, transaction
from member_hub.db.contention import patiently
from member_hub.errors import Refused
from member_hub.graphql.asking import Asking
from member_hub.graphql.problems import UserError, each, user_errors

T = TypeVar("T")


async def carried_out(
    asking: Asking,
    work: Callable[[Tx], Awaitable[T]],
    *,
    announce: Callable[[T], Awaitable[None]] | None = None,
    about: Collection[Hashable] = (),
) -> tuple[T | None, list[UserError]]:
    """What the work returned, or why it was refused; a refusal leaves nothing behind but its audit entry.

    `announce` is awaited last before the commit, behind the audit entry: for what is a point of no return by itself.
    `about`: the members, as they are named, of whose rows many acts may want the same at once; they take turns.
    """
    try:
        async with asking.turns.of([_turn(asking, one) for one in about]):
            return await patiently(lambda: _attempted(asking, work, announce)), []
    except Refused as refused:
        asking.trail.refusal = each(refused)[0].code
        return None, user_errors(refused, asking.language)


def _turn(asking: Asking, name: Hashable) -> Hashable:
    """Nobody is in reach yet: who names a member of another handler keeps nobody there waiting, and learns nothing from
    having to wait."""
    return (str(asking.caller.handler), str(name))


async def _attempted(
    asking: Asking, work: Callable[[Tx], Awaitable[T]], announce: Callable[[T], Awaitable[None]] | None
) -> T:
    """One transaction; where another one was in the way, there will be a second."""
    try:
        async with transaction(asking.hub.database.app) as tx:
            done = await work(tx)
            await asking.write_trail()
            if announce is not None:
                await announce(done)
    except BaseException:
        asking.trail.is_written = False  # what was put on record did not come to pass, and a second entry says so
        raise
    return done
