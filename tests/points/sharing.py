"""Earnings that share a commit, as an app's reach has them: what the writer leaves is done by itself, as in the API."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from member_hub import points
from member_hub.access import RowScope
from member_hub.db import Database, transaction
from member_hub.db.base import Tx
from member_hub.ids import MemberId
from member_hub.members.reading import Visible
from member_hub.members.row_gate import RowGate
from member_hub.points import Asked, Earning, LotKind, Receipt, Together, Wish
from member_hub.points.rules import FULL_BP
from member_hub.privacy import Purpose
from tests.points.desk import NOW, staff

YUAN_100 = Earning(LotKind.PURCHASE, 10_000)
OBJECTED = 1  # bit of an objection that hides a row of OF_BRAND


def _gate(*, restricted: int = OBJECTED, staff_role: str | None = None) -> RowGate:
    return RowGate(
        purpose=Purpose.MEMBER_SERVICE,
        recipient="",
        handler="brand",
        restricted=restricted,
        staff_role=staff_role,
        stores=frozenset(),
        subject="till",
        needs_consent=False,
        at=NOW,
    )


OF_BRAND = Visible(RowScope.HANDLER, frozenset(), "brand", None, NOW, _gate())
OF_ALL = Visible(RowScope.ALL, frozenset(), None, None, NOW, _gate())
OF_ANOTHER = Visible(RowScope.HANDLER, frozenset(), "another", None, NOW, _gate())
OF_STAFF = Visible(RowScope.HANDLER, frozenset(), "brand", None, NOW, _gate(staff_role="store_clerk"))


async def untiered(tx: Tx, held: Sequence[tuple[MemberId, datetime]], now: datetime) -> list[int]:
    return [FULL_BP] * len(held)


class Shared:
    """One process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.together = Together(database.app, untiered)
        self.left = 0  # to be done by itself

    async def earn(
        self,
        member_id: MemberId,
        asked: Asked,
        *,
        earning: Earning = YUAN_100,
        visible: Visible = OF_BRAND,
        channel: str | None = None,
        on_record: Callable[[Receipt], Awaitable[None]] | None = None,
    ) -> Receipt:
        done = await self.together.earn(Wish(staff(), visible, member_id, asked, earning, channel, on_record))
        if done is not None:
            return done
        self.left += 1
        async with transaction(self.database.app) as tx:
            return await points.earn(tx, staff(), member_id, asked=asked, earning=earning, channel=channel)
