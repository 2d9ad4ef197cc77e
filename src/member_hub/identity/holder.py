"""What the identity part answers for: claims, tokens, hints, and what was noted about pairs of accounts."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, or_

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.holding import AccountRows, rows_where
from member_hub.identity.tables import IdentityClaim, IdentityHint, IdentityToken, NeverMerge, ReviewCandidate
from member_hub.ids import MemberId, OriginId
from member_hub.privacy import Erased, Held, Person

CLAIMS = AccountRows(moving=(IdentityClaim,))
TOKENS = AccountRows(staying=(IdentityToken, IdentityHint))
PAIRS = (ReviewCandidate, NeverMerge)


class IdentityHolder:
    """Tokens are re-pointed by resolution, which runs in the same transaction as every merge and split."""

    tables = CLAIMS.tables | TOKENS.tables | {table_of(pair).fullname for pair in PAIRS}

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        async for held in CLAIMS.export_for(tx, person):
            yield held
        for pair in PAIRS:
            async for held in rows_where(tx, pair, _touches(pair, person)):
                yield _without_the_other(held, person)

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts = dict((await CLAIMS.erase_for(tx, person)).counts)
        counts |= (await TOKENS.erase_for(tx, person)).counts
        for pair in PAIRS:
            table = table_of(pair)
            counts[table.fullname] = int((await tx.execute(delete(table).where(_touches(pair, person)))).rowcount)
        return Erased(counts)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        await CLAIMS.absorb(tx, kept=kept, gone=gone)

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        await CLAIMS.give_back(tx, kept=kept, back=back, origins=origins)


def _touches(pair: type[Any], person: Person) -> ColumnElement[bool]:
    columns = table_of(pair).c
    return or_(among(columns.origin_a, person.origin_ids), among(columns.origin_b, person.origin_ids))


def _without_the_other(held: Held, person: Person) -> Held:
    """That there is a pair is about the person; who the other one is, is not theirs to know."""
    others = {side for side in ("origin_a", "origin_b") if held.record[side] not in person.origin_ids}
    return Held(held.model, {name: None if name in others else value for name, value in held.record.items()})
