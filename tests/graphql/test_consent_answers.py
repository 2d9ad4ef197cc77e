"""Giving consent answers a question: of the notice in force, asked of this member, once, at a time that can be."""

from datetime import timedelta
from typing import Any

import pytest

from member_hub.consent.words import NoticeFamily
from member_hub.ids import uuid7
from tests.graphql.consents import NOTICE, PARTNER, PERSONAL, SMS, aged, asked, bits_of, deny, give, history, published
from tests.graphql.giving import EVIDENCE, GRANTED_SMS, PERSONAL_ASKED, SMS_ASKED, STAFF, refused
from tests.graphql.world import NOW, People, World


async def test_only_the_notice_in_force_is_consented_to(world: World, people: People) -> None:
    await aged(world, people.whole)
    old = await published(world)
    served = await asked(world, people.whole, old, SMS_ASKED)
    world.clock.at = NOW + timedelta(hours=1)
    await published(world, "2026-02")
    await published(
        world, "website-2024", family=NoticeFamily.WEBSITE, effective_at=NOW - timedelta(days=700), is_material=False
    )

    found = [await refused(world, people, served, notice=name) for name in ("2031-01", NOTICE, "website-2024")]

    assert found == [("notice", "NOTICE_UNKNOWN"), ("notice", "NOTICE_NOT_CURRENT"), ("notice", "NOTICE_NOT_CURRENT")]


