"""The state machine of consent, held against the table and driven at random through the real actions."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from member_hub.consent.history.reading import decisions_of
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot
from member_hub.consent.machine import CONSENT
from member_hub.consent.notice import notices
from member_hub.consent.notice.gates import current_gates
from member_hub.consent.scopes import slot_of, word
from member_hub.consent.words import Act, ConsentState
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.members.tables import AgeBand
from member_hub.privacy import Purpose
from tests.graphql.consents import PARTNER, PERSONAL, SMS, aged, asked, bits_of, deny, give, history, published
from tests.graphql.world import People, World

S = ConsentState
ACTS = (
    "ask",
    "yes",
    "ask_yes",
    "ask_yes",
    "ask_yes_until",
    "no",
    "no_channel",
    "no_partner",
    "child",
    "adult",
    "change",
    "renew",
)
NO: dict[str, dict[str, str]] = {
    "no": {},
    "no_channel": {"channel": "SMS"},
    "no_partner": {"recipient": "partner_brand"},
}
CHANGES_MAX = 50  # less than half of them material
WHAT = {"marketing::sms": SMS, "personalisation::": PERSONAL, "marketing:partner_brand:sms": PARTNER}


def test_every_state_is_reached_and_left() -> None:
    reached, waiting = {S.NEVER_ASKED}, [S.NEVER_ASKED]
    while waiting:
        state = waiting.pop()
        fresh = {to for (begin, _), (to, _) in CONSENT.items() if begin is state} - reached
        reached |= fresh
        waiting += fresh

    assert reached == set(S)
    assert {begin for begin, _ in CONSENT} == set(S) - {S.CLOSED}


def test_from_every_state_but_the_end_there_is_a_way_to_a_yes_and_to_a_no() -> None:
    for goal in (S.GRANTED, S.REFUSED):
        leads = {goal}
        while fresh := {begin for (begin, _), (to, _) in CONSENT.items() if to in leads} - leads:
            leads |= fresh
        assert leads == set(S) - {S.CLOSED}


def test_nobody_has_to_be_asked_to_say_no() -> None:
    done = {S.REFUSED, S.WITHDRAWN, S.CLOSED}
    no = {Act.REFUSE, Act.WITHDRAW}

    assert {begin for begin, act in CONSENT if act in no} == set(S) - done


def test_every_transition_has_its_word_for_the_audit_log() -> None:
    assert [one for one, (_, said) in CONSENT.items() if not said.startswith("consent.")] == []


@pytest.mark.parametrize(
    "slot", [Slot("marketing"), Slot("marketing", "", "sms"), Slot("marketing", "partner_brand", "app_push")]
)
def test_a_slot_is_read_back_from_its_word(slot: Slot) -> None:
    assert slot_of(word(slot)) == slot


@pytest.mark.parametrize(
    "said", ["", "marketing.", "marketing.to", "marketing.fax", "marketing.sms.to.partner", "a.b.c"]
)
def test_what_is_no_such_word_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="no word"):
        slot_of(said)


def test_whatever_is_done_in_whichever_order_the_machine_the_record_and_the_bits_agree(
    world: World, people: People, run: Callable[[Any], Any]
) -> None:
    step = st.tuples(st.sampled_from(ACTS), st.sampled_from(sorted(WHAT)))

    @settings(max_examples=14, deadline=None, database=None, derandomize=True)
    @given(steps=st.lists(step, min_size=4, max_size=12))
    def holds(steps: list[tuple[str, str]]) -> None:
        run(_drive(world, people.whole, steps))

    holds()
    done = {(row.act, row.state_from) for row in run(history(world))}
    assert done >= {
        ("grant", "asked"),
        ("grant", "stale"),
        ("grant", "granted"),
        ("withdraw", "granted"),
        ("withdraw", "asked"),
    }
    assert done >= {("grant_by_child", "asked"), ("withdraw", "guardian_pending"), ("member_initiates", "withdrawn")}


async def _drive(world: World, member: MemberId, steps: list[tuple[str, str]]) -> None:
    drive = _Drive(world, member)
    await drive.do("adult", "")
    await drive.publish()
    for act, what in steps:
        world.clock.at += timedelta(minutes=1)
        await drive.do(act, what)
        await _agree(world, member)


class _Drive:
    """Random acts of one member, and the askings that they answer."""

    number = 0  # of notices, over all examples: they share a hub, and a material change uses up two bits

    def __init__(self, world: World, member: MemberId) -> None:
        self.world, self.member = world, member
        self.served: dict[str, str] = {}

    async def do(self, act: str, what: str) -> None:
        match act:
            case "ask":
                self.served[what] = await asked(self.world, self.member, self.notice, what, by_member=True)
            case "yes":
                await self._recorded(self._yes(what))
            case "ask_yes":
                await self.do("ask", what)
                await self._recorded(self._yes(what))
            case "ask_yes_until":
                await self.do("ask", what)
                await self._recorded(self._yes(what, until=(self.world.clock.at + timedelta(days=1000)).isoformat()))
            case "no" | "no_channel" | "no_partner":
                await self._recorded(deny(self.world, self.member, **(NO[act] or {"purpose": WHAT[what]["purpose"]})))
            case "child" | "adult":
                await aged(self.world, self.member, AgeBand(act))
                async with transaction(self.world.hub.database.app) as tx:
                    await settle(tx, [self.member], catalogue=self.world.hub.catalogue, now=self.world.clock.at)
            case "renew":
                for one in ("ask_yes", "change", "ask_yes"):
                    await self.do(one, "marketing::sms")
            case "change" if _Drive.number < CHANGES_MAX:
                await self.publish(Purpose.MARKETING)

    async def publish(self, *changed: Purpose) -> None:
        _Drive.number += 1
        self.world.clock.at += timedelta(minutes=1)
        self.notice = await published(self.world, f"n-{_Drive.number}", changed=changed)

    async def _yes(self, what: str, until: str | None = None) -> Any:
        key = f"{what}-{self.world.clock.at.isoformat()}"
        served = self.served.get(what)
        return await give(self.world, self.member, served, WHAT[what], notice=self.notice.name, key=key, until=until)

    async def _recorded(self, act: Coroutine[Any, Any, Any]) -> None:
        """Every event of the act is a transition of the table, with its word in the act's own audit entry."""
        before = len(await history(self.world))
        await act
        entry = (await self.world.audited())[-1]
        for row in (await history(self.world))[before:]:
            to, said = CONSENT[ConsentState(row.state_from), Act(row.act)]
            assert to == row.state_to
            assert f"{said}:{word(Slot(row.purpose, row.recipient, row.channel))}" in entry.fields
            assert row.request_id == entry.request_id


async def _agree(world: World, member: MemberId) -> None:
    """The bits that count are those of what stands granted, under a notice that is new enough, of somebody grown up."""
    async with transaction(world.hub.database.app) as tx:
        decided = (await decisions_of(tx, [member]))[member]
        gates = await current_gates(tx)
        under = await notices.named(tx, {one.by.notice_id for one in decided.standing if one.by.notice_id})
    expected = 0
    for one in decided.standing:
        gate = gates["brand", one.slot.purpose, one.slot.recipient]
        is_new_enough = one.by.notice_id in under and under[one.by.notice_id].effective_at >= gate.effective_at
        if one.state is S.GRANTED and is_new_enough and decided.age_band is AgeBand.ADULT:
            expected |= gate.mask
    counting = sum({gate.mask for gate in gates.values()})
    assert await bits_of(world, member) & counting == expected
