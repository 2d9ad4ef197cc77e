"""By what a member can be told something."""

from typing import Any

from sqlalchemy import Row, select

from member_hub.crypto import Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.tables import IdentityClaim
from member_hub.ids import MemberId
from member_hub.members.tables import Member
from member_hub.privacy import DataClass

claim_t = table_of(IdentityClaim)
member_t = table_of(Member)


async def reachable_by(tx: Tx, vault: Vault, member_id: MemberId) -> tuple[str | None, tuple[str, str] | None]:
    """The e-mail address of a member's profile; an (appid, openid) of theirs. What does not open is not there."""
    row = (await tx.execute(select(member_t.c.email).where(member_t.c.member_id == member_id))).one_or_none()
    keys = await vault.keys_for(tx, [(member_id, DataClass.CONTACT)])
    email = keys.open(member_t.c.email, member_id, row.email) if row is not None and row.email is not None else None
    return email, await _openid(tx, vault, member_id)


async def _openid(tx: Tx, vault: Vault, member_id: MemberId) -> tuple[str, str] | None:
    statement = (
        select(claim_t)
        .where(
            claim_t.c.member_id == member_id,
            claim_t.c.kind == ClaimKind.OPENID,
            claim_t.c.status == ClaimStatus.ACTIVE,
        )
        .order_by(claim_t.c.stated_to.desc())
        .limit(1)
    )
    row: Row[Any] | None = (await tx.execute(statement)).one_or_none()
    if row is None:
        return None
    keys = await vault.keys_for(tx, [(row.origin_id, DataClass.IDENTIFIER)])
    place = sealed_row(IdentityClaim, {"claim_id": row.claim_id})
    return row.namespace, keys.open(claim_t.c.value, row.origin_id, row.value, row=place)
