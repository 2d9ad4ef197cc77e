"""Refusing and withdrawing: one step, at once, for everything narrower, and remembered outside the database first."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from member_hub.audit.looks import LookKind, kind_of
from member_hub.crypto import Entry, Ledger, Note
from member_hub.members.tables import AgeBand
from tests.graphql.consents import (
    PARTNER,
    PERSONAL,
    REFUSE,
    SMS,
    WITHDRAW,
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
from tests.graphql.notices import CURRENT, SERVED
from tests.graphql.world import NOW, People, World

MAIL = {"purpose": "MARKETING", "channel": "EMAIL"}
OVERSEAS = {"purpose": "PERSONALISATION", "recipient": "overseas_partner"}
ME = "query { me { id name { value } phone { value } } }"


async def granted(world: World, people: People, *what: dict[str, str]) -> None:
    """Each by an act of its own."""
    await aged(world, people.whole)
    notice = await published(world)
    for n, one in enumerate(what):
        question = ":".join(one.get(part, "").lower() for part in ("purpose", "recipient", "channel"))
        served = await asked(world, people.whole, notice, question)
        assert (await give(world, people.whole, served, one, key=f"grant-{n}"))[1] == []


def remembered(world: World) -> list[Any]:
    """What the ledger has: kind, scope, and the number of subjects."""
    return [(e.note.kind.value, e.note.scope, len(e.note.subjects)) for e in world.hub.ledger.entries()]


async def test_a_withdrawal_holds_at_once_and_is_remembered_outside(world: World, people: People) -> None:
    await granted(world, people, SMS)

    assert await deny(world, people.whole) == (
        [("WITHDRAWN", "MARKETING", None, None), ("WITHDRAWN", "MARKETING", None, "SMS")],
        [],
    )

    event = (await history(world))[-1]
    assert (event.act, event.state_from, event.state_to) == ("withdraw", "granted", "withdrawn")
    assert (event.purpose, event.channel, event.has_contact) == ("marketing", "", False)
    assert (event.actor, event.method, event.notice_id) == ("member", "button", None)
    assert await bits_of(world, people.whole) == 0
    assert remembered(world) == [("withdrawal", ("marketing",), 5)]  # two ids, three accounts
    (entry,) = [e.note for e in world.hub.ledger.entries()]
    assert {people.whole, people.merged} <= set(entry.subjects)
    assert entry.at == event.recorded_at
    record = (await said_on_record(world))[-1]
    assert record == ("consentWithdraw", "ok", ["consent.withdrawn:marketing"], [people.whole])


async def test_a_whole_purpose_takes_every_channel_and_recipient_with_it(world: World, people: People) -> None:
    await granted(world, people, SMS, MAIL, PARTNER, PERSONAL)
    assert (await bits_of(world, people.whole)).bit_count() == 3

    stands, errors = await deny(world, people.whole)

    assert errors == []
    assert [state for state, *_ in stands] == ["WITHDRAWN"] * 4
    assert (await bits_of(world, people.whole)).bit_count() == 1
    still, _ = await deny(world, people.whole, REFUSE, purpose="PERSONALISATION", recipient="overseas_partner")
    assert still == [("REFUSED", "PERSONALISATION", "overseas_partner", None)]
    assert (await bits_of(world, people.whole)).bit_count() == 1


@pytest.mark.parametrize(
    ("what", "scope", "left"),
    [
        ({"channel": "SMS"}, "marketing.sms", 1),
        ({"channel": "SMS", "contact": "13812345670"}, "marketing.sms", 1),
        ({"recipient": "partner_brand"}, "marketing.to.partner_brand", 1),
        ({"recipient": "partner_brand", "channel": "SMS"}, "marketing.to.partner_brand.sms", 1),
        ({}, "marketing", 0),
    ],
)
async def test_what_is_named_narrows_what_is_withdrawn(
    world: World, people: People, what: dict[str, str], scope: str, left: int
) -> None:
    await granted(world, people, SMS, MAIL, PARTNER)

    stands, errors = await deny(world, people.whole, **what)

    assert errors == []
    assert {state for state, *_ in stands} == {"WITHDRAWN"}
    assert [scope_ for _, (scope_,), _ in remembered(world)] == [scope]
    assert (await bits_of(world, people.whole)) & 1 == left


async def test_who_withdrew_one_by_one_and_then_everything_is_not_asked_again(world: World, people: People) -> None:
    email = {"purpose": "MARKETING", "channel": "EMAIL"}
    await granted(world, people, SMS, email)
    for channel in ("EMAIL", "SMS"):
        await deny(world, people.whole, channel=channel)

    stands, errors = await deny(world, people.whole)

    assert errors == []
    assert {(state, channel) for state, _, _, channel in stands} == {
        ("WITHDRAWN", None), ("WITHDRAWN", "SMS"), ("WITHDRAWN", "EMAIL")
    }  # fmt: skip
    assert (await passed(world))[-1] == ("withdraw", "never_asked", "withdrawn")
    current = await world.ask("app_crm", CURRENT)
    world.clock.at += timedelta(days=400)
    asks = {"input": {"member": str(people.whole), "notice": current["noticeCurrent"]["id"], "locale": "ZH",
                      "byWayOf": "APP", "asks": [SMS]}}  # fmt: skip
    answer = await world.ask("app_crm", SERVED, variables=asks)
    assert [one["code"] for one in answer["noticeServed"]["userErrors"]] == ["NOT_ASKED_AGAIN"]


@pytest.mark.parametrize("mutation", [WITHDRAW, REFUSE])
async def test_again_is_the_same_answer_and_no_event(world: World, people: People, mutation: str) -> None:
    await granted(world, people, SMS)

    first = await deny(world, people.whole, mutation)
    events, notes = await passed(world), remembered(world)

    assert [await deny(world, people.whole, again) for again in (WITHDRAW, REFUSE)] == [first, first]
    assert (await passed(world), remembered(world)) == (events, notes)
    assert [row[2] for row in (await said_on_record(world))[-2:]] == [[], []]


@pytest.mark.parametrize("mutation", [WITHDRAW, REFUSE])
async def test_what_was_never_given_is_refused_from_now_on(world: World, people: People, mutation: str) -> None:
    assert await deny(world, people.whole, mutation) == ([("REFUSED", "MARKETING", None, None)], [])

    assert await passed(world) == [("refuse", "never_asked", "refused")]
    assert remembered(world) == [("withdrawal", ("marketing", "refused"), 5)]
    assert (await said_on_record(world))[-1][1:3] == ("ok", ["consent.refused:marketing"])


async def test_a_question_is_refused(world: World, people: People) -> None:
    await aged(world, people.whole)
    await asked(world, people.whole, await published(world), "marketing::sms")

    assert await deny(world, people.whole, REFUSE, channel="SMS") == ([("REFUSED", "MARKETING", None, "SMS")], [])

    assert (await passed(world))[-1] == ("refuse", "asked", "refused")


async def test_under_14_a_no_counts_without_a_guardian(world: World, people: People) -> None:
    await aged(world, people.whole, AgeBand.CHILD)
    served = await asked(world, people.whole, await published(world), "personalisation::")
    await give(world, people.whole, served, PERSONAL)

    assert (await deny(world, people.whole, purpose="PERSONALISATION"))[0][0][0] == "REFUSED"

    assert (await passed(world))[-1] == ("refuse", "guardian_pending", "refused")


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("app_mini_program", ("member", "mini_program", "button")),
        ("sales_associate", ("staff_on_behalf", "S-1042", "store_terminal")),
        ("store_manager", ("staff_on_behalf", "S-1042", "store_terminal")),
        ("support_agent", ("staff_on_behalf", "S-1042", "store_terminal")),
        ("app_crm", ("app", "crm", "button")),
        ("app_checkout", ("app", "checkout", "button")),
    ],
)
@pytest.mark.parametrize("mutation", [WITHDRAW, REFUSE])
async def test_a_no_is_taken_everywhere_without_evidence(
    world: World, people: People, role: str, told: tuple[str, str, str], mutation: str
) -> None:
    await granted(world, people, SMS)

    assert (await deny(world, people.whole, mutation, role=role, subject="S-1042"))[1] == []

    event = (await history(world))[-1]
    assert (event.state_to, (event.actor, event.acted_by, event.method)) == ("withdrawn", told)
    assert await bits_of(world, people.whole) == 0


@pytest.mark.parametrize(
    ("what", "field", "code"),
    [
        ({"purpose": "MEMBER_SERVICE"}, "purpose", "CONSENT_NOT_THE_BASIS"),
        ({"recipient": "nobody_known"}, "recipient", "BAD_USER_INPUT"),
        ({"purpose": "PERSONALISATION", "channel": "SMS"}, "channel", "BAD_USER_INPUT"),
        ({"contact": "13812345670"}, "contact", "BAD_USER_INPUT"),
        ({"channel": "WECHAT", "contact": "13812345670"}, "contact", "BAD_USER_INPUT"),
        ({"channel": "SMS", "contact": "12"}, "contact", "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_be_refused_is_said_to_be_so(
    world: World, people: People, what: dict[str, str], field: str, code: str
) -> None:
    await granted(world, people, SMS)
    before = await passed(world)

    assert await deny(world, people.whole, **what) == ([], [(field, code)])

    assert (await passed(world), remembered(world)) == (before, [])
    assert (await said_on_record(world))[-1] == ("consentWithdraw", code, [], [people.whole])


async def test_nobody_out_of_reach_is_withdrawn_for(world: World, people: People) -> None:
    assert await deny(world, people.southern, role="store_manager") == ([], [("member", "NOT_FOUND")])

    assert (await history(world), (await said_on_record(world))[-1][1:]) == ([], ("NOT_FOUND", [], []))


async def test_a_ledger_that_cannot_be_written_refuses_and_changes_nothing(world: World, people: People) -> None:
    await granted(world, people, SMS)
    before, bits = await passed(world), await bits_of(world, people.whole)
    file = world.hub.settings.ledger_dir / "erasure.jsonl"
    file.rename(file.with_suffix(".away"))

    said = {"input": {"purpose": "MARKETING"}}
    answer = (await world.post("member", WITHDRAW, variables=said, member=people.whole)).json()

    assert answer["data"] is None if "data" in answer else True
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert "nothing was changed" in error["message"]
    assert (await passed(world), await bits_of(world, people.whole)) == (before, bits)
    assert [row[1] for row in (await said_on_record(world))[-2:]] == ["ok", "UNAVAILABLE"]

    file.with_suffix(".away").rename(file)
    assert (await deny(world, people.whole))[1] == []
    assert await bits_of(world, people.whole) == 0


async def test_what_fails_behind_the_ledger_changed_nothing_and_asking_again_finishes(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger knows it then: `member-hub consent replay` goes on from there where nobody asks again."""
    await granted(world, people, SMS)
    append = Ledger.append

    def append_and_die(self: Ledger, notes: Sequence[Note]) -> list[Entry]:
        append(self, notes)
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "append", append_and_die)
        said = {"input": {"purpose": "MARKETING"}}
        assert await world.refused("member", WITHDRAW, variables=said, member=people.whole) == ["UNAVAILABLE"]

    assert ((await passed(world))[-1][0], await bits_of(world, people.whole)) == ("grant", 1)
    assert [scope for _, scope, _ in remembered(world)] == [("marketing",)]
    assert (await deny(world, people.whole))[1] == []
    assert await bits_of(world, people.whole) == 0
    assert [scope for _, scope, _ in remembered(world)] == [("marketing",)] * 2


