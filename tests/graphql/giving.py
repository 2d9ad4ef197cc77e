"""Giving consent, for tests: evidence, what an answer is then, and a refusal that changed nothing."""

from typing import Any

from tests.graphql.consents import bits_of, give, passed, said_on_record
from tests.graphql.world import People, World

EVIDENCE = {"kind": "SIGNED_SLIP", "reference": "slip 17 / SH001"}
SMS_ASKED, PERSONAL_ASKED, PARTNER_ASKED = "marketing::sms", "personalisation::", "marketing:partner_brand:sms"
STAFF = {"role": "support_agent", "subject": "S-1042"}
GRANTED_SMS = ([("GRANTED", "MARKETING", None, "SMS")], [])


async def refused(world: World, people: People, served: str | None, *what: Any, **more: Any) -> tuple[str | None, str]:
    """Where and why it was refused; nothing is recorded or set by it, and it stands in the audit log."""
    before, bits = await passed(world), await bits_of(world, people.whole)

    stands, errors = await give(world, people.whole, served, *what, **more)

    assert stands == []
    assert (await passed(world), await bits_of(world, people.whole)) == (before, bits)
    (found,) = errors
    assert (await said_on_record(world))[-1][:2] == ("consentGive", found[1])
    return tuple(found)
