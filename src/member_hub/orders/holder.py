"""What the orders part answers for: order lines, activity, and lines that wait for an account of the person."""

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import delete

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.holding import AccountRows, rows_where
from member_hub.ids import MemberId, OriginId
from member_hub.orders.tables import Activity, OrderLine, WaitingLine
from member_hub.privacy import Erased, Held, Person

FILED = AccountRows(staying=(OrderLine, Activity))
waiting_t = table_of(WaitingLine)


class OrdersHolder:
    """Rows are filed under a member id for life and read by account: merging and splitting move none of them."""

    tables = FILED.tables | {waiting_t.fullname}

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        async for held in FILED.export_for(tx, person):
            yield held
        async for held in rows_where(tx, WaitingLine, among(waiting_t.c.account_token, person.tokens)):
            yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        counts = dict((await FILED.erase_for(tx, person)).counts)
        gone = delete(waiting_t).where(among(waiting_t.c.account_token, person.tokens))
        subjects = [row[0] for row in await tx.execute(gone.returning(waiting_t.c.subject_id))]
        return Erased(counts | {waiting_t.fullname: len(subjects)}, destroy=sorted(set(subjects)))

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        """Nothing moves."""

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        """Nothing moves."""
