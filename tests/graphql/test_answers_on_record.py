"""What the answer to a change shows of its member stands in the entry of that change, and costs no statement."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.graphql.benefits import place as stand
from tests.graphql.consents import KEY, NOTICE, SMS, aged, asked, published
from tests.graphql.test_counts import watched
from tests.graphql.test_objections import place as object_to
from tests.graphql.test_tiers import APPROVE, ASKER, OTHER
from tests.graphql.world import People, World

ASKED = "member { id name { display } phone { display } }"
BARE = "member { id }"
ERRORS = "userErrors { code }"
NAME_AND_PHONE = {"member.name:MASKED", "member.phone:MASKED"}  # as the support agent sees them


def change(name: str, answer: str, *, keyed: bool = True, more: str = "") -> str:
    declared, passed = (", $key: String!", ", idempotencyKey: $key") if keyed else ("", "")
    return f"""mutation ($input: {name[0].upper()}{name[1:]}Input!{declared}) {{
        {name}(input: $input{passed}) {{ {answer} {more} {ERRORS} }} }}"""


async def deny(world: World, people: People, answer: str, name: str = "consentWithdraw") -> Any:
    query = change(name, answer, keyed=False).replace(f"{name[0].upper()}{name[1:]}Input", "ConsentDenialInput")
    sent = {"input": {"member": str(people.whole), "purpose": "MARKETING"}}
    return (await world.ask("support_agent", query, variables=sent, subject="S-1042"))[name]


async def refuse(world: World, people: People, answer: str) -> Any:
    return await deny(world, people, answer, "consentRefuse")


async def give(world: World, people: People, answer: str) -> Any:
    await aged(world, people.whole)
    served = await asked(world, people.whole, await published(world), "marketing::sms")
    about = {"member": str(people.whole), "purposes": [SMS], "servedId": served, "notice": NOTICE, "method": "PAPER"}
    about["evidence"] = {"kind": "SIGNED_SLIP", "reference": "slip 17"}
    sent = {"input": about, "key": KEY}
    return (await world.ask("support_agent", change("consentGive", answer), variables=sent, subject="S-1042"))[
        "consentGive"
    ]


async def tag(world: World, people: People, answer: str) -> Any:
    sent = {"input": {"member": str(people.whole), "tag": "do_not_contact"}}
    return (await world.ask("support_agent", change("tagAssign", answer, keyed=False), variables=sent))["tagAssign"]


async def adjust(world: World, people: People, answer: str) -> Any:
    about = {"member": str(people.whole), "amount": 10, "reason": "GOODWILL"}
    return await _keyed(world, "pointsAdjust", answer, about)


async def issue(world: World, people: People, answer: str) -> Any:
    await stand(world, people.whole, "vip")
    about = {"member": str(people.whole), "benefit": "goodwill_coupon", "reason": "GOODWILL"}
    return await _keyed(world, "benefitIssue", answer, about)


async def place(world: World, people: People, answer: str) -> Any:
    about = {"id": str(people.whole), "tier": "vip", "until": "2027-06-30T12:00:00+08:00", "reason": "INVITATION"}
    proposed = await _keyed(world, "tierPlace", f"{BARE} approvalId", about, key="k-1")
    await world.ask("membership_manager", APPROVE, variables={"id": proposed["approvalId"]}, subject=OTHER)
    return await _keyed(world, "tierPlace", answer, about | {"approvalId": proposed["approvalId"]}, key="k-2")


async def _keyed(world: World, name: str, answer: str, about: dict[str, Any], *, key: str = "k-1") -> Any:
    sent = {"input": about, "key": key}
    return (await world.ask("support_agent", change(name, answer), variables=sent, subject=ASKER))[name]


Change = Callable[[World, People, str], Awaitable[Any]]


@pytest.mark.parametrize("made", [give, refuse, deny, tag, adjust, issue, place])
async def test_what_the_answer_shows_stands_in_the_entry_of_the_change(
    world: World, people: People, made: Change
) -> None:
    payload = await made(world, people, ASKED)

    assert payload["userErrors"] == []
    assert payload["member"]["name"]["display"] is not None
    entry = (await world.audited())[-1]
    assert entry.outcome == "ok"
    assert set(entry.fields) >= NAME_AND_PHONE
    assert people.whole in entry.member_ids


@pytest.mark.parametrize("made", [give, refuse, deny, tag, adjust, issue, place])
async def test_what_it_does_not_show_does_not(world: World, people: People, made: Change) -> None:
    assert (await made(world, people, BARE))["userErrors"] == []

    assert set((await world.audited())[-1].fields) & NAME_AND_PHONE == set()


async def test_noting_it_costs_no_statement(world: World, people: People) -> None:
    """Withdrawing again changes nothing, so that only the answers differ: the keys of the values that are shown."""
    await deny(world, people, BARE)
    counts = []
    for answer in (BARE, ASKED):
        for seen in watched(world):
            await deny(world, people, answer)
            counts.append(len(seen))

    assert counts[1] - counts[0] == 1


async def test_an_app_that_no_longer_reaches_whoever_says_no_is_shown_nothing_and_nothing_is_noted(
    world: World, people: People
) -> None:
    """The mini-program takes a no from who restricted everything, and reads nothing of them."""
    _, errors = await object_to(world, "member", {"everything": True}, member=people.whole)
    assert errors == []
    query = change("consentWithdraw", ASKED, keyed=False).replace("ConsentWithdrawInput", "ConsentDenialInput")

    sent = {"input": {"purpose": "MARKETING"}}
    payload = (await world.ask("app_mini_program", query, variables=sent, member=people.whole))["consentWithdraw"]

    assert (payload["member"], payload["userErrors"]) == (None, [])
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome) == ("consentWithdraw", "ok")
    assert [word for word in entry.fields if word.startswith("member.")] == []
