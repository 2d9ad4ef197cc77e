"""Giving consent: what an act leaves behind, and everything that is refused, each with its code and nothing changed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from member_hub.consent.deciding.act_refusals import GuardianDue, HandedToGuardian
from member_hub.consent.deciding.evidence import evidence_t
from member_hub.consent.tables import ConsentEvidence
from member_hub.consent.words import NoticeFamily
from member_hub.crypto import sealed_row
from member_hub.db import transaction
from member_hub.ids import uuid7
from member_hub.members.tables import AgeBand
from member_hub.privacy import DataClass, Purpose
from tests.graphql.consents import (
    GIVE,
    KEY,
    NOTICE,
    PARTNER,
    PERSONAL,
    SMS,
    aged,
    asked,
    bits_of,
    deny,
    give,
    history,
    passed,
    published,
    said_on_record,
)
from tests.graphql.notices import member_t
from tests.graphql.world import NOW, WHOLE, People, World

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


async def test_a_yes_is_recorded_settled_and_on_record(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    served = await asked(world, people.whole, notice, SMS_ASKED)

    assert await give(world, people.whole, served, method="BUTTON") == GRANTED_SMS

    event = (await history(world))[-1]
    assert (event.act, event.state_from, event.state_to) == ("grant", "asked", "granted")
    assert (event.actor, event.acted_by, event.method) == ("member", "member", "button")
    assert (event.notice_id, str(event.served_id), event.has_contact) == (notice.notice_id, served, True)
    assert (event.is_separate, event.is_sensitive, event.is_published, event.is_abroad) == (True, False, False, False)
    assert len(event.also) == 2
    assert await bits_of(world, people.whole) == 0b1
    assert await said_on_record(world) == [("consentGive", "ok", ["consent.granted:marketing.sms"], [people.whole])]


async def test_a_notice_may_be_named_by_its_id(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    served = await asked(world, people.whole, notice, SMS_ASKED)

    assert await give(world, people.whole, served, notice=str(notice.notice_id)) == GRANTED_SMS


async def test_one_act_may_say_yes_to_several_things(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED, PERSONAL_ASKED)

    stands, errors = await give(world, people.whole, served, SMS, PERSONAL)

    assert errors == []
    assert stands == [("GRANTED", "MARKETING", None, "SMS"), ("GRANTED", "PERSONALISATION", None, None)]
    assert [row.is_separate for row in await history(world)] == [False, False, False, False]
    assert (await said_on_record(world))[-1][2] == ["consent.granted:marketing.sms", "consent.granted:personalisation"]


async def test_a_partner_by_name_takes_an_act_of_its_own_and_then_has_it(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED, PARTNER_ASKED)

    bundled = await refused(world, people, served, SMS, PARTNER)
    alone = await give(world, people.whole, served, PARTNER)

    assert bundled == ("purposes", "SEPARATE_ACT_DUE")
    assert alone == ([("GRANTED", "MARKETING", "partner_brand", "SMS")], [])
    assert (await history(world))[-1].is_separate
    assert (await said_on_record(world))[-1][2] == ["consent.granted:marketing.to.partner_brand.sms"]


async def test_two_acts_do_not_travel_in_one_request(world: World, people: People) -> None:
    field = "consentGive(input: $input, idempotencyKey: $key) { userErrors { code } }"
    twice = f"mutation ($input: ConsentGiveInput!, $key: String!) {{ a: {field} b: {field} }}"
    said = {"purposes": [SMS], "servedId": str(uuid7()), "notice": NOTICE, "method": "TICK"}

    about = {"variables": {"input": said, "key": KEY}, "member": people.whole}
    assert await world.refused("member", twice, **about) == ["QUERY_TOO_COMPLEX"]

    assert await history(world) == []


async def test_the_same_key_answers_the_same_and_records_once(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    answers = [await give(world, people.whole, served) for _ in range(2)]
    other = await give(world, people.whole, served, method="VOICE")

    assert answers == [GRANTED_SMS, GRANTED_SMS]
    assert other == ([], [("idempotencyKey", "CONFLICT")])
    assert await passed(world) == [("serve_notice", "never_asked", "asked"), ("grant", "asked", "granted")]


async def test_a_retry_at_the_same_moment_records_once(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    answers = await asyncio.gather(*(give(world, people.whole, served) for _ in range(4)))

    assert answers == [GRANTED_SMS] * 4
    assert len(await history(world)) == 2


async def test_what_is_granted_already_stays_as_it_is(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    first, second = [await asked(world, people.whole, notice, SMS_ASKED) for _ in range(2)]

    await give(world, people.whole, first)

    assert await give(world, people.whole, second, key="key-2") == GRANTED_SMS
    assert len(await history(world)) == 2


@pytest.mark.parametrize(("first", "then"), [(None, 30), (30, None), (30, 10), (10, 30)])
async def test_a_yes_for_another_time_is_what_holds_from_then_on(
    world: World, people: People, first: int | None, then: int | None
) -> None:
    await aged(world, people.whole)
    notice = await published(world)

    def until(days: int | None) -> str | None:
        return (NOW + timedelta(days=days)).isoformat() if days else None

    await give(world, people.whole, await asked(world, people.whole, notice, SMS_ASKED), until=until(first))
    world.clock.at = NOW + timedelta(minutes=1)
    again = await asked(world, people.whole, notice, SMS_ASKED)
    answer = await give(world, people.whole, again, until=until(then), key="key-2")

    assert answer == GRANTED_SMS
    assert (await passed(world))[-1] == ("grant", "granted", "granted")
    assert (await history(world))[-1].ends_at == (NOW + timedelta(days=then) if then else None)
    assert (await said_on_record(world))[-1][2] == ["consent.regranted:marketing.sms"]
    async with transaction(world.hub.database.app) as tx:
        gate_until = await tx.scalar(select(member_t.c.gate_until).where(member_t.c.member_id == people.whole))
    assert gate_until == (NOW + timedelta(days=then) if then else None)


async def test_a_yes_under_a_newer_notice_is_one_under_that(world: World, people: People) -> None:
    await aged(world, people.whole)
    await give(world, people.whole, await asked(world, people.whole, await published(world), SMS_ASKED))
    world.clock.at = NOW + timedelta(days=1)
    newer = await published(world, "2026-02")

    given = await give(
        world, people.whole, await asked(world, people.whole, newer, SMS_ASKED), notice="2026-02", key="key-2"
    )

    assert given == GRANTED_SMS
    assert (await passed(world))[-1] == ("grant", "granted", "granted")
    assert (await history(world))[-1].notice_id == newer.notice_id


async def test_a_paper_signed_before_does_not_change_what_was_said_since(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world, at=NOW)
    world.clock.at = NOW + timedelta(days=3)
    first, second = [await asked(world, people.whole, notice, SMS_ASKED) for _ in range(2)]
    await give(world, people.whole, first)
    paper = {"method": "PAPER", "evidence": EVIDENCE, **STAFF}

    signed, ends = NOW + timedelta(days=1), NOW + timedelta(days=9)
    await give(world, people.whole, second, occurredAt=signed.isoformat(), until=ends.isoformat(), key="key-2", **paper)

    assert [row.ends_at for row in await history(world)] == [None, None]


async def test_somebody_elses_consent_looks_like_nobodys(world: World, people: People) -> None:
    served = await asked(world, people.southern, await published(world), SMS_ASKED)

    said = {"role": "store_manager", "evidence": EVIDENCE}
    unknown = [await give(world, member, served, **said) for member in (people.southern, uuid7())]  # type: ignore[arg-type]
    own = await give(world, people.whole, served, role="app_mini_program", asker=people.southern)

    assert [*unknown, own] == [([], [("member", "NOT_FOUND")])] * 3
    assert [row[1:] for row in await said_on_record(world)] == [("NOT_FOUND", [], [])] * 3
    assert len(await history(world)) == 1


async def test_a_member_cannot_answer_for_another(world: World, people: People) -> None:
    served = await asked(world, people.southern, await published(world), SMS_ASKED)

    assert await give(world, people.southern, served, asker=people.whole) == ([], [("member", "NOT_FOUND")])

    assert len(await history(world)) == 1


async def test_staff_need_evidence_and_it_is_kept_sealed(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    without = await refused(world, people, served, **STAFF)
    longer = await give(world, people.whole, served, evidence={"kind": "RECORDING", "reference": "x" * 61}, **STAFF)
    given = await give(world, people.whole, served, evidence=EVIDENCE, **STAFF)

    assert (without, longer) == (("evidence", "EVIDENCE_MISSING"), ([], [("evidence.reference", "BAD_USER_INPUT")]))
    assert given == GRANTED_SMS
    event = (await history(world))[-1]
    assert (event.actor, event.acted_by) == ("staff_on_behalf", "S-1042")
    async with transaction(world.hub.database.app) as tx:
        (row,) = list(await tx.execute(select(evidence_t)))
        keys = await world.hub.vault.keys_for(tx, [(row.origin_id, DataClass.CONSENT)])
    place = sealed_row(ConsentEvidence, {"event_id": row.event_id})
    assert (row.event_id, row.kind) == (event.event_id, "signed_slip")
    assert keys.open(evidence_t.c.reference, row.origin_id, row.reference, row=place) == EVIDENCE["reference"]


async def test_the_mini_program_passes_on_what_its_user_decides(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    assert await give(world, people.whole, served, role="app_mini_program") == GRANTED_SMS

    assert [(row.actor, row.acted_by) for row in await history(world)][-1] == ("member", "mini_program")


@pytest.mark.parametrize("role", ["app_crm", "app_checkout", "region_manager", "dpo", "membership_manager"])
async def test_who_may_not_give_is_refused_the_operation(world: World, people: People, role: str) -> None:
    said = {"purposes": [SMS], "servedId": None, "notice": NOTICE, "method": "TICK", "member": str(people.whole)}

    assert await world.refused(role, GIVE, variables={"input": said, "key": KEY}) == ["FORBIDDEN"]

    assert (await history(world), (await said_on_record(world))[-1][:2]) == ([], ("consentGive", "FORBIDDEN"))


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


async def test_the_contact_point_is_the_one_named_or_that_of_the_profile(world: World, people: People) -> None:
    await aged(world, people.whole)
    notice = await published(world)
    served = await asked(world, people.whole, notice, SMS_ASKED, "marketing::email")

    mail = {"purpose": "MARKETING", "channel": "EMAIL"}
    await give(world, people.whole, served, {**SMS, "contact": "138 1234 5670"}, mail)

    async with transaction(world.hub.database.app) as tx:
        kinds = world.hub.vault
        rows = await tx.exec_driver_sql("SELECT kind, token FROM vault.consent_contact ORDER BY kind")
        held = [tuple(row) for row in rows]
    assert held == [
        ("email", kinds.token("email", "", WHOLE["email"])),
        ("phone", kinds.token("phone", "", WHOLE["phone"])),
    ]


async def test_of_unknown_age_nobody_consents(world: World, people: People) -> None:
    await aged(world, people.whole, AgeBand.UNKNOWN)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    assert await refused(world, people, served) == ("purposes", "AGE_UNKNOWN")


async def test_under_14_the_question_goes_to_the_guardian(world: World, people: People) -> None:
    await aged(world, people.whole, AgeBand.CHILD)
    served = await asked(world, people.whole, await published(world), SMS_ASKED, PERSONAL_ASKED)

    bundled = await refused(world, people, served, SMS, PERSONAL)
    answers = [await give(world, people.whole, served) for _ in range(2)]

    pending = ([("GUARDIAN_PENDING", "MARKETING", None, "SMS")], [("purposes", "GUARDIAN_DUE")])
    assert bundled == ("purposes", "SEPARATE_ACT_DUE")
    assert answers == [pending] * 2
    assert (await passed(world))[-1] == ("grant_by_child", "asked", "guardian_pending")
    assert len(await history(world)) == 3
    assert await bits_of(world, people.whole) == 0
    entry = (await said_on_record(world))[1]
    assert entry == ("consentGive", "GUARDIAN_DUE", ["consent.child_attempt:marketing.sms"], [people.whole])


async def test_who_is_under_14_and_was_not_asked_is_told_of_the_guardian(world: World, people: People) -> None:
    await aged(world, people.whole, AgeBand.CHILD)
    await published(world)

    assert await refused(world, people, None) == ("purposes", "GUARDIAN_DUE")


async def test_a_material_change_makes_it_stale_and_a_new_yes_grants_again(world: World, people: People) -> None:
    await aged(world, people.whole)
    await give(world, people.whole, await asked(world, people.whole, await published(world), SMS_ASKED))
    world.clock.at = NOW + timedelta(days=1)
    newer = await published(world, "2026-02", changed=[Purpose.MARKETING])
    served = await asked(world, people.whole, newer, SMS_ASKED)

    given = await give(world, people.whole, served, notice="2026-02", key="key-2")

    assert given == GRANTED_SMS
    assert (await passed(world))[-1] == ("grant", "stale", "granted")
    assert (await said_on_record(world))[-1][2] == ["consent.regranted:marketing.sms"]
    assert await bits_of(world, people.whole) == 0b10000


async def test_a_yes_holds_until_the_time_that_was_said(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)
    ends = NOW + timedelta(days=30)

    await give(world, people.whole, served, until=ends.isoformat())

    assert (await history(world))[-1].ends_at == ends


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


async def test_a_member_has_no_evidence_to_show(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    assert await refused(world, people, served, evidence=EVIDENCE) == ("evidence", "BAD_USER_INPUT")


def test_every_refusal_of_an_answer_says_what_is_wrong_and_who_is_told_what_of_the_guardian() -> None:
    assert len({GuardianDue.zh, HandedToGuardian.zh}) == len({GuardianDue.en, HandedToGuardian.en}) == 2
    assert "nothing was recorded" in GuardianDue.en
    assert "on record" in HandedToGuardian.en


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
