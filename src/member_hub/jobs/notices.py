"""What members are still to be told, which asks services of others."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from member_hub import tiers
from member_hub.consent.notice import informing
from member_hub.db.base import Tx, transaction
from member_hub.ids import MemberId
from member_hub.jobs.job import Done, Job, Lane, Needs
from member_hub.telling import Kind, Notices
from member_hub.telling.kinds import Value

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
            saying=saying,
            later=() if is_published and address is not None else (Kind.PRIVACY_NOTICE,),  # nobody can be pointed to it
        )
        return Done(await telling.tell_waiting(is_over))

    async def saying(tx: Tx, kind: Kind, root: MemberId) -> Mapping[Value, str] | None:
        return await tiers.said_of(tx, root, now=hub.clock.now()) if kind is Kind.TIER_ENDING else {}

    return [Job("notices", NOTICES_EVERY, notices, Lane.CALLING)]
