"""What the members part answers for: the golden profile and the channel accounts with their values."""

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import null, update

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.holding import AccountRows, rows_where
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import ChannelAccount, Member, MemberStatus, MemberStore, ProfileValue
from member_hub.privacy import Erased, Held, OnErasure, Person, declaration

member_t = table_of(Member)
ACCOUNTS = AccountRows(moving=(ChannelAccount, ProfileValue, MemberStore))


class MembersHolder:
    """The member row stays as a tombstone without a value; everything else goes."""

    tables = ACCOUNTS.tables | {member_t.fullname}

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        async for held in rows_where(tx, Member, among(member_t.c.member_id, person.member_ids)):
            yield held
        async for held in ACCOUNTS.export_for(tx, person):
            yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        cleared = [c.name for c in member_t.c if declaration(c).on_erasure is OnErasure.CLEAR]
        statement = update(member_t).where(among(member_t.c.member_id, person.member_ids))
        empty = dict.fromkeys(cleared, null())
        gone = await tx.execute(
            statement.values(
                status=MemberStatus.ERASED,
                merged_into=null(),
                channels=0,
                consent_bits=0,
                restriction_bits=0,
                gate_until=null(),
                consented_fields=0,
                version=member_t.c.version + 1,
                **empty,
            )
        )
        accounts = await ACCOUNTS.erase_for(tx, person)
        return Erased({member_t.fullname: int(gone.rowcount)} | dict(accounts.counts))

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        await ACCOUNTS.absorb(tx, kept=kept, gone=gone)

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        await ACCOUNTS.give_back(tx, kept=kept, back=back, origins=origins)
