"""The contact point of a decision: which phone or address of the member it is about, and which account holds it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import and_, select

from member_hub.consent.deciding.act_refusals import ContactUnknown
from member_hub.consent.deciding.holding import Held, member_t
from member_hub.consent.history.standing import Slot, Standing
from member_hub.consent.words import ContactChannel
from member_hub.crypto import CannotOpen, Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import BadInput
from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.tables import IdentityClaim, IdentityHint
from member_hub.ids import OriginId
from member_hub.privacy import DataClass

KINDS: Final[Mapping[ContactChannel, ClaimKind]] = MappingProxyType(
    {
        ContactChannel.SMS: ClaimKind.PHONE,
        ContactChannel.PHONE_CALL: ClaimKind.PHONE,
        ContactChannel.EMAIL: ClaimKind.EMAIL,
    }
)

claim_t = table_of(IdentityClaim)
hint_t = table_of(IdentityHint)


CONTACTS_MAX: Final = 50  # decisions of one member that name a phone or an address


def is_one_too_many(slot: Slot, found: Collection[Standing]) -> bool:
    """Whether this is about a contact point that the member has not decided about, and there is no room for more: each
    is looked at whenever anything about the member changes."""
    known = {one.slot for one in found if one.slot.contact is not None}
    return slot.contact is not None and slot not in known and len(known) >= CONTACTS_MAX


class NoContactPoint(BadInput):
    zh = "该渠道没有联系方式可填，或所填无法识别。"
    en = "This channel has no contact point, or what is stated is none."


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """A contact point: its blind index, and the account that holds it (None: none of the member's does any more)."""

    kind: ClaimKind
    token: bytes
    origin_id: OriginId | None


async def held_contact(
    tx: Tx, vault: Vault, held: Held, channel: ContactChannel | None, stated: str | None, *, field: str
) -> Contact | None:
    """The contact point to grant for: the one stated, or that of the golden profile; None for a channel without.

    Raises ContactUnknown for one that the member does not hold, NoContactPoint.
    """
    kind = KINDS.get(channel) if channel is not None else None
    if kind is None:
        if stated is not None:
            raise NoContactPoint(field=field)
        return None
    value = _read(kind, stated, field) if stated is not None else await _golden(tx, vault, held, kind)
    if value is None:
        raise ContactUnknown(field=field)
    holder = await _holder(tx, vault, held, kind, value)
    if holder is None:
        raise ContactUnknown(field=field)
    return Contact(kind, vault.token(kind, "", value), holder)


async def named_contact(
    tx: Tx, vault: Vault, held: Held, channel: ContactChannel | None, stated: str | None, *, field: str
) -> Contact | None:
    """The contact point to refuse for: nobody has to hold a number any more to say that it is not to be used."""
    if stated is None:
        return None
    kind = KINDS.get(channel) if channel is not None else None
    value = _read(kind, stated, field) if kind is not None else None
    if kind is None or value is None:
        raise NoContactPoint(field=field)
    return Contact(kind, vault.token(kind, "", value), await _holder(tx, vault, held, kind, value))


def _read(kind: ClaimKind, stated: str, field: str) -> str | None:
    read = normalise.identifier(kind, stated)
    if read.verdict in (normalise.Verdict.INVALID, normalise.Verdict.EMPTY):
        raise NoContactPoint(field=field)
    return read.value


async def _golden(tx: Tx, vault: Vault, held: Held, kind: ClaimKind) -> str | None:
    column = member_t.c.phone if kind is ClaimKind.PHONE else member_t.c.email
    sealed = await tx.scalar(select(column).where(member_t.c.member_id == held.member_id))
    if sealed is None:
        return None
    keys = await vault.keys_for(tx, [(held.member_id, DataClass.CONTACT)])
    try:
        return keys.open(column, held.member_id, sealed)
    except CannotOpen:
        return None


async def _holder(tx: Tx, vault: Vault, held: Held, kind: ClaimKind, value: str) -> OriginId | None:
    """Whichever account states it: verified before typed, then the one that said so last."""
    tokens = list(vault.tokens_all_versions(kind, "", value).values())
    statement = (
        select(claim_t.c.origin_id)
        .join(hint_t, and_(hint_t.c.origin_id == claim_t.c.origin_id, hint_t.c.claim_id == claim_t.c.claim_id))
        .where(
            claim_t.c.member_id == held.member_id,
            claim_t.c.status != ClaimStatus.RELEASED,
            hint_t.c.kind == kind,
            hint_t.c.token.in_(tokens),
        )
        .order_by((claim_t.c.status != ClaimStatus.ACTIVE), claim_t.c.stated_to.desc(), claim_t.c.origin_id)
        .limit(1)
    )
    found = await tx.scalar(statement)
    return None if found is None else OriginId(found)
