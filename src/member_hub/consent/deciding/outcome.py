"""What came of an act on consent, and where the decisions that it was about stand after it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.effective import state_of
from member_hub.consent.history.reading import Decisions, decisions_of
from member_hub.consent.history.record_ids import record_id_of
from member_hub.consent.history.standing import Slot, Standing
from member_hub.consent.notice import notices
from member_hub.consent.notice.gates import current_gates
from member_hub.consent.words import ConsentState
from member_hub.crypto import Note
from member_hub.db.base import Tx
from member_hub.errors import Refused
from member_hub.ids import MemberId
from member_hub.privacy import Purpose


@dataclass(frozen=True, slots=True, repr=False)
class Stands:
    """Where one decision stands, as it is shown."""

    record_id: str  # of the event that made it so
    state: ConsentState
    slot: Slot
    notice: str | None  # its name
    since: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class Acted:
    """What an act did.

    `words` are the audit log's; `notes` are still to be written to the outside ledger, last before the commit; `ended`
    are purposes of which nothing is granted any more, so that what was held for them alone has to go; `refusal` is
    what the caller is told although something was recorded: a child's own yes.
    """

    member_id: MemberId
    stands: Sequence[Stands]
    words: Collection[str] = ()
    notes: Sequence[Note] = ()
    ended: frozenset[Purpose] = frozenset()
    refusal: Refused | None = None


async def stands_about(
    tx: Tx, catalogue: Catalogue, member_id: MemberId, about: Collection[Slot], *, now: datetime
) -> list[Stands]:
    """Where everything stands that the slots cover, in order."""
    decided = (await decisions_of(tx, [member_id]))[member_id]
    found = [one for one in decided.standing if any(slot.covers(one.slot) for slot in about)]
    return await shown(tx, catalogue, decided, found, now=now)


async def shown(
    tx: Tx, catalogue: Catalogue, decided: Decisions, found: Collection[Standing], *, now: datetime
) -> list[Stands]:
    """These decisions of one member, each in the state of this moment.

    What differs by its contact point alone and stands so by one event is told once, for no contact point is shown.
    """
    found = {(one.by.event_id, one.slot.purpose, one.slot.recipient, one.slot.channel): one for one in found}.values()
    names = await notices.named(tx, {one.by.notice_id for one in found if one.by.notice_id is not None})
    gates = await current_gates(tx)
    return [
        Stands(
            record_id=record_id_of(decided.filed_under[one.by.event_id], one.by.event_id),
            state=state_of(one, decided, gates, names, numbers=catalogue.numbers, now=now),
            slot=one.slot,
            notice=names[one.by.notice_id].name if one.by.notice_id in names else None,
            since=one.by.occurred_at,
            ends_at=one.by.ends_at,
        )
        for one in found
    ]
