"""What the revealing part answers for: approvals that name a member."""

from collections.abc import AsyncIterator, Sequence

from member_hub.db.base import Tx
from member_hub.db.bulk import move_rows
from member_hub.holding import MemberRows
from member_hub.ids import MemberId, OriginId
from member_hub.privacy import Erased, Held, Person
from member_hub.revealing.actions import void
from member_hub.revealing.tables import Approval

ROWS = MemberRows((Approval,))


class ApprovalsHolder:
    """An approval goes with its member, and ends where the member turns out to be two people."""

    tables = ROWS.tables

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        async for held in ROWS.export_for(tx, person):
            yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        return await ROWS.erase_for(tx, person)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        await move_rows(tx, Approval, source=gone, target=kept)

    async def give_back(
        self,
        tx: Tx,
        *,
        kept: MemberId,
        back: MemberId,  # noqa: ARG002 - nobody can say which of the two was meant
        origins: Sequence[OriginId],  # noqa: ARG002
    ) -> None:
        await void(tx, kept)
