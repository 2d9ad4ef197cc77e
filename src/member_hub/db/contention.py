"""Trying again what only another transaction stood in the way of: a deadlock, a conflict, changing rows."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError

from member_hub.errors import Unavailable

T = TypeVar("T")

ATTEMPTS_MAX = 8
WAIT_MAX_S = 0.25  # before the second attempt; grows with each, and is drawn, so that two do not meet again
# Serialisation failure, deadlock, lock not available, and a lock table that others have filled.
_STATES: Final = frozenset({"40001", "40P01", "55P03", "53200"})


class Unsettled(Unavailable):
    """Others kept changing the same rows while they were being locked; retrying later succeeds."""


def is_contention(error: BaseException) -> bool:
    """Whether the same work succeeds when nobody else is in the way."""
    return isinstance(error, Unsettled) or sqlstate(error) in _STATES


def sqlstate(error: BaseException) -> str | None:
    """The five characters of a database error; None for any other."""
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """What the attempt returns. It opens a transaction (or savepoint) of its own; called ATTEMPTS_MAX times at most."""
    for number in range(1, ATTEMPTS_MAX):
        try:
            return await attempt()
        except (DBAPIError, Unsettled) as error:
            if not is_contention(error):
                raise
        await asyncio.sleep(random.uniform(0, WAIT_MAX_S * number))  # noqa: S311 (no secret)
    return await attempt()
