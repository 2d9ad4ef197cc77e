"""How many phones and addresses one member decides about: each is looked at whenever anything about them changes."""

from member_hub.consent.deciding import contacts
from tests.graphql.consents import REFUSE, SMS, aged, asked, bits_of, deny, give, history, published, said_on_record
from tests.graphql.world import People, World


async def test_beyond_the_cap_a_no_counts_for_the_whole_channel_and_a_yes_is_refused(
    world: World, people: People
) -> None:
    await aged(world, people.whole)
    for n in range(contacts.CONTACTS_MAX):
        assert (await deny(world, people.whole, REFUSE, channel="SMS", contact=f"+8613912{n:06d}"))[1] == []
    served = await asked(world, people.whole, await published(world), "marketing::sms")
    before = await history(world)
    assert await give(world, people.whole, served, SMS) == ([], [("purposes", "TOO_MANY_CONTACTS")])
    assert (await history(world), await bits_of(world, people.whole)) == (before, 0)
    assert (await said_on_record(world))[-1][:2] == ("consentGive", "TOO_MANY_CONTACTS")

    assert (await deny(world, people.whole, REFUSE, channel="SMS", contact="+8613912000000"))[1] == []
    assert await history(world) == before  # decided already
    assert (await deny(world, people.whole, REFUSE, channel="SMS", contact="+8613912999999"))[1] == []

    last = (await history(world))[-1]
    assert (last.purpose, last.channel, last.has_contact, last.state_to) == ("marketing", "sms", False, "refused")
