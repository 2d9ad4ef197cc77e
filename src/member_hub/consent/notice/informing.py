"""A message that told a member of the privacy notice, on record as a notice that was served (PIPL 17; C10).

Only then do the bits that a file's consent asks for come on (settling.py).
"""

from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy import func, insert, select

from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.settling import settle
from member_hub.consent.notice import notices
from member_hub.consent.tables import NoticeServed
from member_hub.consent.words import Actor, ByWayOf, Locale, NoticeFamily
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.ids import uuid7
from member_hub.members.reading import is_living, member_t
from member_hub.members.tables import AgeBand
from member_hub.settings import Settings
from member_hub.telling import Kind, ToldTask

PAGE: Final = f"/notices/{NoticeFamily.GENERAL}"  # web/notices.py

served_t = table_of(NoticeServed)


def noting(catalogue: Catalogue) -> Callable[[Tx, ToldTask], Awaitable[None]]:
    """For telling.Notices: what a privacy notice that was told leaves behind, in the transaction that notes it."""

    async def note(tx: Tx, told: ToldTask) -> None:
        if told.kind is Kind.PRIVACY_NOTICE:
            await _served_by_message(tx, catalogue, told)

    return note


def address_of(settings: Settings) -> str | None:
    """Where members are pointed to; None: nowhere, and then no message counts as informing them.

    In production only what the operator names: members are not on the hub's machine, and only the operator knows under
    which address they reach it. In development the hub's own page, unless it takes any free port.
    """
    if settings.notice_url is not None or settings.is_production:
        return settings.notice_url
    return f"http://127.0.0.1:{settings.port}{PAGE}" if settings.port else None


async def has_notice(tx: Tx) -> bool:
    """Whether any general notice is in force: else there is nothing to point members to."""
    statement = select(notices.notice_t.c.notice_id).where(notices.notice_t.c.family == NoticeFamily.GENERAL.value)
    return await tx.scalar(statement.limit(1)) is not None


async def _served_by_message(tx: Tx, catalogue: Catalogue, told: ToldTask) -> None:
    """Nothing where the handler has no notice in force, or the member is gone."""
    asked = member_t.alias("asked")
    of_root = select(func.coalesce(asked.c.merged_into, asked.c.member_id)).where(asked.c.member_id == told.member_id)
    root = select(member_t.c.member_id, member_t.c.handler, member_t.c.age_band).where(
        member_t.c.member_id == of_root.scalar_subquery(), is_living()
    )
    row = (await tx.execute(root.with_for_update(of=member_t))).one_or_none()
    if row is None:
        return
    notice = await notices.current(tx, row.handler, NoticeFamily.GENERAL)
    if row.age_band == AgeBand.CHILD:
        notice = await notices.current(tx, row.handler, NoticeFamily.CHILDREN) or notice
    if notice is None:
        return
    served = {
        "member_id": row.member_id,
        "served_id": uuid7(),
        "notice_id": notice.notice_id,
        "locale": Locale.ZH.value,
        "by_way_of": ByWayOf.MESSAGE.value,
        "asked": [],
        "is_by_member": False,
        "served_by": Actor.SYSTEM.value,
        "served_at": told.told_at,
    }
    await tx.execute(insert(served_t).values(served))
    await settle(tx, [row.member_id], catalogue=catalogue, now=told.told_at)
