"""What a publication does to consents that stand: said before it is done, and refused where nobody said it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import exists, func, select

from member_hub.consent.notice import gates
from member_hub.consent.notice.published import PublishedNotice
from member_hub.consent.notice.refusals import NoticeLeavesOut
from member_hub.consent.tables import ConsentCurrent, Notice
from member_hub.consent.words import ConsentState, NoticeFamily
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.members.reading import is_living, member_t

TOLD_FROM: Final = 20  # members; of fewer no number is told, as in the statistics (reports/disclosure.py)
ROUNDED_TO: Final = 5  # and down

current_t, notice_t = table_of(ConsentCurrent), table_of(Notice)


@dataclass(frozen=True, slots=True)
class Effects:
    """`members`: how many have a consent in force that goes stale, rounded down; None: fewer than 20."""

    stale: tuple[str, ...]
    members: int | None
    still_to_publish: tuple[NoticeFamily, ...]


async def check_left_out(tx: Tx, notice: PublishedNotice, before: Collection[str]) -> None:
    """Raises NoticeLeavesOut where grants rest on a purpose that the family's notice `before` asked about, and the new
    one neither asks about nor names as changed: nobody could read any more what they agreed to."""
    silent = sorted(set(before) - set(notice.purposes) - set(notice.changed))
    if not silent:
        return
    is_children = notice_t.c.family == NoticeFamily.CHILDREN
    rests = (
        exists()
        .select_from(
            current_t.join(member_t, member_t.c.member_id == current_t.c.member_id).join(
                notice_t, notice_t.c.notice_id == current_t.c.notice_id
            )
        )
        .where(
            member_t.c.handler == notice.handler,
            among(current_t.c.purpose, silent),
            current_t.c.state == ConsentState.GRANTED,
            is_children if notice.family is NoticeFamily.CHILDREN else ~is_children,
        )
    )
    if await tx.scalar(select(rests)):
        raise NoticeLeavesOut(field="purposes")


async def bits_in_force(tx: Tx, handler: str, purposes: Collection[str]) -> int:
    """The bits of these purposes as they count before anything is published."""
    counting = await gates.current_gates(tx)
    return sum(gate.mask for (of, purpose, _), gate in counting.items() if of == handler and purpose in purposes)


async def effects_of(
    tx: Tx, notice: PublishedNotice, other: PublishedNotice | None, bits: int, *, is_new: bool
) -> Effects:
    """`other`: the notice in force of the other family; `bits`: those that the change takes out of force."""
    if not is_new:
        return Effects((), None, ())
    concerned = select(func.count()).where(
        member_t.c.handler == notice.handler, member_t.c.consent_bits.op("&")(bits) != 0, is_living()
    )
    count = (await tx.scalar(concerned) or 0) if bits else 0
    is_due = other is not None and not set(other.purposes).isdisjoint(notice.changed)
    return Effects(
        stale=notice.changed,
        members=count // ROUNDED_TO * ROUNDED_TO if count >= TOLD_FROM else None,
        still_to_publish=(other.family,) if other is not None and is_due else (),
    )
