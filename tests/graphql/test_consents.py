"""Where a member's decisions stand, as members and who serves them see it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from member_hub.consent.history import queries
from member_hub.consent.history.standing import Slot
from member_hub.consent.words import Act, Actor, ConsentState, Method
from member_hub.graphql import consent_views
from member_hub.identity.kinds import ClaimKind
from member_hub.members.tables import AgeBand
from tests.consent.deciding import aged, publish
from tests.graphql.decided import CONSENTS, FIELDS, Decided
from tests.graphql.test_counts import watched
from tests.graphql.world import NOW, WHOLE, People

S = ConsentState
HISTORY = """
query ($member: ID, $first: Int!, $after: String) {
  consentHistory(member: $member, first: $first, after: $after) {
    chainIntact pageInfo { hasNextPage hasPreviousPage endCursor }
    edges { cursor node { id purpose recipient { name } channel hasContact act stateFrom stateTo actor through { en }
      method evidence notice { name } isSeparate endsAt occurredAt recordedAt } }
  }
}
"""


NEVER_ASKED = {
    "purpose": "PERSONALISATION", "recipient": None, "channel": None, "contact": None, "state": "NEVER_ASKED",
    "inForce": False, "since": None, "endsAt": None, "notice": None, "givenBy": None, "staleSince": None,
    "eventId": None,
}  # fmt: skip


async def test_a_member_sees_every_purpose_and_where_it_stands(decided: Decided) -> None:
    marketing, personalisation = await decided.ask()

    assert personalisation == NEVER_ASKED
    assert marketing.pop("eventId")
    assert marketing == {
        "purpose": "MARKETING",
        "recipient": None,
        "channel": "SMS",
        "contact": {"value": WHOLE["phone"], "display": WHOLE["phone"], "state": "CLEAR"},
        "state": "GRANTED",
        "inForce": True,
        "since": "2026-11-08T04:00:00Z",
        "endsAt": None,
        "notice": {"id": str(decided.notice), "name": "general-2026-01"},
        "givenBy": "MEMBER",
        "staleSince": None,
    }
    (entry,) = await decided.world.audited()
    assert (entry.operation, entry.outcome, entry.member_ids) == ("consents", "ok", [decided.member])
    assert entry.fields == ["member.consents:CLEAR", "member.phone:CLEAR"]


@pytest.mark.parametrize(
    ("role", "purpose"),
    [("support_agent", "customer_support"), ("store_manager", "customer_support"), ("dpo", "rights_handling")],
)
async def test_staff_see_the_contact_masked_as_the_phone_it_is(decided: Decided, role: str, purpose: str) -> None:
    marketing, _ = await decided.ask(role, purpose=purpose)

    assert marketing["contact"] == {"value": None, "display": "138****5670", "state": "MASKED"}
    assert (marketing["state"], marketing["inForce"]) == ("GRANTED", True)


async def test_a_contact_that_the_member_states_no_more_is_absent(decided: Decided) -> None:
    other = decided.world.hub.vault.token(ClaimKind.PHONE, "", "+8613912345699")
    decided.slot = replace(decided.slot, contact=other)
    await decided.happen(Act.GRANT, S.GRANTED)

    contacts = sorted((one["contact"] or {"state": ""})["state"] for one in await decided.ask())

    assert contacts == ["", "ABSENT", "CLEAR"]


async def test_who_is_out_of_reach_and_who_is_nobody_are_null_and_missed(decided: Decided, people: People) -> None:
    for member in (str(people.southern), "00000000-0000-7000-8000-000000000000", "nobody"):
        found = await decided.world.ask(
            "store_manager", CONSENTS, variables={"member": member}, purpose="customer_support"
        )
        assert found == {"consents": None}

    assert [row.outcome for row in await decided.world.audited()] == ["missed"] * 3


async def test_a_member_cannot_ask_about_another(decided: Decided, people: People) -> None:
    found = await decided.world.ask("member", CONSENTS, member=people.southern, variables={"member": str(people.whole)})

    assert found == {"consents": None}


async def test_who_may_not_is_refused_and_on_record(decided: Decided) -> None:
    variables = {"member": str(decided.member)}
    for role in ("sales_associate", "app_checkout", "auditor"):
        assert await decided.world.refused(role, CONSENTS, variables=variables) == ["FORBIDDEN"]
    assert await decided.world.refused("app_crm", CONSENTS, variables=variables, purpose="marketing") == ["FORBIDDEN"]

    entries = await decided.world.audited()
    assert [(row.outcome, row.fields) for row in entries] == [("FORBIDDEN", ["member.consents:ASKED"])] * 4


async def test_staff_say_whose(decided: Decided) -> None:
    query = "{ consents { state } }"

    assert await decided.world.refused("support_agent", query) == ["BAD_USER_INPUT"]


async def test_consents_stand_with_the_member_and_are_empty_where_denied(decided: Decided) -> None:
    query = f"query ($by: MemberKey!) {{ member(by: $by) {{ privacyEpoch consents {{ {FIELDS} }} }} }}"
    by = {"by": {"id": str(decided.member)}}

    seen = await decided.world.ask("support_agent", query, variables=by)
    denied = await decided.world.ask("sales_associate", query, variables=by)

    assert [(one["state"], one["channel"]) for one in seen["member"]["consents"]] == [
        ("GRANTED", "SMS"),
        ("NEVER_ASKED", None),
    ]
    assert denied["member"] == {"privacyEpoch": seen["member"]["privacyEpoch"], "consents": []}
    assert seen["member"]["privacyEpoch"] == 1


async def test_at_a_material_change_a_grant_is_stale_at_once_and_lapsed_after_the_grace(decided: Decided) -> None:
    changed = decided.now + timedelta(days=1)
    assert (await decided.ask())[0]["state"] == "GRANTED"
    await publish(decided.world.hub, "general-2026-02", gates={("marketing", ""): 5}, effective_at=changed)

    decided.world.clock.at = changed
    (stale, _) = await decided.ask()
    decided.world.clock.at = changed + timedelta(days=30)
    (lapsed, _) = await decided.ask()

    at = changed.isoformat().replace("+00:00", "Z")
    assert (stale["state"], stale["inForce"], stale["staleSince"], stale["since"]) == ("STALE", False, at, at)
    assert (lapsed["state"], lapsed["inForce"], lapsed["staleSince"]) == ("LAPSED", False, at)


async def test_a_term_that_is_over_is_expired_before_any_job(decided: Decided) -> None:
    ends = decided.now + timedelta(days=1)
    await decided.happen(Act.GRANT, S.GRANTED, ends_at=ends, occurred_at=NOW)
    assert ((await decided.ask())[0]["state"], (await decided.ask())[0]["inForce"]) == ("GRANTED", True)

    decided.world.clock.at = ends

    (one, _) = await decided.ask()
    assert (one["state"], one["inForce"], one["endsAt"]) == ("EXPIRED", False, ends.isoformat().replace("+00:00", "Z"))


async def test_a_grant_of_somebody_of_unknown_age_is_shown_and_not_in_force(decided: Decided) -> None:
    await aged(decided.world.hub, decided.member, AgeBand.UNKNOWN)

    (one, _) = await decided.ask()

    assert (one["state"], one["inForce"]) == ("GRANTED", False)


async def test_a_named_recipient_is_told_by_name_and_label(decided: Decided) -> None:
    decided.slot = Slot("marketing", "partner_brand")
    await decided.happen(Act.GRANT, S.GRANTED, contact_kind=None, is_separate=True)

    found = {(one["recipient"] or {"name": None})["name"]: one for one in await decided.ask()}

    assert found["partner_brand"]["recipient"] == {
        "name": "partner_brand",
        "label": {"zh": "合作品牌", "en": "partner brand"},
    }
    assert found["partner_brand"]["channel"] is None


async def test_consents_cost_one_statement_more_however_many_members(decided: Decided) -> None:
    plain = "{ memberList(first: 100) { edges { node { id } } } }"
    states = "{ memberList(first: 100) { edges { node { id consents { state } } } } }"
    contacts = "{ memberList(first: 100) { edges { node { id consents { contact { display } } } } } }"
    counts = []
    for query in (plain, states, contacts):
        for seen in watched(decided.world):
            found = await decided.world.ask("app_crm", query, purpose="customer_support")
            assert len(found["memberList"]["edges"]) == 4
            counts.append(len(seen))

    assert counts == [1, 2, 3]  # members; consents; keys


async def test_the_history_is_told_newest_first_without_a_staff_number(decided: Decided) -> None:
    decided.world.clock.at += timedelta(minutes=1)
    await decided.happen(
        Act.WITHDRAW, S.WITHDRAWN, state_from=S.GRANTED, actor=Actor.STAFF_ON_BEHALF, acted_by="S-1042",
        method=Method.PAPER, occurred_at=NOW + timedelta(minutes=1),
    )  # fmt: skip

    answer = await decided.world.post("member", HISTORY, member=decided.member, variables={"first": 10})
    found = answer.json()["data"]["consentHistory"]

    withdrawn, granted = [edge["node"] for edge in found["edges"]]
    assert "S-1042" not in answer.text
    assert found["chainIntact"] is True
    assert (withdrawn["act"], withdrawn["stateFrom"], withdrawn["stateTo"], withdrawn["actor"]) == (
        "WITHDRAW", "GRANTED", "WITHDRAWN", "STAFF_ON_BEHALF",
    )  # fmt: skip
    assert (withdrawn["method"], withdrawn["notice"]) == ("PAPER", {"name": "general-2026-01"})
    assert (granted["stateTo"], granted["hasContact"], granted["channel"]) == ("GRANTED", True, "SMS")
    assert granted["recordedAt"] == "2026-11-22T08:00:00Z"


async def test_the_history_comes_in_pages_of_one_member(decided: Decided, people: People) -> None:
    for minute in range(1, 5):
        await decided.happen(Act.GRANT, S.GRANTED, occurred_at=NOW + timedelta(minutes=minute))

    moments, after = [], None
    for _ in range(3):
        variables = {"first": 2, "after": after}
        page = await decided.world.ask("member", HISTORY, member=decided.member, variables=variables)
        moments += [edge["node"]["occurredAt"][14:16] for edge in page["consentHistory"]["edges"]]
        after = page["consentHistory"]["pageInfo"]["endCursor"]

    assert moments == ["04", "03", "02", "01", "00"]
    assert page["consentHistory"]["pageInfo"]["hasNextPage"] is False
    variables = {"first": 2, "after": after}
    assert await decided.world.refused("member", HISTORY, member=people.southern, variables=variables) == [
        "BAD_USER_INPUT"
    ]


async def test_a_history_that_was_altered_says_so(decided: Decided) -> None:
    async with decided.world.hub.database.owner.begin() as tx:
        await tx.execute(text("UPDATE hub.consent_event SET method = 'paper'"))

    found = await decided.world.ask("member", HISTORY, member=decided.member, variables={"first": 1})

    assert found["consentHistory"]["chainIntact"] is False


CHAIN = """query ($with: Boolean!) { consentHistory(first: 1) { edges { cursor } ...C @include(if: $with) } }
    fragment C on ConsentEventConnection { whole: chainIntact }"""


async def test_a_history_is_verified_only_for_whoever_asks(decided: Decided, monkeypatch: pytest.MonkeyPatch) -> None:
    verified = []

    async def verifies(*_: Any) -> bool:
        verified.append(1)
        return True

    monkeypatch.setattr(consent_views, "is_chain_intact", verifies)
    for asks in (False, True):
        await decided.world.ask("member", CHAIN, member=decided.member, variables={"with": asks})
        assert len(verified) == asks


async def test_a_history_that_is_too_long_is_not_said_to_be_whole(
    decided: Decided, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await decided.world.ask("member", HISTORY, member=decided.member, variables={"first": 100})
    events = len(found["consentHistory"]["edges"])
    for most, expected in ((events, True), (events - 1, None)):
        monkeypatch.setattr(queries, "CHAIN_MAX", most)
        found = await decided.world.ask("member", CHAIN, member=decided.member, variables={"with": True})
        assert found["consentHistory"]["whole"] is expected
