"""Asking just before something is sent, for tests: of whom, over what, and what was answered."""

from typing import Any

from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import Member
from tests.graphql.agreeing import Consents
from tests.graphql.world import World

SEND = """mutation ($input: AuthoriseSendInput!) { authoriseSend(input: $input) {
  answers { member currentId allowed reason epoch changed contact { value state } } userErrors { field code } } }"""
PHONE = "+8613912345671"  # the southern member's
member_t = table_of(Member)


async def asked(
    world: World, *members: object, purpose: str = "MARKETING", channel: str = "SMS", **more: Any
) -> dict[str, Any]:
    items = [one if isinstance(one, dict) else {"member": str(one)} for one in members]
    stated = {"purpose": purpose, "channel": channel, "items": items, **more}
    found = await world.ask("app_crm", SEND, variables={"input": stated}, purpose=purpose.lower())
    answered: dict[str, Any] = found["authoriseSend"]
    return answered


async def reasons(world: World, *members: object, **about: Any) -> list[str]:
    found = (await asked(world, *members, **about))["answers"]
    assert [one["allowed"] for one in found] == [one["reason"] == "ALLOWED" for one in found]
    return [one["reason"] for one in found]


async def by_phone(world: World, member: MemberId, phone: str = PHONE) -> Consents:
    """The member agreed to text messages to this number."""
    consents = await Consents.of(world)
    await consents.agrees(member, consents.slot("sms", phone))
    return consents
