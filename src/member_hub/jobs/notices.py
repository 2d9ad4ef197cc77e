"""What members are still to be told, which asks services of others."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from member_hub.consent.notice import informing
from member_hub.db.base import transaction
from member_hub.jobs.job import Done, Job, Lane, Needs
from member_hub.telling import Notices

NOTICES_EVERY: Final = timedelta(minutes=1)


def calling_jobs_of(hub: Needs, is_over: Callable[[], bool] = lambda: False) -> list[Job]:
    """A long run ends where `is_over`: when the hub does."""

    async def notices(_now: datetime) -> Done:
        async with transaction(hub.database.app) as tx:
            is_published = await informing.has_notice(tx)
        address = informing.address_of(hub.settings)
        telling = Notices(
            hub.database,
            hub.vault,
            hub.clock,
            hub.sender,
            address,
            on_told=informing.noting(hub.catalogue),
            tells_bulk=is_published and address is not None,  # else nobody can be pointed to it
        )
        return Done(await telling.tell_waiting(is_over))

    return [Job("notices", NOTICES_EVERY, notices, Lane.CALLING)]
