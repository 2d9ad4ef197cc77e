"""Members of a world who were told, agreed, refused or withdrew: by the events that the acts of the API record."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, select

from member_hub.consent.history.recording import record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot
from member_hub.consent.outside import remember
from member_hub.consent.tables import Objection
from member_hub.consent.words import Act, Actor, ConsentState
from member_hub.crypto import Ledger
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.identity.kinds import ClaimKind
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.queries import lock_members
from member_hub.members.tables import AgeBand, ChannelAccount
from member_hub.profiles import Forgotten, forget_consented
from tests.consent import deciding
from tests.consent.deciding import CATALOGUE
from tests.graphql.world import World

GATES = {("marketing", ""): 3, ("personalisation", ""): 4, ("marketing", "partner_brand"): 5}
SMS, EMAIL, PUSH = (Slot("marketing", "", channel) for channel in ("sms", "email", "app_push"))
PROFILES = Slot("personalisation")
KINDS = {"sms": ClaimKind.PHONE, "phone_call": ClaimKind.PHONE, "email": ClaimKind.EMAIL}
S = ConsentState

account_t = table_of(ChannelAccount)


@dataclass
class Consents:
    """What members decide in this world, under one notice."""

    world: World
    notice_id: UUID
    later: timedelta = timedelta()

    @classmethod
    async def of(cls, world: World, name: str = "n1") -> "Consents":
        return cls(world, await deciding.publish(world.hub, name, gates=GATES))  # type: ignore[arg-type]

    async def told(self, member: MemberId, band: AgeBand = AgeBand.ADULT) -> None:
        """A notice was put before the member, who is of this age."""
        hub, notice = self.world.hub, self.notice_id
        if band is AgeBand.CHILD:
            notice = await deciding.publish(hub, f"children-{member}", family="children")  # type: ignore[arg-type]
        await deciding.inform(hub, member, notice)  # type: ignore[arg-type]
        await deciding.aged(self.world.hub, member, band)  # type: ignore[arg-type]

    async def grants(self, member: MemberId, *slots: Slot, actor: Actor = Actor.MEMBER, **more: object) -> Forgotten:
        return await self._happen(member, Act.GRANT, S.GRANTED, slots, actor=actor, notice_id=self.notice_id, **more)

    async def agrees(self, member: MemberId, *slots: Slot) -> None:
        """Told, of age, and agreed."""
        await self.told(member)
        await self.grants(member, *slots)

    async def withdraws(self, member: MemberId, *slots: Slot) -> Forgotten:
        return await self._happen(member, Act.WITHDRAW, S.WITHDRAWN, slots)

    async def becomes(self, member: MemberId, act: Act, state: ConsentState, *slots: Slot) -> Forgotten:
        return await self._happen(member, act, state, slots)

    async def objects(self, member: MemberId, *scope: str) -> None:
        origin, others = await self.accounts(member)
        row = {"member_id": member, "objection_id": uuid7(), "origin_id": origin, "also": sorted(others)}
        how = {"scope": list(scope), "actor": "member", "placed_by": "member", "placed_at": self.world.clock.at}
        async with transaction(self.world.hub.database.app) as tx:
            await tx.execute(insert(table_of(Objection)), row | how)
            await settle(tx, [member], catalogue=CATALOGUE, now=self.world.clock.at)

    async def settles(self, *members: MemberId) -> None:
        await deciding.settled(self.world.hub, *members, now=self.world.clock.at)  # type: ignore[arg-type]

    def slot(self, channel: str, contact: str, purpose: str = "marketing", recipient: str = "") -> Slot:
        """A slot for one phone or address."""
        return Slot(purpose, recipient, channel, self.world.hub.vault.token(KINDS[channel], "", contact))

    async def accounts(self, member: MemberId) -> tuple[OriginId, frozenset[OriginId]]:
        """The member's first account, and the others."""
        statement = select(account_t.c.origin_id).where(account_t.c.member_id == member)
        async with transaction(self.world.hub.database.app) as tx:
            first, *others = sorted(map(OriginId, await tx.scalars(statement)))
        return first, frozenset(others)

    async def _happen(
        self, member: MemberId, act: Act, state: ConsentState, slots: tuple[Slot, ...], **more: object
    ) -> Forgotten:
        """As an act of the API: recorded, settled, and what it ends forgotten, in one transaction."""
        hub, now = self.world.hub, self._next()
        origin, others = await self.accounts(member)
        events = [
            replace(deciding.said(member, origin, act, state), **_about(slot, others, now), **more)  # type: ignore[arg-type]
            for slot in slots
        ]
        async with transaction(hub.database.app) as tx:
            await lock_members(tx, hub.vault, [member])
            await record(tx, hub.vault, events, now=now)
            await settle(tx, [member], catalogue=CATALOGUE, now=now)
            ledger, numbers = Ledger.open(hub.settings.ledger_dir), CATALOGUE.numbers
            gone = await forget_consented(tx, hub.vault, [member], numbers=numbers, now=now)
            await remember(ledger, gone.notes)
            return gone

    def _next(self) -> datetime:
        """Each act is a little later than the one before."""
        self.world.clock.at += timedelta(seconds=1)
        return self.world.clock.at


def _about(slot: Slot, others: frozenset[OriginId], now: datetime) -> dict[str, object]:
    kind = KINDS[slot.channel] if slot.contact is not None else None
    return {"also": others, "slot": slot, "contact_kind": kind, "occurred_at": now, "is_separate": True}
