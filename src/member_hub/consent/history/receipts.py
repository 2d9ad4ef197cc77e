"""What a receipt says of one event, by ISO/IEC TS 27560:2023: who decided what, about which processing, and when. Pure.

The names are those of the specification; it has no context of its own for JSON-LD, so the one here gives every name a
place under its schema's identifier, and is in the file: nobody has to fetch anything to read it.
Decision: the contact point that a consent is about is not in it, not even masked: a receipt is given to be kept and
shown around, and the event in the hub says which it was. Price: of two numbers, the receipt alone does not say which.
Decision: a receipt says nothing of today (no time of issue, no state now), so that the receipt of an event is the same
whenever it is had, as long as register and policy are.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import MetaData, Row

from member_hub.access import Policies, Register, Verdict
from member_hub.access.register import PurposeEntry
from member_hub.consent.catalogue import HOME, Catalogue, Recipient
from member_hub.consent.history.record_ids import record_id_of
from member_hub.consent.words import Actor, Method
from member_hub.organisation import Handler, Organisation
from member_hub.privacy import DataClass, Purpose, declaration

SCHEMA: Final = "ISO/IEC TS 27560:2023"
CONTEXT: Final[Mapping[str, Any]] = {
    "@version": 1.1,
    "@vocab": "https://w3id.org/dpv/schema/iso-27560#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "event_time": {"@type": "xsd:dateTime"},
    "valid_until": {"@type": "xsd:dateTime"},
}
RIGHTS: Final = ("access", "copy", "correction", "deletion", "portability", "restriction", "objection", "withdrawal")
EXPLICIT: Final = frozenset(Method) - {Method.NONE, Method.CHANNEL_FILE}  # by a clear act of the member here
_WITHDRAWAL: Final = {
    "zh": (
        "随时可撤回，一步完成：在小程序或网站的隐私设置中，或由门店、客服代为办理；"
        "撤回不影响此前的处理，也不影响会员服务"
    ),
    "en": (
        "At any time, in one step: in the privacy settings of the mini-program or the website, or through a store or "
        "support; earlier processing stays lawful, and the membership does not depend on it"
    ),
}


@dataclass(frozen=True, slots=True)
class Background:
    """What a receipt says beside the event. `categories`: data classes that the purpose processes."""

    handler: Handler
    register: Register
    catalogue: Catalogue
    categories: Mapping[Purpose, Collection[str]]


@dataclass(frozen=True, slots=True)
class Sources:
    """Out of what a background is made."""

    organisation: Organisation
    policies: Policies
    catalogue: Catalogue
    metadata: MetaData

    def of(self, handler: str) -> Background:
        """For the events of a handler; one that is registered no more is called by its name."""
        known = self.organisation.handlers.get(handler) or Handler(handler, handler, handler, "")
        classes = {guard: found for guard, found in _classes(self.metadata) if found is not None}
        read: dict[Purpose, set[str]] = {}
        for grant in self.policies.grants.values():
            seen = {classes[guard].value for guard in classes if grant.read(guard) in (Verdict.CLEAR, Verdict.MASKED)}
            read.setdefault(grant.purpose, set()).update(seen)
        return Background(known, self.policies.register, self.catalogue, read)


def _classes(metadata: MetaData) -> Iterator[tuple[str, DataClass | None]]:
    for table in metadata.tables.values():
        for column in table.columns:
            declared = declaration(column)
            if declared.guard is not None:
                yield declared.guard, declared.data_class


def receipt(row: Row[Any], background: Background) -> dict[str, Any]:
    """The receipt of an event (queries.event_of), without its signature; about the member by their opaque id."""
    return {
        "@context": dict(CONTEXT),
        "@type": "ConsentReceipt",
        "record_id": record_id_of(row.member_id, row.event_id),
        "schema_version": SCHEMA,
        "pii_principal_id": str(row.member_id),
        "party_identification": _parties(row, background),
        "pii_processing": [_processing(row, background)],
        "event": [_event(row)],
    }


def _parties(row: Row[Any], background: Background) -> list[dict[str, Any]]:
    ours = background.handler
    controller = {
        "party_id": ours.name,
        "party_role": "pii_controller",
        "party_name": {"zh": ours.zh, "en": ours.en},
        "party_contact": ours.contact,
        "party_country": HOME,
    }
    theirs = background.catalogue.recipients.get(row.recipient)
    return [controller, _recipient(theirs)] if theirs else [controller]


def _recipient(theirs: Recipient) -> dict[str, Any]:
    return {
        "party_id": theirs.name,
        "party_role": theirs.kind.value,
        "party_name": {"zh": theirs.zh, "en": theirs.en},
        "party_contact": theirs.contact,
        "party_country": theirs.jurisdiction,
    }


def _processing(row: Row[Any], background: Background) -> dict[str, Any]:
    purpose = Purpose(row.purpose)
    entry, terms = background.register.purposes[purpose], background.catalogue.purposes[purpose]
    theirs = background.catalogue.recipients.get(row.recipient)
    return {
        "privacy_notice": _notice(row),
        "language": row.locale,
        "purpose": [
            {"purpose_id": purpose.value, "description": {"zh": entry.zh, "en": entry.en}, **_basis(entry)},
        ],
        "necessity": {"zh": terms.zh, "en": terms.en},
        "pii_information": [{"pii_type": each, "sensitive_pii": row.is_sensitive} for each in _types(row, background)],
        "communication_channel": row.channel or None,
        "recipient_third_parties": [theirs.name] if theirs else [],
        "processing_method": {"zh": theirs.method_zh, "en": theirs.method_en} if theirs else None,
        "jurisdiction": HOME,
        "processing_locations": sorted({HOME, theirs.jurisdiction} if theirs else {HOME}),
        "impact_assessment": terms.assessment,
        "withdrawal_method": dict(_WITHDRAWAL),
        "privacy_rights": list(RIGHTS),
    }


def _basis(entry: PurposeEntry) -> dict[str, str]:
    return {"lawful_basis": "consent", "lawful_basis_article": entry.article}


def _notice(row: Row[Any]) -> dict[str, Any] | None:
    if row.notice_id is None:
        return None
    return {
        "notice_id": str(row.notice_id),
        "version": row.notice_name,
        "sha256": row.sha256.hex() if row.sha256 else None,
    }


def _types(row: Row[Any], background: Background) -> Sequence[str]:
    """What goes to a named recipient is registered; what the handler itself processes is what its purpose may read."""
    theirs = background.catalogue.recipients.get(row.recipient)
    if theirs:
        return sorted(each.value for each in theirs.classes)
    return sorted(background.categories.get(Purpose(row.purpose), ()))


def _event(row: Row[Any]) -> dict[str, Any]:
    return {
        "event_time": row.occurred_at,
        "valid_until": row.ends_at,
        "event_type": row.act,
        "event_state": row.state_to,
        "event_state_before": row.state_from,
        "entity_id": row.actor if row.actor != Actor.APP else row.acted_by,
        "method": row.method,
        "explicit": Method(row.method) in EXPLICIT,
        "separate": row.is_separate,
        "sha256": row.hash.hex(),
    }
