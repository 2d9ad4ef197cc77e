"""Whether this machine's clock is behind what the programme decided by a clock before.

Points go by their own account (points/guards.py). What goes by the day goes by the newest decision there is: of a
tier, of the quantiles and marks of a day, of the ledger's self-check, which runs by the minute. While the clock is
behind that nothing is decided: what an earlier day makes of a member would stand after what a later one did.
Price: a clock that was far ahead once stops this until it is caught up with; who knows better sets those rows right.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select

from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.db.direct import Direct
from member_hub.points.guards import CLOCK_SLACK
from member_hub.points.refusals import ClockJumped
from member_hub.points.tables import PointsCheck
from member_hub.tiers.tables import TierChange, TierReviewDay

change_t = table_of(TierChange)
check_t = table_of(PointsCheck)
day_t = table_of(TierReviewDay)


async def refuse_behind(tx: Tx, *, now: datetime) -> None:
    """Raises ClockJumped."""
    if await is_behind(tx, now=now):
        raise ClockJumped


async def is_behind(tx: Tx, *, now: datetime) -> bool:
    """Whether something was decided later than now, and than two machines' clocks may differ."""
    found = await _NEWEST.one(tx, {})
    return found is not None and found.at is not None and found.at > now + CLOCK_SLACK


def _newest() -> Select[Any]:
    parts = (
        select(func.max(change_t.c.changed_at)),
        select(func.max(day_t.c.computed_at)),
        select(func.max(func.greatest(check_t.c.began_at, check_t.c.ended_at))),
    )
    return select(func.greatest(*(one.scalar_subquery() for one in parts)).label("at"))


_NEWEST: Final = Direct(_newest())
