"""By what a member can be told something; a merged id leads to the member that it was merged into."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from member_hub.crypto import Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.tables import IdentityClaim
from member_hub.ids import MemberId
from member_hub.members.bits import channel_bit, restriction_mask
from member_hub.members.tables import Member, MemberStatus
from member_hub.privacy import DataClass
from member_hub.telling.kinds import CHANNELS, MANNERS, By, Kind
from member_hub.telling.rules import gets_messages

claim_t = table_of(IdentityClaim)
member_t = table_of(Member)


@dataclass(frozen=True, slots=True, repr=False)
class Way:
    """`appid` goes with an openid."""

    by: By
    to: str
    appid: str | None = None


async def root_of(tx: Tx, member_id: MemberId) -> MemberId:
    statement = select(func.coalesce(member_t.c.merged_into, member_t.c.member_id))
    found: UUID | None = await tx.scalar(statement.where(member_t.c.member_id == member_id))
    return MemberId(found) if found is not None else member_id


async def open_ways(tx: Tx, member_id: MemberId, kind: Kind) -> Sequence[By]:
    """The ways of this kind that no objection closes, in their order (consent/deciding/sending.py says the same of
    others who send)."""
    manner = MANNERS[kind]
    if manner.purpose is None:
        return manner.ways
    columns = (member_t.c.status, member_t.c.restriction_bits)
    row = (await tx.execute(select(*columns).where(member_t.c.member_id == member_id))).one_or_none()
    if row is None or row.status == MemberStatus.RESTRICTED:
        return ()
    for_it = restriction_mask(manner.purpose)
    return [by for by in manner.ways if not row.restriction_bits & (for_it | channel_bit(CHANNELS[by]))]


async def way_to(tx: Tx, vault: Vault, member_id: MemberId, by: By, *, is_verified: bool = False) -> Way | None:
    """This way to a member, who is no merged one; None where there is none. Raises CannotOpen.

    `is_verified`: an e-mail address only if it was verified; an app and a phone are in any case.
    """
    match by:
        case By.EMAIL:
            return await (_verified_email if is_verified else _email)(tx, vault, member_id)
        case By.OPENID:
            return await _openid(tx, vault, member_id)
        case By.SMS:
            return await _phone(tx, vault, member_id)


async def _email(tx: Tx, vault: Vault, member_id: MemberId) -> Way | None:
    sealed = await tx.scalar(select(member_t.c.email).where(member_t.c.member_id == member_id))
    if sealed is None:
        return None
    keys = await vault.keys_for(tx, [(member_id, DataClass.CONTACT)])
    return Way(By.EMAIL, keys.open(member_t.c.email, member_id, sealed))


async def _verified_email(tx: Tx, vault: Vault, member_id: MemberId) -> Way | None:
    row = await _newest(tx, member_id, ClaimKind.EMAIL)
    return None if row is None else Way(By.EMAIL, await _opened(tx, vault, row))


async def _openid(tx: Tx, vault: Vault, member_id: MemberId) -> Way | None:
    row = await _newest(tx, member_id, ClaimKind.OPENID)
    return None if row is None else Way(By.OPENID, await _opened(tx, vault, row), row.namespace)


async def _phone(tx: Tx, vault: Vault, member_id: MemberId) -> Way | None:
    """The number that the member holds, verified, if messages are sent to it: the partition leaves the newest one.

    However long ago it was verified: most of what the first files bring is years old, and whoever could be asked anew
    has to be reached first. Price: a number that was given out again since tells its new holder that somebody is a
    member.
    """
    row = await _newest(tx, member_id, ClaimKind.PHONE)
    number = None if row is None else await _opened(tx, vault, row)
    return Way(By.SMS, number) if number is not None and gets_messages(number) else None


async def _newest(tx: Tx, member_id: MemberId, kind: ClaimKind) -> Row[Any] | None:
    statement = (
        select(claim_t)
        .where(claim_t.c.member_id == member_id, claim_t.c.kind == kind, claim_t.c.status == ClaimStatus.ACTIVE)
        .order_by(claim_t.c.stated_to.desc())
        .limit(1)
    )
    return (await tx.execute(statement)).one_or_none()


async def _opened(tx: Tx, vault: Vault, row: Row[Any]) -> str:
    keys = await vault.keys_for(tx, [(row.origin_id, DataClass.IDENTIFIER)])
    return keys.open(
        claim_t.c.value, row.origin_id, row.value, row=sealed_row(IdentityClaim, {"claim_id": row.claim_id})
    )
