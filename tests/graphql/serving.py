"""What tests of showing members a notice share: whom it asks about what, and what goes on record of it."""

from datetime import timedelta

from member_hub.consent.words import ConsentState
from member_hub.ids import MemberId
from tests.graphql.world import World

S = ConsentState
DAY = timedelta(days=1)
PARTNER = {"purpose": "MARKETING", "recipient": "partner_brand", "channel": "SMS"}
ASKED = ("marketing", "", "sms", "serve_notice", "never_asked", "asked", "app")


async def outcome(world: World) -> tuple[str, str, list[str], list[MemberId]]:
    entry = (await world.audited())[-1]
    return (entry.operation, entry.outcome, entry.fields, entry.member_ids)
