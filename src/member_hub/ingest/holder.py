"""What ingest answers for: rows in quarantine that are about the person.

Context: a refused row is known by the identifiers in it, and other people have some of these, too: a family its phone,
a store its tablet, a recycled number its new owner. Decision: a row that has the number of a known account is about
that account's member. Any other row is erased with whoever states one of its identifiers; it is given out to them only
if nobody else states that one, nor any other in the row. A device says nothing about anybody. Price: a row that has
nothing but a family's phone goes with the first of them, and its source has to send it again.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, and_, case, delete, select, tuple_

from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, table_of, values_of
from member_hub.holding import rows_where
from member_hub.identity.kinds import CONNECTING_KINDS
from member_hub.identity.statements import own_kind
from member_hub.identity.tables import IdentityHint
from member_hub.ids import MemberId, OriginId
from member_hub.ingest.tables import Quarantine
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.privacy import DataClass, Erased, Held, Person

quarantine_t = table_of(Quarantine)
hint_t = table_of(IdentityHint)
account_t = table_of(ChannelAccount)

RowKey = tuple[UUID, int]  # run and line
KEY_COLUMNS = ("run_id", "line")


class IngestHolder:
    """A run's key seals rows of many people: erasing one of them renews it for the others."""

    tables = frozenset({quarantine_t.fullname})

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        rows, others = await _mentioning(tx, person)
        given_out = [key for key, tokens in rows.items() if given_out_with(person, tokens, others)]
        async for held in rows_where(tx, Quarantine, tuple_(*_keys()).in_(given_out)):
            yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        rows, others = await _mentioning(tx, person)
        gone = [key for key, tokens in rows.items() if goes_with(person, tokens, others)]
        given = values_of(_keys())
        statement = delete(quarantine_t).where(and_(*(quarantine_t.c[name] == given.c[name] for name in KEY_COLUMNS)))
        deleted = int((await tx.execute(statement, parameters(KEY_COLUMNS, gone))).rowcount)
        runs = sorted({run_id for run_id, _ in gone})
        return Erased({quarantine_t.fullname: deleted}, rekey=[(run, DataClass.INTAKE) for run in runs])

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        """Nothing moves."""

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        """Nothing moves."""


@dataclass(frozen=True, slots=True)
class Others:
    """Tokens in some rows that other people's accounts state, and those that are such an account's own number."""

    stated: Collection[bytes]
    numbers: Collection[bytes]


def goes_with(person: Person, tokens: Collection[bytes], others: Others) -> bool:
    """Whether a row with these tokens, one of them the person's, is erased with the person."""
    return _has(tokens, person.own_numbers) or not _has(tokens, others.numbers)


def given_out_with(person: Person, tokens: Collection[bytes], others: Others) -> bool:
    """Whether such a row is in the person's copy."""
    if _has(tokens, others.numbers):
        return False
    mine, stated = set(person.tokens), set(others.stated)
    return _has(tokens, person.own_numbers) or (_has(tokens, mine - stated) and not _has(tokens, stated - mine))


def _has(tokens: Collection[bytes], some: Collection[bytes]) -> bool:
    return not set(tokens).isdisjoint(some)


async def _mentioning(tx: Tx, person: Person) -> tuple[dict[RowKey, list[bytes]], Others]:
    """The rows in quarantine that have an identifier of the person, with their tokens; and what of these is others'."""
    statement = select(*_keys(), quarantine_t.c.hint_tokens).where(quarantine_t.c.hint_tokens.overlap(person.tokens))
    rows = {(row.run_id, row.line): row.hint_tokens for row in await tx.execute(statement.order_by(*_keys()))}
    return rows, await _others(tx, person, {token for tokens in rows.values() for token in tokens})


async def _others(tx: Tx, person: Person, tokens: Collection[bytes]) -> Others:
    own = case((account_t.c.channel == Channel.STORE, own_kind(Channel.STORE)), else_=own_kind(Channel.WEBSITE))
    statement = (
        select(hint_t.c.token, (hint_t.c.kind == own).label("is_number"))
        .join(account_t, account_t.c.origin_id == hint_t.c.origin_id)
        .where(
            hint_t.c.kind.in_(sorted(CONNECTING_KINDS)),
            among(hint_t.c.token, tokens),
            ~among(hint_t.c.origin_id, person.origin_ids),
        )
    )
    rows = (await tx.execute(statement)).all()
    return Others({row.token for row in rows}, {row.token for row in rows if row.is_number})


def _keys() -> list[Column[Any]]:
    return [quarantine_t.c[name] for name in KEY_COLUMNS]
