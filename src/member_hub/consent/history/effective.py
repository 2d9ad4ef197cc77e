"""In which state a decision of a member is at this moment, by the gates and notices that are in force (derived.py)."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from member_hub.consent.catalogue import Numbers
from member_hub.consent.history.derived import state_now
from member_hub.consent.history.reading import Decisions
from member_hub.consent.history.standing import Standing
from member_hub.consent.notice.gates import Gate, GateKey
from member_hub.consent.notice.published import Named
from member_hub.consent.words import ConsentState


def state_of(
    one: Standing,
    decided: Decisions,
    gates: Mapping[GateKey, Gate],
    named: Mapping[UUID, Named],
    *,
    numbers: Numbers,
    now: datetime,
) -> ConsentState:
    """The state of what stands of a member; `named` are the notices that their decisions name; one of
    another handler is none."""
    gate = gates.get((decided.handler, one.slot.purpose, one.slot.recipient))
    notice = named.get(one.by.notice_id) if one.by.notice_id else None
    return state_now(
        one,
        gate_at=gate.effective_at if gate else None,
        noticed_at=notice.effective_at if notice and notice.handler == decided.handler else None,
        age_band=decided.age_band,
        numbers=numbers,
        now=now,
    )
