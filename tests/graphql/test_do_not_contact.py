"""The tag do_not_contact stops messages but those of service, support and rights; fraud and minor stop none."""

from datetime import timedelta

from tests.graphql.sending import PHONE, asked, by_phone, reasons
from tests.graphql.tagging import assign, remove, stored
from tests.graphql.test_objections import lift, place
from tests.graphql.world import NOW, People, World

REFUSED = "DO_NOT_CONTACT"
AT_HOME = {"stores": ["SH014"]}


async def test_who_is_not_to_be_contacted_gets_no_commercial_message_and_every_one_of_the_service(
    world: World, people: People
) -> None:
    """Whatever they agreed to before; and once the tag is taken, their consent counts again."""
    await by_phone(world, people.southern)
    assert await reasons(world, people.southern) == ["ALLOWED"]

    assert (await assign(world, "store_manager", people.southern, "do_not_contact", **AT_HOME))[1] == []

    (found,) = (await asked(world, people.southern))["answers"]
    assert (found["allowed"], found["reason"], found["contact"]) == (False, REFUSED, None)
    assert "refused:1" in (await world.audited())[-1].fields
    for purpose in ("MEMBER_SERVICE", "CUSTOMER_SUPPORT"):
        (served,) = (await asked(world, people.southern, purpose=purpose))["answers"]
        assert (served["allowed"], served["contact"]["value"]) == (True, PHONE)
    assert (await remove(world, "store_manager", people.southern, "do_not_contact", **AT_HOME))[1] == []
    assert await reasons(world, people.southern) == ["ALLOWED"]


async def test_it_ends_with_its_time(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    until = (NOW + timedelta(days=1)).isoformat()
    await assign(world, "store_manager", people.southern, "do_not_contact", until=until, **AT_HOME)
    assert await reasons(world, people.southern) == [REFUSED]

    world.clock.at = NOW + timedelta(days=1)

    assert await reasons(world, people.southern) == ["ALLOWED"]


async def test_an_objection_takes_no_tag_that_protects(world: World, people: People) -> None:
    """Lifting it later brings back what was before it, and no more."""
    await by_phone(world, people.southern)
    await assign(world, "store_manager", people.southern, "do_not_contact", **AT_HOME)

    placed, errors = await place(world, "member", {"everything": True}, member=people.southern)
    assert errors == []
    assert await reasons(world, people.southern) == ["OBJECTED"]
    assert [one.tag for one in await stored(world)] == ["do_not_contact"]
    assert (await lift(world, "member", placed["id"], member=people.southern))[1] == []

    assert await reasons(world, people.southern) == [REFUSED]


async def test_fraud_and_minor_stop_nothing_by_themselves(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    for tag in ("fraud", "minor"):
        assert (await assign(world, "store_manager", people.southern, tag, **AT_HOME))[1] == []

    assert await reasons(world, people.southern) == ["ALLOWED"]
