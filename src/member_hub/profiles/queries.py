"""What updating looks at: the channel accounts of a member, and which verified contacts it holds."""

from sqlalchemy import and_, select

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.speaking import Speaker, open_speakers
from member_hub.identity.tables import IdentityClaim, IdentityHint
from member_hub.ids import MemberId
from member_hub.members.reading import accounts_of

claim_t = table_of(IdentityClaim)
hint_t = table_of(IdentityHint)


async def speakers_of(tx: Tx, vault: Vault, member_id: MemberId) -> list[Speaker]:
    """The accounts of a member, the oldest first."""
    return await open_speakers(tx, vault, await accounts_of(tx, [member_id]))


async def held_verified(tx: Tx, member_id: MemberId) -> dict[ClaimKind, set[bytes]]:
    """The tokens of the verified phones and addresses by which a member is found."""
    statement = (
        select(claim_t.c.kind, hint_t.c.token)
        .join(hint_t, and_(hint_t.c.origin_id == claim_t.c.origin_id, hint_t.c.claim_id == claim_t.c.claim_id))
        .where(
            claim_t.c.member_id == member_id,
            claim_t.c.status == ClaimStatus.ACTIVE,
            claim_t.c.kind.in_((ClaimKind.PHONE, ClaimKind.EMAIL)),
        )
    )
    held: dict[ClaimKind, set[bytes]] = {}
    for kind, token in await tx.execute(statement):
        held.setdefault(ClaimKind(kind), set()).add(token)
    return held
