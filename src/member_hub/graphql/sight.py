"""How one caller sees members: what was fetched, which of it the grant shows, and what therefore has to be opened."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Row

from member_hub.access import Grant, Guard, Verdict, stricter
from member_hub.benefits.queries import Entitled
from member_hub.crypto import Item, Vault, sealed_row
from member_hub.graphql.consents import ConsentLens
from member_hub.graphql.member import OrdersAsked
from member_hub.graphql.points_views import PointsHeld
from member_hub.graphql.problems import Language
from member_hub.graphql.selection import Wanted
from member_hub.identity.facts import CONTACT_FIELDS
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.reading import claim_t
from member_hub.identity.tables import IdentityClaim
from member_hub.ids import MemberId
from member_hub.members import bits
from member_hub.members.reading import account_t, member_t, value_t
from member_hub.members.tables import ProfileValue as StoredValue
from member_hub.organisation import Organisation
from member_hub.privacy import Form, ProfileField, Purpose, declaration
from member_hub.tags.queries import Shown as ShownTag
from member_hub.tiers.explaining import Explained
from member_hub.tiers.queries import Standing
from member_hub.tiers.rules.model import Level

COLUMNS: Mapping[ProfileField, Column[Any]] = {field: member_t.c[field.value] for field in ProfileField}


@dataclass(frozen=True, slots=True)
class Held:
    """What was fetched for some members, still sealed."""

    members: Sequence[Row[Any]]
    accounts: Mapping[UUID, list[Row[Any]]]
    claims: Mapping[UUID, list[Row[Any]]]
    values: Mapping[UUID, list[Row[Any]]]
    consents: Mapping[UUID, list[Row[Any]]]
    tags: Mapping[MemberId, Sequence[ShownTag]]
    lines: Mapping[OrdersAsked, Mapping[Any, tuple[list[Row[Any]], bool]]]
    benefits: Mapping[MemberId, list[Entitled]]
    points: PointsHeld
    tiers: Mapping[UUID, Explained | tuple[Standing, Level]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sight:
    """How one caller sees members: what the grant shows of what is wanted."""

    grant: Grant
    wanted: Wanted
    organisation: Organisation
    vault: Vault
    lens: ConsentLens
    language: Language = Language.EN
    _verdicts: Mapping[ProfileField, Verdict] = field(init=False, repr=False, compare=False)
    _sees_all: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Decide once per request what is asked for every field of every member."""
        verdicts = {each: self.grant.read(f"member.{each}") for each in ProfileField}
        object.__setattr__(self, "_verdicts", verdicts)
        sees_all = self.grant.is_own or self.grant.purpose is Purpose.RIGHTS_HANDLING
        object.__setattr__(self, "_sees_all", sees_all)

    def of_field(self, field: ProfileField) -> Verdict:
        return self._verdicts[field]

    @property
    def loyalty(self) -> frozenset[str]:
        """Which of tier, points and benefits are asked for and shown; at the till as the policy says `present`."""
        return self.wanted.loyalty if self.grant.read(Guard.LOYALTY) is Verdict.CLEAR else frozenset()

    def withholds(self, row: Row[Any], field: ProfileField) -> bool:
        """Whether the grant would show the field, and the member consented to it for another purpose alone."""
        held = row.consented_fields  # of nearly everybody 0, and then nothing is looked at
        return bool(held) and not self._sees_all and not bits.is_held_for(held, field, self.grant.purpose)

    def withholds_value(self, row: Row[Any]) -> bool:
        """The same of one stated value."""
        return row.collected_for not in (None, self.grant.purpose.value) and not self._sees_all

    def of_claim(self, kind: ClaimKind) -> Verdict:
        return claim_verdict(self.grant, kind)

    def items(self, held: Held) -> Iterator[Item]:
        """Every sealed value that has to be opened."""
        fields = {f for f in self.wanted.opened | self.wanted.provenance if shows(self.of_field(f))}
        for row in held.members:
            seen = (f for f in fields if not self.withholds(row, f))
            yield from (item for f in seen if isinstance(item := golden(row, f), Item))
        if self.wanted.accounts_opened and shows(self.grant.read(Guard.ACCOUNTS)):
            yield from (account_item(row) for rows in held.accounts.values() for row in rows)
        for row in (row for rows in held.claims.values() for row in rows):
            kind = ClaimKind(row.kind)
            is_provenance = CONTACT_FIELDS.get(kind) in self.wanted.provenance and shows(self.of_claim_field(kind))
            if is_provenance or (self.wanted.identifiers_opened and shows(self.of_claim(kind))):
                yield claim_item(row)
        values = (row for rows in held.values.values() for row in rows)
        yield from (value_item(row) for row in values if not self.withholds_value(row))
        if self.wanted.consents_opened:
            decisions = (row for rows in held.consents.values() for row in rows)
            yield from (item for row in decisions if (item := self.lens.item(row)) is not None)

    def of_claim_field(self, kind: ClaimKind) -> Verdict:
        return self.of_field(CONTACT_FIELDS[kind]) if kind in CONTACT_FIELDS else Verdict.DENIED


def claim_verdict(grant: Grant, kind: ClaimKind) -> Verdict:
    """A phone among the identifiers needs both rights."""
    both = grant.read(Guard.IDENTIFIERS)
    return stricter(both, grant.read(f"member.{CONTACT_FIELDS[kind]}")) if kind in CONTACT_FIELDS else both


def shows(verdict: Verdict) -> bool:
    return verdict in (Verdict.CLEAR, Verdict.MASKED)


def golden(row: Row[Any], field: ProfileField) -> Item | str | None:
    """A field of the profile as it is stored."""
    stored = getattr(row, field.value)
    if stored is None or declaration(COLUMNS[field]).form is not Form.SEALED:
        return stored  # type: ignore[no-any-return]
    return Item(COLUMNS[field], row.member_id, stored)


def account_item(row: Row[Any]) -> Item:
    return Item(account_t.c.account, row.origin_id, row.account)


def claim_item(row: Row[Any]) -> Item:
    return Item(claim_t.c.value, row.origin_id, row.value, sealed_row(IdentityClaim, {"claim_id": row.claim_id}))


def value_item(row: Row[Any]) -> Item:
    place = sealed_row(StoredValue, {"field": row.field, "value_digest": row.value_digest})
    return Item(value_t.c.value, row.origin_id, row.value, place)
