"""What goes over many members by the clock: counting what had to wait, tags, benefits of occasions.

In the lane of what is much: a first round over a brand's members takes minutes, and points fall due meanwhile.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from member_hub import tags
from member_hub.audit import Entry
from member_hub.benefits import Gifts, Given, Occasions
from member_hub.counting.backfill import START, count_next, something_waits
from member_hub.db.base import snapshot
from member_hub.jobs.job import CALLER, Done, Job, Lane, Needs

COUNTING_EVERY: Final = timedelta(minutes=5)
COUNTING_MAX: Final = 200  # batches of one round: 100,000 rows, of which most may have to wait on
TAGS_EVERY: Final = timedelta(minutes=1)  # the round of the day is due once; merged members at once
OCCASIONS_EVERY: Final = timedelta(minutes=10)
GIFTS_EVERY: Final = timedelta(minutes=1)


def counting_jobs(hub: Needs) -> Sequence[Job]:
    """Order lines, activity and opening balances that could not be counted when they came.

    A pass that came to the limit goes on from there in the next round: what has to wait on would be in the way else.
    """
    place = START

    async def counting(now: datetime) -> Done:
        nonlocal place
        if place == START:
            async with snapshot(hub.database.app) as tx:
                if not await something_waits(tx):
                    return Done()
        lines = failed = 0
        for _ in range(COUNTING_MAX):
            looked = await count_next(hub.database, hub.loyalty, place, now=now)
            lines, failed, place = lines + looked.counted.lines, failed + looked.failed, looked.next or START
            if place == START:
                break
        if lines:
            await hub.audit.write(Entry.of_command("jobs counting", caller=CALLER, now=hub.clock.now()))
        return Done(lines, has_more=place != START, failed=failed, went_on=place != START)

    return [Job("counting", COUNTING_EVERY, counting, Lane.MUCH)]


def tag_jobs(hub: Needs) -> Sequence[Job]:
    async def evaluate(_now: datetime) -> Done:
        ran = await tags.run(hub.database, hub.audit, hub.tags, hub.clock)
        return Done(ran.evaluated.members + ran.expired, has_more=ran.has_more, failed=ran.failed)

    return [Job("tags", TAGS_EVERY, evaluate, Lane.MUCH)]


def benefit_jobs(hub: Needs) -> Sequence[Job]:
    """Months of birth and of joining, and gifts for promotions."""

    def _done(given: Given) -> Done:
        return Done(given.issued, has_more=given.has_more, failed=given.failed, went_on=given.looked_at > 0)

    occasions = Occasions(hub.database, hub.vault, hub.audit, hub.benefits)
    gifts = Gifts(hub.database, hub.audit, hub.benefits, hub.tiers)

    async def of_months(now: datetime) -> Done:
        return _done(await occasions.run(now))

    async def of_promotions(now: datetime) -> Done:
        return _done(await gifts.run(now))

    return [
        Job("benefits of the month", OCCASIONS_EVERY, of_months, Lane.MUCH),
        Job("gifts for promotions", GIFTS_EVERY, of_promotions, Lane.LOYALTY),
    ]