async def test_a_refusal_of_what_was_never_given_is_remembered_as_well_or_not_taken(
    world: World, people: People
) -> None:
    """A line of a file that comes after a restore may tell of an older yes."""
    file = world.hub.settings.ledger_dir / "erasure.jsonl"
    file.rename(file.with_suffix(".away"))
    said = {"input": {"purpose": "MARKETING"}}

    assert await world.refused("member", REFUSE, variables=said, member=people.whole) == ["UNAVAILABLE"]

    assert await passed(world) == []
    assert (await said_on_record(world))[-1][:2] == ("consentRefuse", "UNAVAILABLE")


async def test_without_any_consent_the_member_is_served_as_before(world: World, people: People) -> None:
    await granted(world, people, SMS, PARTNER, PERSONAL)
    before = await world.ask("member", ME, member=people.whole)
    look = "query ($by: MemberKey!) { member(by: $by) { id status phone { display } } }"
    by = {"by": {"storeCard": "8868331042"}}
    at_till = await world.ask("app_checkout", look, variables=by)

    for purpose in ("MARKETING", "PERSONALISATION"):
        assert (await deny(world, people.whole, purpose=purpose))[1] == []

    assert await bits_of(world, people.whole) == 0
    assert await world.ask("member", ME, member=people.whole) == before
    assert await world.ask("app_checkout", look, variables=by) == at_till
    issue = "mutation { memberCodeIssue { memberCode { code } userErrors { code } } }"
    code = (await world.ask("member", issue, member=people.whole))["memberCodeIssue"]["memberCode"]["code"]
    found = await world.ask("sales_associate", look, variables={"by": {"memberCode": code}})
    assert found["member"]["id"] == before["me"]["id"]


