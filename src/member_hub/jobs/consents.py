"""What time does to consent: terms and graces that end, children who turn 14, guardians who never answer; and what is
much: fields whose consent has ended, lines that waited for their notice, bits that are to be used again.
"""

from datetime import datetime, timedelta
from typing import Final

from member_hub import profiles
from member_hub.audit import Entry
from member_hub.consent.children.coming_of_age import ComingOfAge
from member_hub.consent.children.guardian_timers import GuardianTimers
from member_hub.consent.history import timers
from member_hub.consent.history.timers import Clockwork
from member_hub.consent.notice import recycling
from member_hub.consent.replay.filing import Filed
from member_hub.consent.replay.replaying import LATECOMERS, newest_publication, replay
from member_hub.jobs.job import CALLER, Done, Job, Lane, Needs

CLOCK_EVERY: Final = timedelta(minutes=1)
GUARDIANS_EVERY: Final = timedelta(minutes=1)
BITS_EVERY: Final = timedelta(minutes=1)
LINES_EVERY: Final = timedelta(minutes=5)
FORGETTING_EVERY: Final = timedelta(minutes=10)


def jobs_of_time(hub: Needs) -> list[Job]:
    """Apart from the seals: what a standstill left behind may be a million members."""
    works = Clockwork(hub.database, hub.vault, hub.catalogue, hub.audit, CALLER)
    ages = ComingOfAge(hub.database, hub.vault, hub.catalogue, hub.audit)
    guardians = GuardianTimers(hub.database, hub.vault, hub.catalogue, hub.audit)

    async def of_age(now: datetime) -> Done:
        return Done(await ages.run(now))

    async def links(now: datetime) -> Done:
        return Done(await guardians.run(now))

    async def clock(now: datetime) -> Done:
        await timers.settle_over(works, now=now)
        return Done(await timers.run_due(works, now=now))

    return [
        Job("coming of age", GUARDIANS_EVERY, of_age, Lane.TIME),
        Job("guardians", GUARDIANS_EVERY, links, Lane.TIME),
        Job("consent clock", CLOCK_EVERY, clock, Lane.TIME),
    ]


def jobs_of_much(hub: Needs) -> list[Job]:
    """Those that go through much; they work in batches and hold nothing up."""
    done: list[datetime] = []  # when the last round of lines began

    async def forgetting(now: datetime) -> Done:
        return Done(await profiles.forget_ended(hub, caller=CALLER, now=now))

    async def lines(now: datetime) -> Done:
        """After a publication, and until no import of before it can still be running, what waited for it."""
        published_at = await newest_publication(hub.database)
        if published_at is None or (done and done[0] > published_at + LATECOMERS):
            return Done()
        replayed = await replay(hub.database, hub.vault, hub.catalogue, hub.clock, on_batch=on_record)
        done[:] = [now]
        return Done(replayed.applied)

    async def on_record(filed: Filed) -> None:
        said = Entry.of_command(
            "consent replay", fields=filed.words, member_ids=filed.members, caller=CALLER, now=hub.clock.now()
        )
        await hub.audit.write(said)

    async def bits(now: datetime) -> Done:
        return Done(await recycling.free_replaced(hub.database, now=now))

    return [
        Job("fields without consent", FORGETTING_EVERY, forgetting, Lane.MUCH),
        Job("consent lines that waited", LINES_EVERY, lines, Lane.MUCH),
        Job("consent bits", BITS_EVERY, bits, Lane.MUCH),
    ]
