"""In which state a decision is at this moment: as stored, less what a change, the clock or an age took from it. Pure.

A grant is stale, and after its grace lapsed, where the newest gate of its purpose is newer than its notice: derived,
for a material change writes to no member (DESIGN 8). A term that is over is over, and a guardian's grant ends at 14,
whether the job has been round or not. A yes of somebody who turns out to be under 14 was none.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from member_hub.consent.gates import Gate, GateKey
from member_hub.consent.notices import Named
from member_hub.consent.reading import Decisions
from member_hub.consent.settling import is_old_enough
from member_hub.consent.standing import Standing
from member_hub.consent.words import Actor, ConsentState
from member_hub.members.tables import AgeBand

S = ConsentState


def state_now(
    one: Standing,
    decided: Decisions,
    gates: Mapping[GateKey, Gate],
    named: Mapping[UUID, Named],
    *,
    grace: timedelta,
    now: datetime,
) -> ConsentState:
    """The state of what stands of a member; `named` are the notices that their decisions name."""
    if one.state is not S.GRANTED:
        return one.state
    if one.by.ends_at is not None and one.by.ends_at <= now:
        return S.EXPIRED
    if decided.age_band is not AgeBand.UNKNOWN and not is_old_enough(decided.age_band, one):
        return S.STALE if one.by.actor is Actor.GUARDIAN else S.INVALIDATED
    gate = gates.get((decided.handler, one.slot.purpose, one.slot.recipient))
    notice = named.get(one.by.notice_id) if one.by.notice_id else None
    if gate is None or (notice is not None and notice.effective_at >= gate.effective_at):
        return S.GRANTED
    return S.LAPSED if gate.effective_at + grace <= now else S.STALE
