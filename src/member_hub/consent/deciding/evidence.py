"""What staff who act on somebody's behalf have in hand (PIPL 9, 69): kept sealed beside the event that it proves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from member_hub.consent.history.recording import NewEvent
from member_hub.consent.tables import ConsentEvidence
from member_hub.consent.words import EvidenceKind
from member_hub.crypto import Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, table_of
from member_hub.errors import BadInput
from member_hub.privacy import DataClass
from member_hub.texts import has_control

REFERENCE_CHARS_MAX: Final = 60
COLUMNS: Final = ("member_id", "event_id", "origin_id", "kind", "reference")

evidence_t = table_of(ConsentEvidence)


class BadEvidence(BadInput):
    zh = f"凭证编号须为 1 至 {REFERENCE_CHARS_MAX} 个字符。"
    en = f"The reference of evidence has 1 to {REFERENCE_CHARS_MAX} characters."


@dataclass(frozen=True, slots=True, repr=False)
class Evidence:
    kind: EvidenceKind
    reference: str

    def __post_init__(self) -> None:
        if not 0 < len(self.reference.strip()) <= len(self.reference) <= REFERENCE_CHARS_MAX:
            raise BadEvidence(field="evidence.reference")
        if has_control(self.reference):
            raise BadEvidence(field="evidence.reference")


async def keep_evidence(tx: Tx, vault: Vault, proven: Sequence[tuple[UUID, NewEvent]], evidence: Evidence) -> None:
    """One row per event, each under the key of its own account."""
    keys = await vault.keys_for(tx, {(e.origin_id, DataClass.CONSENT) for _, e in proven}, create=True)
    rows = []
    for event_id, event in proven:
        row = sealed_row(ConsentEvidence, {"event_id": event_id})
        sealed = keys.seal(evidence_t.c.reference, event.origin_id, evidence.reference, row=row)
        rows.append((event.member_id, event_id, event.origin_id, evidence.kind.value, sealed))
    await insert_rows(tx, ConsentEvidence, COLUMNS, rows)
