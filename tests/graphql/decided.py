"""A member who decided something, and how to ask where it stands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from member_hub.consent.history.standing import Slot
from member_hub.consent.words import Act, ConsentState
from member_hub.db import transaction
from member_hub.identity.kinds import ClaimKind
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import AgeBand
from tests.consent.deciding import aged, happen, inform, publish, said
from tests.graphql.world import WHOLE, People, World

FIELDS = """
purpose recipient { name label { zh en } } channel contact { value display state } state inForce since endsAt
notice { id name } givenBy staleSince eventId
"""
CONSENTS = f"query ($member: ID) {{ consents(member: $member) {{ {FIELDS} }} }}"


@dataclass
class Decided:
    """The member who has everything, and said yes to text messages at their number."""

    world: World
    member: MemberId
    origin: OriginId
    notice: UUID
    slot: Slot

    async def happen(self, act: Act, to: ConsentState, **more: Any) -> UUID:
        about: dict[str, Any] = {"slot": self.slot, "contact_kind": "phone", "notice_id": self.notice, **more}
        (event,) = await happen(self.world.hub, said(self.member, self.origin, act, to, **about), now=self.now)
        return event

    @property
    def now(self) -> datetime:
        return self.world.clock.at

    async def ask(self, role: str = "member", **about: Any) -> list[dict[str, Any]]:
        if role == "member":
            return (await self.world.ask(role, CONSENTS, member=self.member, **about))["consents"]
        variables = {"member": str(self.member)}
        return (await self.world.ask(role, CONSENTS, variables=variables, **about))["consents"]


async def decide(world: World, people: People) -> Decided:
    hub = world.hub
    notice = await publish(hub, "general-2026-01", gates={("marketing", ""): 3, ("personalisation", ""): 4})
    await inform(hub, people.whole, notice)
    await aged(hub, people.whole, AgeBand.ADULT)
    async with transaction(hub.database.app) as tx:
        origin = await tx.scalar(
            text("SELECT origin_id FROM hub.channel_account WHERE member_id = :m AND channel = 'website'"),
            {"m": people.whole},
        )
    contact = hub.vault.token(ClaimKind.PHONE, "", WHOLE["phone"])
    one = Decided(world, people.whole, OriginId(origin), notice, Slot("marketing", "", "sms", contact))
    await one.happen(Act.GRANT, ConsentState.GRANTED)
    return one