async def test_two_devices_at_one_moment_end_where_the_last_event_says(world: World, people: People) -> None:
    """Twenty rounds of a yes and a no side by side, over connections of their own, either of them first."""
    await aged(world, people.whole)
    notice, seen = await published(world), set()
    for n in range(20):
        world.clock.at = NOW + timedelta(minutes=n)
        served = await asked(world, people.whole, notice, "marketing::sms", by_member=True)
        before = len(await history(world))
        yes, no = give(world, people.whole, served, key=f"round-{n}"), deny(world, people.whole)

        answers = await asyncio.gather(*((yes, no) if n % 2 else (no, yes)))

        errors = answers[0 if n % 2 else 1][1]
        happened = tuple(row.state_to for row in (await history(world))[before:])
        alone = ("withdrawn",) if ("granted", "withdrawn") in seen else ("refused",)  # once granted, it is no refusal
        assert (happened, errors) in [(("granted", "withdrawn"), []), (alone, [(None, "CONFLICT")])]
        assert answers[1 if n % 2 else 0][1] == []
        assert await bits_of(world, people.whole) == 0
        seen.add(happened)
    assert seen - {("refused",)} == {("granted", "withdrawn"), ("withdrawn",)}
    times = [row.recorded_at for row in await history(world)]
    assert times == sorted(times)


