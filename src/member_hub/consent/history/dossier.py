"""Everything that the hub knows of one member's consent, as the command line shows and exports it; no contact point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.derived import Decided, derived, suffices
from member_hub.consent.history.queries import decisions_shown, for_receipts, history_page, is_chain_intact
from member_hub.consent.history.receipts import Sources, receipt
from member_hub.consent.history.record_ids import record_id_of
from member_hub.consent.history.standing import Slot
from member_hub.consent.scopes import word
from member_hub.consent.words import Actor, ConsentState
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.ids import MemberId
from member_hub.members.tables import AgeBand

EVENTS_MAX: Final = 10_000  # of one member; an ordinary one has about ten


@dataclass(frozen=True, slots=True)
class Dossier:
    current: Sequence[Mapping[str, Any]]
    history: Sequence[Mapping[str, Any]]
    chain_intact: bool | None  # None: there is more than is verified at once
    is_whole: bool  # false: there are more events than EVENTS_MAX


async def dossier(tx: Tx, vault: Vault, member_id: MemberId, catalogue: Catalogue, *, now: datetime) -> Dossier:
    """Of a root member."""
    current = [_current(row, catalogue, now) for row in await decisions_shown(tx, [member_id], now=now)]
    rows, has_more = await history_page(tx, member_id, count=EVENTS_MAX)
    is_intact = await is_chain_intact(tx, vault, member_id)
    return Dossier(current, [_event(row) for row in rows], is_intact, not has_more)


async def receipts(tx: Tx, member_id: MemberId, sources: Sources) -> list[dict[str, Any]]:
    """The receipt of each event of a root member, the oldest first within each member id it is filed under."""
    rows, _ = await history_page(tx, member_id, count=EVENTS_MAX)
    filed: dict[MemberId, list[Any]] = {}
    for row in rows:
        filed.setdefault(MemberId(row.member_id), []).append(row.event_id)
    found: list[Row[Any]] = []
    for filed_under, event_ids in sorted(filed.items()):
        found += list(await for_receipts(tx, filed_under, event_ids))
    known = {handler: sources.of(handler) for handler in {row.handler for row in found}}
    return [receipt(row, known[row.handler]) for row in found]


def _current(row: Row[Any], catalogue: Catalogue, now: datetime) -> dict[str, Any]:
    stands = derived(
        Decided(ConsentState(row.state), row.since, Actor(row.actor), row.noticed_at, row.ends_at),
        gate_at=row.gate_at,
        age_band=AgeBand(row.age_band),
        numbers=catalogue.numbers,
        now=now,
    )
    counts = row.is_open and row.noticed_at is not None and suffices(Actor(row.actor), AgeBand(row.age_band))
    return {
        "slot": word(Slot(row.purpose, row.recipient, row.channel)),
        "state": stands.state.value,
        "in_force": stands.state is ConsentState.GRANTED and counts,
        "since": stands.since.isoformat(),
        "ends_at": row.ends_at.isoformat() if row.ends_at else None,
        "actor": row.actor,
        "notice": row.notice_name,
        "has_contact": row.contact_kind is not None,
        "record_id": record_id_of(row.filed_under, row.event_id),
    }


def _event(row: Row[Any]) -> dict[str, Any]:
    return {
        "record_id": record_id_of(row.member_id, row.event_id),
        "slot": word(Slot(row.purpose, row.recipient, row.channel)),
        "has_contact": row.has_contact,
        "act": row.act,
        "state_from": row.state_from,
        "state_to": row.state_to,
        "actor": row.actor,
        "method": row.method,
        "evidence": row.evidence_kind,
        "notice": row.notice_name,
        "separate": row.is_separate,
        "ends_at": row.ends_at.isoformat() if row.ends_at else None,
        "occurred_at": row.occurred_at.isoformat(),
        "recorded_at": row.recorded_at.isoformat(),
        "sha256": row.hash.hex(),
    }
