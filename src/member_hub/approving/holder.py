"""What the approving part answers for: proposals that name a member."""

from collections.abc import AsyncIterator, Sequence

from member_hub.approving.actions import void
from member_hub.approving.tables import ActApproval
from member_hub.db.base import Tx
from member_hub.holding import MemberRows
from member_hub.ids import MemberId, OriginId
from member_hub.privacy import Erased, Held, Person

ROWS = MemberRows((ActApproval,))


class ActApprovalsHolder:
    """A proposal goes with its member, and ends where the member is merged into another or turns out to be two."""

    tables = ROWS.tables
    idle_without = ROWS.models

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        async for held in ROWS.export_for(tx, person):
            yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        return await ROWS.erase_for(tx, person)

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:  # noqa: ARG002 - theirs stand
        await void(tx, gone)

    async def give_back(
        self,
        tx: Tx,
        *,
        kept: MemberId,
        back: MemberId,  # noqa: ARG002 - nobody can say which of the two was meant
        origins: Sequence[OriginId],  # noqa: ARG002
    ) -> None:
        await void(tx, kept)
