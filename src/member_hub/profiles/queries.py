"""What updating looks at: the channel accounts of a member, and which verified contacts it holds."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import and_, select

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import Conflict
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.speaking import Speaker, open_speakers
from member_hub.identity.tables import IdentityClaim, IdentityHint
from member_hub.ids import MemberId
from member_hub.members.reading import accounts_of
from member_hub.members.tables import Channel

claim_t = table_of(IdentityClaim)
hint_t = table_of(IdentityHint)

_SPEAKS: Final = (Channel.WEBSITE, Channel.APP, Channel.STORE)


async def speakers_of(tx: Tx, vault: Vault, member_id: MemberId) -> list[Speaker]:
    """The accounts of a member, the oldest first."""
    return await open_speakers(tx, vault, await accounts_of(tx, [member_id]))


def speaking(accounts: Sequence[Speaker]) -> Speaker:
    """Through which of the accounts the statement is made; of several the one seen last."""
    if not accounts:
        raise Conflict("This member has no channel account.", zh="该会员没有渠道账号。", field="id")
    return min(accounts, key=lambda a: (_SPEAKS.index(a.channel), -a.last_seen_at.timestamp()))


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
