"""What telling answers for: the tasks, which keep the member id that they began with (it leads to the root)."""

from collections.abc import Sequence

from member_hub.db.base import Tx
from member_hub.holding import MemberRows
from member_hub.ids import MemberId, OriginId
from member_hub.telling.actions import ask_after_all
from member_hub.telling.tables import NoticeTask


class TellingHolder(MemberRows):
    def __init__(self) -> None:
        super().__init__((NoticeTask,))

    async def give_back(
        self,
        tx: Tx,
        *,
        kept: MemberId,
        back: MemberId,
        origins: Sequence[OriginId],  # noqa: ARG002 (no task knows an account)
    ) -> None:
        """Two people after all: what was told to one for both, each is told."""
        await ask_after_all(tx, (kept, back))
