"""A guardian decides for a child, from the proposal to the hand-over at 14, by nothing but what the door offers."""

from datetime import timedelta
from typing import Any

import pytest

from member_hub.privacy import Purpose
from tests.conftest import Run
from tests.graphql.consenting import listed
from tests.graphql.consents import deny, give
from tests.graphql.notices import SMS, publish, served
from tests.graphql.sending import reasons
from tests.graphql.test_collected_for import BIRTHDAY, held
from tests.graphql.test_decided_and_obeyed import GIVEN, agrees, seen
from tests.graphql.test_update import update
from tests.graphql.world import NOW
from tests.guardians.family import TURNS, Family

CURRENT = "{ noticeCurrent(family: CHILDREN) { id name } }"
CONSENTS = "query ($member: ID) { consents(member: $member) { purpose channel state inForce } }"


@pytest.fixture
def notices(family: Family, run: Run) -> tuple[str, str]:
    """The general one, and the one for children."""
    general = run(publish(family.world))
    return general, run(publish(family.world, "children-1", family="CHILDREN"))


async def asked(family: Family, notice: str, *, role: str = "guardian", **about: Any) -> Any:
    about = about or {"member": family.mother}
    return await served(family.world, family.daughter, notice, SMS, role=role, about=about)


async def gives(family: Family, served_id: str | None, **more: Any) -> Any:
    said = {"role": "guardian", "asker": family.mother, "notice": "children-1"} | more
    return await give(family.world, family.daughter, served_id, **said)


async def consented(family: Family, notice: str) -> None:
    await family.linked()
    served_id, errors = await asked(family, notice)
    assert errors == []
    assert await gives(family, served_id) == GIVEN


async def test_a_guardian_consents_for_the_child_and_marketing_sees_it(
    family: Family, notices: tuple[str, str]
) -> None:
    _, children = notices
    assert await asked(family, children) == (None, [("member", "NOT_FOUND")])
    await family.linked()
    found = await family.world.ask("guardian", CURRENT, member=family.mother)
    assert found["noticeCurrent"] == {"id": children, "name": "children-1"}
    assert await seen(family.world, family.daughter) == [False] * 4

    served_id, _ = await asked(family, children)
    assert await gives(family, served_id) == GIVEN

    assert await seen(family.world, family.daughter) == [True] * 4
    assert await reasons(family.world, family.daughter) == ["ALLOWED"]
    given = [row for row in await family.world.audited() if row.operation == "consentGive"][-1]
    assert (given.role, given.outcome, given.member_ids) == ("guardian", "ok", [family.daughter])
    assert "consent.granted:marketing.sms" in given.fields


async def test_nobody_else_decides_for_the_child(family: Family, notices: tuple[str, str]) -> None:
    """Neither the child, nor a stranger, nor a guardian by the notice for grown-ups."""
    general, children = notices
    await family.linked()
    served_id, _ = await asked(family, children)

    assert await asked(family, general) == (None, [("notice", "BAD_USER_INPUT")])
    assert await asked(family, children, member=family.father) == (None, [("member", "NOT_FOUND")])
    assert await gives(family, served_id, asker=family.father, key="k-2") == ([], [("member", "NOT_FOUND")])
    child = await give(family.world, family.daughter, served_id, notice="children-1", key="k-3")
    assert child == ([("GUARDIAN_PENDING", "MARKETING", None, "SMS")], [("purposes", "GUARDIAN_DUE")])

    assert await seen(family.world, family.daughter) == [False] * 4


async def test_what_the_child_wished_for_the_guardian_grants(family: Family, notices: tuple[str, str]) -> None:
    await family.linked()
    served_id, _ = await asked(family, notices[1])
    await give(family.world, family.daughter, served_id, notice="children-1", key="child")

    assert await gives(family, served_id) == GIVEN
    assert await seen(family.world, family.daughter) == [True] * 4


@pytest.mark.parametrize("who", ["guardian", "child"])
async def test_a_withdrawal_by_guardian_or_child_holds_at_once(
    family: Family, notices: tuple[str, str], who: str
) -> None:
    await consented(family, notices[1])

    by = {"role": "guardian", "asker": family.mother} if who == "guardian" else {}
    _, errors = await deny(family.world, family.daughter, **by)

    assert errors == []
    assert await seen(family.world, family.daughter) == [False] * 4
    assert await reasons(family.world, family.daughter) == ["WITHDRAWN"]


async def test_at_fourteen_the_child_is_asked_anew(family: Family, notices: tuple[str, str]) -> None:
    """Scenario S17, to the second."""
    world, general = family.world, notices[0]
    await consented(family, notices[1])
    await family.day_by_day(until=TURNS - timedelta(seconds=1))
    assert await seen(world, family.daughter) == [True] * 4

    await family.at(TURNS)
    assert await seen(world, family.daughter) == [False] * 4  # no job has run
    assert await family.children_of(family.mother) == []
    await family.jobs()

    mine = (await world.ask("member", CONSENTS, member=family.daughter))["consents"]
    assert {"purpose": "MARKETING", "channel": "SMS", "state": "STALE", "inForce": False} in mine
    assert await seen(world, family.daughter) == [False] * 4
    assert await reasons(world, family.daughter) == ["STALE"]
    refused = await deny(world, family.daughter, role="guardian", asker=family.mother)
    assert refused == ([], [("member", "NOT_FOUND")])

    await family.at(TURNS + timedelta(hours=9))
    await agrees(world, family.daughter, general, key="anew")
    await family.jobs()

    assert await seen(world, family.daughter) == [True] * 4
    assert await reasons(world, family.daughter) == ["ALLOWED"]
    assert await family.states() == ["ended"]
    assert await family.band_of(family.daughter) == "minor"


async def test_a_childs_birthday_that_was_given_for_marketing_goes_and_the_guardian_stays(
    family: Family, notices: tuple[str, str]
) -> None:
    """Of this child nobody held a birth date; staff saw that it is one."""
    world, child = family.world, family.nameless
    push = {"purpose": "MARKETING", "channel": "APP_PUSH"}
    await family.linked(child=child)
    served_id, _ = await served(world, child, notices[1], push, role="guardian", about={"member": family.mother})
    said = {"role": "guardian", "asker": family.mother, "notice": "children-1"}
    assert (await give(world, child, served_id, push, **said))[1] == []
    assert (await update(world, "app_crm", child, BIRTHDAY | {"birthday": "2018-04-05"}))[1] == []
    assert await held(world, child) == ["marketing", Purpose.MARKETING]

    _, errors = await deny(world, child, role="guardian", asker=family.mother)

    assert (errors, await held(world, child)) == ([], [None])
    assert await family.children_of(family.mother) == ["孙小小"]
    assert await family.band_of(child) == "child"


async def test_staff_need_approval_for_who_turned_fourteen(family: Family) -> None:
    """Until 18; the one that the support desk has ends after ninety days."""
    await family.at(TURNS)
    await family.jobs()
    everybody = await listed(family.world, "support_agent")

    await family.at(NOW + timedelta(days=90))
    adults = await listed(family.world, "support_agent")

    assert len(everybody - adults) == 2  # the daughter and the boy