async def test_only_what_this_member_was_asked_is_answered(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    mine = await asked(world, people.whole, notice, SMS_ASKED)
    theirs = await asked(world, people.southern, notice, SMS_ASKED)

    found = [await refused(world, people, served) for served in (None, "no id", str(uuid7()), theirs)]
    another = await refused(world, people, mine, PERSONAL)

    assert {*found, another} == {("servedId", "NOT_SERVED")}


async def test_what_was_put_before_an_absorbed_member_is_answered_by_the_whole(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    served = await asked(world, people.merged, notice, SMS_ASKED)

    assert await give(world, people.merged, served, evidence=EVIDENCE, **STAFF) == GRANTED_SMS


async def test_an_asking_is_answered_once(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)
    await give(world, people.whole, served)
    await deny(world, people.whole)

    assert await refused(world, people, served, key="key-2") == ("servedId", "CONSENT_REPLAYED")


async def test_after_a_no_it_takes_a_new_question(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    unanswered = await asked(world, people.whole, notice, SMS_ASKED)
    await deny(world, people.whole)

    late = await refused(world, people, unanswered)
    world.clock.at = NOW + timedelta(minutes=1)
    anew = await asked(world, people.whole, notice, SMS_ASKED, by_member=True)
    given = await give(world, people.whole, anew, key="key-2")

    assert late == (None, "CONFLICT")
    assert given == GRANTED_SMS
    assert await bits_of(world, people.whole) == 0b1


async def test_nothing_is_dated_in_the_future_or_before_it_was_asked(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    future = await refused(world, people, served, occurredAt=(NOW + timedelta(seconds=1)).isoformat())
    before = await refused(world, people, served, occurredAt=(NOW - timedelta(seconds=1)).isoformat())
    over = await refused(world, people, served, until=NOW.isoformat())

    assert (future, before) == (("occurredAt", "FUTURE_DATED"), ("occurredAt", "BACKDATED"))
    assert over == ("until", "BAD_USER_INPUT")


async def test_a_paper_may_be_older_than_its_typing_in_but_not_than_its_notice_or_a_later_no(
    world: World, people: People
) -> None:
    await aged(world, people.whole)
    notice = await published(world, at=NOW)
    world.clock.at = NOW + timedelta(days=3)
    served = await asked(world, people.whole, notice, SMS_ASKED)
    paper = {"method": "PAPER", "evidence": EVIDENCE, **STAFF}
    signed = NOW + timedelta(days=1)

    early = await refused(world, people, served, occurredAt=(NOW - timedelta(days=1)).isoformat(), **paper)
    given = await give(world, people.whole, served, occurredAt=signed.isoformat(), **paper)
    await deny(world, people.whole)
    world.clock.at = NOW + timedelta(days=4)
    again = await asked(world, people.whole, notice, SMS_ASKED, by_member=True)
    stale = await refused(world, people, again, occurredAt=signed.isoformat(), key="key-2", **paper)

    assert early == ("occurredAt", "BACKDATED")
    assert given == GRANTED_SMS
    assert (await history(world))[1].occurred_at == signed
    assert stale == ("occurredAt", "BACKDATED")


@pytest.mark.parametrize(
    ("what", "where", "code"),
    [
        ({"purpose": "MEMBER_SERVICE", "channel": "SMS"}, "purposes.0", "CONSENT_NOT_THE_BASIS"),
        ({**SMS, "recipient": "message_service"}, "purposes.0", "CONSENT_NOT_THE_BASIS"),
        ({**SMS, "recipient": "nobody_known"}, "purposes.0.recipient", "BAD_USER_INPUT"),
        ({**SMS, "recipient": "overseas_partner"}, "purposes.0.recipient", "BAD_USER_INPUT"),
        ({"purpose": "MARKETING"}, "purposes.0.channel", "BAD_USER_INPUT"),
        ({**PERSONAL, "channel": "SMS"}, "purposes.0.channel", "BAD_USER_INPUT"),
        ({**SMS, "contact": "+8613912345671"}, "purposes.0.contact", "CONTACT_UNKNOWN"),
        ({**SMS, "contact": "13800138000"}, "purposes.0.contact", "CONTACT_UNKNOWN"),
        ({**SMS, "contact": "12"}, "purposes.0.contact", "BAD_USER_INPUT"),
        ({"purpose": "MARKETING", "channel": "WECHAT", "contact": "x"}, "purposes.0.contact", "BAD_USER_INPUT"),
    ],
)
async def test_what_is_no_such_consent_is_refused(
    world: World, people: People, what: dict[str, str], where: str, code: str
) -> None:
    await aged(world, people.whole)
    questions = (SMS_ASKED, PERSONAL_ASKED, "marketing::wechat")
    served = await asked(world, people.whole, await published(world), *questions)

    assert await refused(world, people, served, what) == (where, code)


@pytest.mark.parametrize("what", [[], [SMS, SMS], [{"purpose": "PERSONALISATION"}] * 21])
async def test_an_act_holds_one_to_twenty_different_decisions(
    world: World, people: People, what: list[dict[str, str]]
) -> None:
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    assert await refused(world, people, served, purposes=what) == ("purposes", "BAD_USER_INPUT")


@pytest.mark.parametrize(
    ("what", "more", "expected"),
    [
        ((SMS, PARTNER), {}, ("purposes", "SEPARATE_ACT_DUE")),
        ((SMS,), {"occurredAt": (NOW + timedelta(seconds=1)).isoformat()}, ("occurredAt", "FUTURE_DATED")),
        ((SMS,), {"occurredAt": (NOW - timedelta(days=9)).isoformat()}, ("occurredAt", "BACKDATED")),
        (({**SMS, "contact": "+8613912345671"},), {}, ("purposes.0.contact", "CONTACT_UNKNOWN")),
        ((SMS,), {}, ("servedId", "NOT_SERVED")),
    ],
)
async def test_what_is_wrong_in_itself_is_told_before_that_nobody_asked(
    world: World, people: People, what: Any, more: dict[str, Any], expected: tuple[str, str]
) -> None:
    await aged(world, people.whole)
    await published(world, at=NOW)

    assert await refused(world, people, None, *what, **more) == expected


async def test_of_a_question_nobody_is_said_to_have_given_it(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    await asked(world, people.whole, notice, SMS_ASKED)
    query = "{ consents { state givenBy } }"

    before = (await world.ask("member", query, member=people.whole))["consents"]
    await give(world, people.whole, await asked(world, people.whole, notice, SMS_ASKED))
    after = (await world.ask("member", query, member=people.whole))["consents"]

    assert {"state": "ASKED", "givenBy": None} in before
    assert {"state": "GRANTED", "givenBy": "MEMBER"} in after
