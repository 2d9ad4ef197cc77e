"""The read side of identity: what identifies some members, each identifier once, in one statement."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, and_, case, select

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.tables import IdentityClaim, IdentityHint
from member_hub.ids import MemberId
from member_hub.members.tables import ChannelAccount

claim_t = table_of(IdentityClaim)
hint_t = table_of(IdentityHint)
account_t = table_of(ChannelAccount)

# What holds best first: an identifier that several accounts state is shown as the best of them has it.
_RANKS = {
    ClaimStatus.ACTIVE: 1,
    ClaimStatus.UNVERIFIED: 2,
    ClaimStatus.DEMOTED: 3,
    ClaimStatus.SHARED: 4,
    ClaimStatus.RELEASED: 5,
}


async def claims_of(tx: Tx, member_ids: Sequence[MemberId], kinds: Collection[ClaimKind]) -> Sequence[Row[Any]]:
    """Every claim of these kinds, sealed, with its channel and its token, what holds best first."""
    rank = case(
        {status.value: number for status, number in _RANKS.items()}, value=claim_t.c.status, else_=len(_RANKS) + 1
    )
    own = claim_t.c.member_id == member_ids[0] if len(member_ids) == 1 else among(claim_t.c.member_id, member_ids)
    statement = (
        select(claim_t, hint_t.c.token, account_t.c.channel)
        .join(hint_t, and_(hint_t.c.origin_id == claim_t.c.origin_id, hint_t.c.claim_id == claim_t.c.claim_id))
        .join(
            account_t, and_(account_t.c.member_id == claim_t.c.member_id, account_t.c.origin_id == claim_t.c.origin_id)
        )
        .where(own, claim_t.c.kind.in_([kind.value for kind in kinds]))
        .order_by(rank, claim_t.c.stated_to.desc(), claim_t.c.claim_id)
    )
    return (await tx.execute(statement)).all()
