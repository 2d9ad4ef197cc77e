"""What signing in answers for: codes by the number, sessions by the member.

A number that others state, too, says nothing about this person alone: codes asked for with it are erased with any of
them, and given out to whoever holds it; where nobody does, only to the one who alone states it.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, or_, select

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.holding import rows_where
from member_hub.identity.tables import IdentityHint, IdentityToken
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import Member
from member_hub.privacy import Erased, Held, Person
from member_hub.sign_in.tables import OneTimeCode, SecondTry, Session

BY_NUMBER: tuple[type[Any], ...] = (OneTimeCode, SecondTry)
member_t, session_t = table_of(Member), table_of(Session)
hint_t, token_t = table_of(IdentityHint), table_of(IdentityToken)
OF_MEMBER: tuple[type[Any], ...] = (Session,)


class SignInHolder:
    """Sessions keep the member id they began with: it leads to the root (queries.acting_member)."""

    tables = frozenset(table_of(model).fullname for model in (*BY_NUMBER, *OF_MEMBER))

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        for model in BY_NUMBER:
            async for held in rows_where(tx, model, _of_number(model, person)):
                yield held
        for model in OF_MEMBER:
            async for held in rows_where(tx, model, _of(model, person)):
                yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts: dict[str, int] = {}
        for model in BY_NUMBER:
            table = table_of(model)
            done = await tx.execute(delete(table).where(among(table.c.phone_token, person.tokens)))
            counts[table.fullname] = int(done.rowcount)
        for model in OF_MEMBER:
            table = table_of(model)
            counts[table.fullname] = int((await tx.execute(delete(table).where(_of(model, person)))).rowcount)
        return Erased(counts)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        """Nothing moves."""

    async def give_back(
        self,
        tx: Tx,
        *,
        kept: MemberId,
        back: MemberId,
        origins: Sequence[OriginId],  # noqa: ARG002 (no session knows its account)
    ) -> None:
        """Whoever signed in with any of the ids may be either of the two by now: their sessions end.

        Price: both sign in again, also the one to whom nothing happened.
        """
        parted = (kept, back)
        ids = select(member_t.c.member_id).where(
            or_(among(member_t.c.member_id, parted), among(member_t.c.merged_into, parted))
        )
        await tx.execute(delete(session_t).where(session_t.c.member_id.in_(ids)))


def _of(model: type[Any], person: Person) -> ColumnElement[bool]:
    return among(table_of(model).c.member_id, person.member_ids)


def _of_number(model: type[Any], person: Person) -> ColumnElement[bool]:
    """Asked with a number that this person holds, or alone states."""
    number = table_of(model).c.phone_token
    others = exists(
        select(hint_t.c.origin_id).where(hint_t.c.token == number, ~among(hint_t.c.origin_id, person.origin_ids))
    )
    holds = exists(
        select(token_t.c.origin_id).where(token_t.c.token == number, among(token_t.c.origin_id, person.origin_ids))
    )
    return among(number, person.tokens) & (holds | ~others)
