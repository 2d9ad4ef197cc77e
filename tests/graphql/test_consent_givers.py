"""Giving consent: who says yes for whom, with what evidence, and at what age."""

import pytest
from sqlalchemy import select

from member_hub.consent.deciding.act_refusals import GuardianDue, HandedToGuardian
from member_hub.consent.deciding.evidence import evidence_t
from member_hub.consent.tables import ConsentEvidence
from member_hub.crypto import sealed_row
from member_hub.db import transaction
from member_hub.ids import uuid7
from member_hub.members.tables import AgeBand
from member_hub.privacy import DataClass
from tests.graphql.consents import (
    GIVE,
    KEY,
    NOTICE,
    PERSONAL,
    SMS,
    aged,
    asked,
    bits_of,
    give,
    history,
    passed,
    published,
    said_on_record,
)
from tests.graphql.giving import EVIDENCE, GRANTED_SMS, PERSONAL_ASKED, SMS_ASKED, STAFF, refused
from tests.graphql.world import People, World


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


async def test_a_member_has_no_evidence_to_show(world: World, people: People) -> None:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), SMS_ASKED)

    assert await refused(world, people, served, evidence=EVIDENCE) == ("evidence", "BAD_USER_INPUT")


def test_every_refusal_of_an_answer_says_what_is_wrong_and_who_is_told_what_of_the_guardian() -> None:
    assert len({GuardianDue.zh, HandedToGuardian.zh}) == len({GuardianDue.en, HandedToGuardian.en}) == 2
    assert "nothing was recorded" in GuardianDue.en
    assert "on record" in HandedToGuardian.en
