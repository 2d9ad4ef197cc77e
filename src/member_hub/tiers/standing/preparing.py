"""Once a business day, and whenever other rules come into force: quantiles of all members, and who has to be looked at.

Where rules or quantiles (ranking.py) are other ones than before, everybody is marked. A handler that fails stops no
other, and has another turn the next day at the latest.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from member_hub.clock import business_day
from member_hub.db.apart import apart
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.members.tables import MemberStatus
from member_hub.tiers.rules.criteria import Threshold
from member_hub.tiers.rules.versions import InForce, Programme, in_force
from member_hub.tiers.rules.windows import last_day_before
from member_hub.tiers.standing.marking import GONE, mark, member_t, standing_t
from member_hub.tiers.standing.ranking import KEPT, Ranking, quantiles, store, threshold_t, thresholds_of
from member_hub.tiers.tables import TierReviewDay

HANDLERS_MAX: Final = 1000
ENDS_MAX: Final = 400  # days of handlers on which terms ended, in one round
day_t = table_of(TierReviewDay)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """How many members were marked, and how many handlers failed."""

    marked: int = 0
    failed: int = 0


async def prepare(tx: Tx, programme: Programme, *, now: datetime) -> Prepared:
    """Do what is due. Twice on one day is the same as once."""
    ruled = await in_force(tx, programme, now=now)
    rows = (await tx.execute(select(day_t).order_by(day_t.c.handler).with_for_update())).all()
    done = {row.handler: row for row in rows}
    today = business_day(now)
    ready = {row.handler for row in rows if business_day(row.computed_at) == today and row.rules_digest == ruled.digest}
    if done and len(ready) == len(done):
        return Prepared()

    async def work(handlers: Sequence[str]) -> int:
        return sum([await _prepare_one(tx, ruled, handler, done.get(handler), now) for handler in handlers])

    wanted = [handler for handler in await _handlers(tx) if handler not in ready]
    parts, failed = await apart(tx, wanted, work, on_failed=_tell)
    return Prepared(sum(parts), len(failed))


async def rank_ends(tx: Tx, programme: Programme, *, now: datetime) -> None:
    """Quantiles of the last days of the terms that are over, so that no review computes them while it holds members.

    What is not among them (a term that began and ended while nothing ran) the review computes by itself.
    """
    named = (await in_force(tx, programme, now=now)).rules.thresholds
    if not named:
        return
    ended = func.coalesce(standing_t.c.term_until, standing_t.c.until)
    statement = (
        select(member_t.c.handler, ended)
        .join(standing_t, standing_t.c.member_id == member_t.c.member_id)
        .where(standing_t.c.due_at <= now, standing_t.c.own_rank > 0, ended <= now)
        .where(member_t.c.status == MemberStatus.ACTIVE)
        .distinct()
        .limit(ENDS_MAX)
    )
    wanted: dict[str, set[Threshold]] = defaultdict(set)
    for handler, until in await tx.execute(statement):
        wanted[handler] |= {(name, last_day_before(until)) for name, ranked in named.items() if ranked.is_of_ends}

    async def work(handlers: Sequence[str]) -> None:
        await Ranking(named).learn(tx, {handler: wanted[handler] for handler in handlers}, now=now)

    await apart(tx, sorted(wanted), work, on_failed=_tell)


async def _prepare_one(tx: Tx, ruled: InForce, handler: str, before: Row[Any] | None, now: datetime) -> int:
    is_new = before is None or before.rules_digest != ruled.digest
    is_moved = await _compute(tx, ruled, handler, now)
    marked = await mark(tx, member_t.c.handler == handler, now=now) if is_new or is_moved else 0
    values = {"rules_digest": ruled.digest, "computed_at": now}
    new = insert(day_t).values(handler=handler, **values)
    await tx.execute(new.on_conflict_do_update(index_elements=[day_t.c.handler], set_=values))
    return marked


def _tell(handlers: Sequence[str], error: Exception) -> None:
    _log.error("Tiers of %s could not be prepared (%s).", ", ".join(handlers), type(error).__name__)


async def _handlers(tx: Tx) -> list[str]:
    statement = select(member_t.c.handler).where(member_t.c.status.not_in(GONE)).distinct()
    return list(await tx.scalars(statement.order_by(member_t.c.handler).limit(HANDLERS_MAX)))


async def _compute(tx: Tx, ruled: InForce, handler: str, now: datetime) -> bool:
    """Write a handler's quantiles of today; whether any is another than the newest before."""
    named = ruled.rules.thresholds
    if not named:
        return False
    before = (await thresholds_of(tx, ruled, now=now)).get(handler, {})
    found = await quantiles(tx, {(name, None): ranked for name, ranked in named.items()}, handler, now=now)
    await store(tx, handler, found, now=now)
    old = delete(threshold_t).where(threshold_t.c.handler == handler, threshold_t.c.day < business_day(now - KEPT))
    await tx.execute(old)
    return any(one not in before or before[one] != value for one, value in found.items())
