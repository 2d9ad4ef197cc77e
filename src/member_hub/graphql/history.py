"""Everything that was stated for a field of one member, as the caller may see it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from member_hub.crypto import Item
from member_hub.graphql.guarded import NOT_CONSENTED, Opened, shown
from member_hub.graphql.provenance import ProfileValue
from member_hub.graphql.sight import COLUMNS, Held, Sight, claim_item, golden, shows, value_item
from member_hub.identity.facts import CONTACT_FIELDS, HELD
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel
from member_hub.privacy import ProfileField, declaration


def history(sight: Sight, held: Held, row: Row[Any], field: ProfileField, opened: Opened) -> list[ProfileValue]:
    """Every held value of a field, the newest first; none where it is denied, for even their number tells something."""
    if not shows(sight.of_field(field)):
        return []
    stored = None if sight.withholds(row, field) else golden(row, field)
    shown_now = opened.get(stored) if isinstance(stored, Item) else stored
    one = _Lens(sight, field, opened, shown_now)
    found = [one.stated(value) for value in held.values.get(row.member_id, []) if value.field == field]
    kinds = {kind for kind, of in CONTACT_FIELDS.items() if of is field}
    found += [one.claimed(claim) for claim in held.claims.get(row.member_id, []) if claim.kind in kinds]
    return sorted(found, key=lambda value: value.observed_at, reverse=True)


@dataclass(frozen=True, slots=True)
class _Lens:
    sight: Sight
    field: ProfileField
    opened: Opened
    shown_now: object  # what the profile shows

    def stated(self, row: Row[Any]) -> ProfileValue:
        found = self._value(row, value_item(row), SourceStrength(row.strength), row.stated_at, is_held=True)
        if self.sight.withholds_value(row):
            return replace(found, value=NOT_CONSENTED, chosen=False)
        return found

    def claimed(self, row: Row[Any]) -> ProfileValue:
        """A phone or an address is a claim; what was typed counts as its channel's (identity/facts.py)."""
        typed = SourceStrength.STAFF if row.channel == Channel.STORE else SourceStrength.SELF_DECLARED
        return self._value(row, claim_item(row), typed, row.stated_to, is_held=row.status in HELD)

    def _value(
        self, row: Row[Any], item: Item, typed: SourceStrength, observed_at: datetime, *, is_held: bool
    ) -> ProfileValue:
        return ProfileValue(
            value=shown(self.sight.of_field(self.field), declaration(COLUMNS[self.field]).mask, item, self.opened),
            source=SourceStrength.VERIFIED if row.verified_at else typed,
            channel=Channel(row.channel),
            observed_at=observed_at,
            verified_at=row.verified_at,
            chosen=is_held and self.shown_now is not None and self.opened.get(item) == self.shown_now,
        )
