"""From stored decisions to the consents of the schema, as one caller sees them: states derived, contacts masked (no
I/O)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import Row

from member_hub.access import Grant, Guard, Register, Verdict, stricter
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.derived import Decided, derived, suffices
from member_hub.consent.history.record_ids import record_id_of
from member_hub.consent.words import Actor, ConsentState, ContactChannel
from member_hub.crypto import Item, sealed_row
from member_hub.graphql.asking import Asking, shown_as
from member_hub.graphql.audit_types import Label
from member_hub.graphql.consent_types import Consent, ConsentNotice, ConsentRecipient
from member_hub.graphql.guarded import ABSENT, DENIED, GuardedText, Opened, shown
from member_hub.identity.facts import CONTACT_FIELDS
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.reading import claim_t
from member_hub.identity.tables import IdentityClaim
from member_hub.members.reading import member_t
from member_hub.members.tables import AgeBand
from member_hub.privacy import Purpose, declaration


@dataclass(frozen=True, slots=True)
class ConsentLens:
    """How one caller sees decisions."""

    grant: Grant
    register: Register
    catalogue: Catalogue
    now: datetime

    def consents(self, rows: Sequence[Row[Any]], opened: Opened) -> list[Consent]:
        """Of one member, in the order of the purposes: every decision, and each purpose nobody asked about yet."""
        if not _shows(self.grant.read(Guard.CONSENTS)):
            return []
        found = []
        for purpose, entry in self.register.purposes.items():
            if entry.consent_key is None:
                continue
            mine = [row for row in rows if row.purpose == purpose.value]
            if not any(row.recipient == "" for row in mine):
                found.append(_never_asked(purpose))
            found += [self._consent(row, opened) for row in mine]
        return found

    def _consent(self, row: Row[Any], opened: Opened) -> Consent:
        actor, age_band = Actor(row.actor), AgeBand(row.age_band)
        stands = derived(
            Decided(ConsentState(row.state), row.since, actor, row.noticed_at, row.ends_at),
            gate_at=row.gate_at,
            age_band=age_band,
            numbers=self.catalogue.numbers,
            now=self.now,
        )
        counts = row.is_open and row.noticed_at is not None and suffices(actor, age_band)
        return Consent(
            purpose=Purpose(row.purpose),
            recipient=self.recipient(row.recipient),
            channel=channel_of(row.channel),
            contact=self._contact(row, opened),
            state=stands.state,
            in_force=stands.state is ConsentState.GRANTED and counts,
            since=stands.since,
            ends_at=row.ends_at,
            notice=notice_of(row),
            given_by=actor if stands.state is not ConsentState.ASKED else None,
            stale_since=stands.stale_since,
            event_id=strawberry.ID(record_id_of(row.filed_under, row.event_id)),
        )

    def recipient(self, name: str) -> ConsentRecipient | None:
        """By its registered name; one that is registered no more is called by that."""
        if not name:
            return None
        known = self.catalogue.recipients.get(name)
        label = Label(zh=known.zh, en=known.en) if known else Label(zh=name, en=name)
        return ConsentRecipient(name=name, label=label)

    def _contact(self, row: Row[Any], opened: Opened) -> GuardedText | None:
        if row.contact_kind is None:
            return None
        verdict = self._verdict(row.contact_kind)
        if not _shows(verdict):
            return DENIED
        item = self.item(row)
        mask = declaration(member_t.c[CONTACT_FIELDS[ClaimKind(row.contact_kind)].value]).mask
        return shown(verdict, mask, item, opened) if item is not None else ABSENT

    def item(self, row: Row[Any]) -> Item | None:
        """The contact point, sealed, if the grant shows it."""
        if row.contact_kind is None or row.value is None or not _shows(self._verdict(row.contact_kind)):
            return None
        return Item(claim_t.c.value, row.origin_id, row.value, sealed_row(IdentityClaim, {"claim_id": row.claim_id}))

    def shown(self, rows: Iterable[Row[Any]]) -> frozenset[str]:
        """For the record: a phone or an e-mail address that is read of a consent counts as that field as well."""
        kinds = {row.contact_kind for row in rows} - {None}
        return frozenset(shown_as(f"member.{CONTACT_FIELDS[ClaimKind(kind)]}", self._verdict(kind)) for kind in kinds)

    def _verdict(self, kind: str) -> Verdict:
        own = self.grant.read(f"member.{CONTACT_FIELDS[ClaimKind(kind)]}")
        return stricter(self.grant.read(Guard.CONSENTS), own)


def lens_of(asking: Asking, grant: Grant) -> ConsentLens:
    return ConsentLens(grant, asking.hub.policies.register, asking.hub.catalogue, asking.now)


def _never_asked(purpose: Purpose) -> Consent:
    return Consent(
        purpose=purpose,
        recipient=None,
        channel=None,
        contact=None,
        state=ConsentState.NEVER_ASKED,
        in_force=False,
        since=None,
        ends_at=None,
        notice=None,
        given_by=None,
        stale_since=None,
        event_id=None,
    )


def channel_of(stored: str) -> ContactChannel | None:
    return ContactChannel(stored) if stored else None


def notice_of(row: Row[Any]) -> ConsentNotice | None:
    if row.notice_id is None or row.notice_name is None:
        return None
    return ConsentNotice(id=strawberry.ID(str(row.notice_id)), name=row.notice_name)


def _shows(verdict: Verdict) -> bool:
    return verdict in (Verdict.CLEAR, Verdict.MASKED)