async def test_a_no_is_not_lost_to_a_yes_whose_clock_is_ahead(world: World, people: People) -> None:
    """The clocks of two processes differ: what counts is who had the member first."""
    await granted(world, people, SMS)
    world.clock.at = NOW - timedelta(days=1)  # now a process whose clock is behind

    await deny(world, people.whole)

    assert await bits_of(world, people.whole) == 0


async def test_a_clock_that_was_wrong_once_ends_nothing_before_its_time(
    world: World, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """What happens now goes on record behind it, and is settled by the time that it is."""
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), "marketing::sms")
    until = (NOW + timedelta(hours=1)).isoformat()
    assert (await give(world, people.whole, served, SMS, until=until))[1] == []
    world.clock.at = NOW + timedelta(hours=2)
    await deny(world, people.whole, purpose="PERSONALISATION")
    world.clock.at = NOW + timedelta(minutes=1)

    assert (await deny(world, people.whole, channel="EMAIL"))[1] == []

    assert await bits_of(world, people.whole) == 1
    event = (await history(world))[-1]
    assert event.occurred_at == world.clock.at
    assert event.recorded_at == NOW + timedelta(hours=2, microseconds=1)
    (entry,) = [e.note for e in world.hub.ledger.entries()][1:]
    assert entry.at == event.recorded_at
    assert "is 7140 s ahead of the clock" in caplog.text


def test_decisions_are_changes_in_the_members_own_record() -> None:
    assert {kind_of(f"consent{verb}") for verb in ("Give", "Refuse", "Withdraw")} == {LookKind.CHANGE}
