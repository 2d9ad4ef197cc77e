"""A member held for a decision: the root row locked, the accounts that speak for it, all that was decided before.

Decision: `turn`, as of when an act goes on record, lies behind everything on record about the member, if need be by a
microsecond. Two requests take their time before either has the lock, and clocks of two machines differ; what stands
must follow the order in which the lock was had, or a withdrawal could lose to a grant that came before it. What the act
is judged and settled by is the time that it is: a clock that was wrong once must not open what is not in force yet.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.access import Caller, Register
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.deciding.acting import Acting, acting_of
from member_hub.consent.history.reading import Decisions, decisions_of
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.db.direct import Direct
from member_hub.errors import Conflict, NotFound
from member_hub.ids import MemberId, OriginId
from member_hub.members.reading import Visible, account_t, find, ids_of_person
from member_hub.members.tables import AgeBand, Channel, Member

TRIES_MAX: Final = 4  # where others merge the member while it is looked for
GAP_MAX: Final = timedelta(minutes=2)  # between the clocks of two machines; more is logged
_TICK: Final = timedelta(microseconds=1)
_SPEAKS: Final = (Channel.WEBSITE, Channel.APP, Channel.STORE)

member_t = table_of(Member)
_ROW: Final = select(member_t.c.member_id).where(member_t.c.member_id == bindparam("root", type_=PgUuid()))
_LOCKED: Final = Direct(_ROW.with_for_update())
_SHARED: Final = Direct(_ROW.with_for_update(read=True))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class Desk:
    """What acts on consent are judged by and written with; the same for every request."""

    vault: Vault
    catalogue: Catalogue
    register: Register


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """A root member whose row is locked until the transaction ends, and who acts for it."""

    acting: Acting
    member_id: MemberId
    person: Sequence[MemberId]  # the root first, then what was merged into it
    speaker: OriginId  # through which account a decision is made that names none
    decided: Decisions
    now: datetime
    turn: datetime  # recorded_at of what happens now

    @property
    def is_child(self) -> bool:
        return self.decided.age_band is AgeBand.CHILD

    def others(self, origin: OriginId) -> frozenset[OriginId]:
        """An act of the member is one for every account that is theirs at the moment."""
        return self.decided.origins - {origin}


async def hold(tx: Tx, caller: Caller, visible: Visible, member_id: MemberId | None, *, now: datetime) -> Held:
    """Lock the member behind an id in reach. Raises NotFound (also for one out of reach), Conflict without accounts."""
    root = await locked_in_reach(tx, visible, member_id)
    decided = (await decisions_of(tx, [root]))[root]
    latest = max((event.recorded_at for event in decided.events), default=now - _TICK)
    if (ahead := latest - now) > GAP_MAX:
        _log.warning("What is on record of member %s is %d s ahead of the clock.", root, int(ahead.total_seconds()))
    return Held(
        acting=acting_of(caller, visible.rows),
        member_id=root,
        person=await ids_of_person(tx, root),
        speaker=await _speaker(tx, root),
        decided=decided,
        now=now,
        turn=max(now, latest + _TICK),
    )


async def locked_in_reach(
    tx: Tx, visible: Visible, member_id: MemberId | None, *, field: str = "member", is_shared: bool = False
) -> MemberId:
    """The root behind an id, locked until the transaction ends. Raises NotFound, also for one out of reach.

    Looked for again under the lock: a link, an approval or a purchase may have ended while this waited, and whoever
    ended it was told that it is over. `is_shared`: for acts that change nothing of the member's own row.
    """
    root = await _root_in_reach(tx, visible, member_id, field)
    for _ in range(TRIES_MAX):
        await (_SHARED if is_shared else _LOCKED).one(tx, {"root": root})
        held, root = root, await _root_in_reach(tx, visible, member_id, field)
        if held == root:
            return root
    raise Conflict(field=field)


async def _root_in_reach(tx: Tx, visible: Visible, member_id: MemberId | None, field: str) -> MemberId:
    found = await find(tx, visible, [member_id]) if member_id is not None else {}
    if member_id is None or member_id not in found:
        raise NotFound(field=field)
    return MemberId(found[member_id].member_id)


async def _speaker(tx: Tx, root: MemberId) -> OriginId:
    columns = (account_t.c.origin_id, account_t.c.channel, account_t.c.last_seen_at)
    rows = (await tx.execute(select(*columns).where(account_t.c.member_id == root))).all()
    if not rows:
        raise Conflict("This member has no channel account.", zh="该会员没有渠道账号。", field="member")
    first = min(rows, key=lambda a: (_SPEAKS.index(Channel(a.channel)), -a.last_seen_at.timestamp(), a.origin_id))
    return OriginId(first.origin_id)
