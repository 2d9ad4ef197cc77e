"""A batch in which one item that fails stops nobody else: halved, in savepoints, until what fails is alone.

For work by the clock that goes over many members in one transaction per batch. What went through stays, what failed
is told and left as it was, so that whoever keeps the position can move on beyond both.

Decision: not each item by itself, as one that fails among thousands would cost thousands of statements; halving costs
about two for every doubling. Price: where more than FAILED_MAX fail in one batch, it is hardly the items' own fault,
and parts that still fail are given up whole, with what was sound in them.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from member_hub.db.base import Tx
from member_hub.db.outages import is_outage

FAILED_MAX: Final = 20  # told one by one; beyond it parts fail whole

Item = TypeVar("Item")
Result = TypeVar("Result")
OnFailed = Callable[[Sequence[Item], Exception], None]


async def apart(
    tx: Tx,
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Awaitable[Result]],
    *,
    on_failed: OnFailed[Item],
) -> tuple[list[Result], list[Item]]:
    """What `work` made of the parts that went through, in their order, and the items that failed.

    What fails may leave nothing behind outside of the transaction. Raises what says that the database is not there.
    """
    done: list[Result] = []
    failed: list[Item] = []
    waiting = [items] if items else []
    while waiting:  # each turn ends a part or halves it
        part = waiting.pop()
        try:
            async with tx.begin_nested():
                result = await work(part)
        except Exception as error:
            if is_outage(error):
                raise
            if len(part) > 1 and len(failed) < FAILED_MAX:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
                continue
            on_failed(part, error)
            failed += part
        else:
            done.append(result)
    return done, failed
