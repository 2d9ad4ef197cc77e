"""What the consent lines of channel files come to: each as what it is, and none widens a later refusal."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Row, event

from member_hub.consent.history.reading import decisions_of
from member_hub.consent.words import Act, Actor, ConsentState
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from tests.consent.deciding import bits, happen, inform, publish, said
from tests.hub import NOW, Hub, website

S = ConsentState
PHONE, OTHER_PHONE = "13916402285", "13716402285"
BORN = "1990-01-01"
BIT = 5


def line(purpose: str, *, granted: bool, at: str = "2025-01-01", notice: str = "website-2024-01") -> dict[str, object]:
    return {"purpose": purpose, "granted": granted, "at": f"{at}T10:30:00+08:00", "notice": notice}


async def tell(hub: Hub, at: str, *lines: dict[str, object], account: str = "W1", **more: object) -> MemberId:
    """The website tells of an account, and of these lines."""
    known = {"phone": PHONE, "birthday": BORN} | more
    await hub.deliver(Source.WEBSITE, website(account, at, consents=list(lines), **known))
    return await hub.member_of(Channel.WEBSITE, account)


async def events(hub: Hub) -> list[Row[tuple[object, ...]]]:
    return sorted(await hub.rows("hub.consent_event"), key=lambda row: row.sequence)


async def standing_of(hub: Hub, member: MemberId) -> dict[tuple[str, str, bytes | None], ConsentState]:
    async with transaction(hub.database.app) as tx:
        found = (await decisions_of(tx, [member]))[member]
    return {(one.slot.purpose, one.slot.channel, one.slot.contact): one.state for one in found.standing}


async def test_a_tick_in_a_file_is_an_event_under_its_notice_for_the_phone_of_then(hub: Hub) -> None:
    notice = await publish(hub, "website-2024-01", gates={("marketing", ""): BIT})

    member = await tell(hub, "2025-01-01", line("marketing_sms", granted=True), line("personalisation", granted=True))

    [first, second] = await events(hub)
    assert {(e.purpose, e.channel, e.has_contact) for e in (first, second)} == {
        ("marketing", "sms", True),
        ("personalisation", "", False),
    }
    for one in (first, second):
        assert (one.member_id, one.actor, one.method, one.acted_by) == (member, "file", "channel_file", "file")
        assert (one.act, one.state_from, one.state_to) == ("grant", "never_asked", "granted")
        assert (one.notice_id, one.also) == (notice, None)
        assert one.occurred_at == datetime(2025, 1, 1, 2, 30, tzinfo=UTC)
        assert one.recorded_at == NOW
    (contact,) = await hub.rows("vault.consent_contact")
    assert contact.token == hub.vault.token("phone", "", f"+86{PHONE}")
    assert {row.applied_at for row in await hub.rows("hub.consent_line")} == {NOW}


async def test_marketing_waits_until_somebody_has_put_a_notice_before_the_member(hub: Hub) -> None:
    notice = await publish(hub, "website-2024-01", gates={("marketing", ""): BIT})
    member = await tell(hub, "2025-01-01", line("marketing_sms", granted=True))
    assert (await bits(hub, member))[0] == 0

    await inform(hub, member, notice)
    await tell(hub, "2025-02-01", line("personalisation", granted=False))

    assert (await bits(hub, member))[0] == 1 << BIT


async def test_the_contract_needs_no_consent_and_makes_no_event(hub: Hub) -> None:
    await tell(hub, "2025-01-01", line("service_terms", granted=True))

    assert await events(hub) == []
    assert [row.applied_at for row in await hub.rows("hub.consent_line")] == [NOW]


@pytest.mark.parametrize(
    ("lines", "final"),
    [
        ((("2025-01-01", True), ("2025-03-01", False)), S.WITHDRAWN),
        ((("2025-01-01", False), ("2025-03-01", True)), S.GRANTED),
        ((("2025-01-01", True), ("2025-03-01", False), ("2025-05-01", False)), S.WITHDRAWN),
        ((("2025-01-01", False), ("2025-03-01", False)), S.REFUSED),
        ((("2025-01-01", True), ("2025-01-01", False)), S.WITHDRAWN),  # said in one breath: the refusal counts
        ((("2025-01-01", True), ("2025-03-01", False), ("2025-05-01", True)), S.GRANTED),
    ],
)
async def test_lines_in_any_order_come_to_the_same(
    hub: Hub, lines: tuple[tuple[str, bool], ...], final: ConsentState
) -> None:
    await publish(hub, "website-2024-01")
    token = hub.vault.token("phone", "", f"+86{PHONE}")

    for number, order in enumerate(itertools.permutations(lines)):
        for step, (at, granted) in enumerate(order):
            account = f"W{number}"
            told = line("marketing_sms", granted=granted, at=at)
            # Born on days of their own, so that nobody is taken for anybody else.
            born = str(datetime(1980, 1, 1, tzinfo=UTC).date() + timedelta(days=number * 400))
            phone = f"1391234{number:04}"
            member = await tell(hub, f"2025-06-{step + 1:02}", told, account=account, phone=phone, birthday=born)
        token = hub.vault.token("phone", "", f"+86{phone}")
        found = await standing_of(hub, member)
        assert found.get(("marketing", "sms", token), found.get(("marketing", "sms", None))) is final, order


async def test_a_refusal_counts_whatever_its_text_and_for_every_number(hub: Hub) -> None:
    member = await tell(hub, "2025-01-01", line("marketing_sms", granted=False, notice="nobody-knows"))

    [one] = await events(hub)
    assert (one.act, one.state_to, one.notice_id, one.has_contact) == ("refuse", "refused", None, False)
    assert await standing_of(hub, member) == {("marketing", "sms", None): S.REFUSED}


@pytest.mark.parametrize("at", ["2023-12-31", "2026-12-01"], ids=["before its notice", "in the future"])
async def test_a_tick_at_an_impossible_time_is_no_informed_consent(hub: Hub, at: str) -> None:
    notice = await publish(hub, "website-2024-01", gates={("marketing", ""): BIT})
    member = await tell(hub, "2025-01-01", line("personalisation", granted=True, at=at))
    await inform(hub, member, notice)

    lines = await hub.rows("hub.consent_line")
    found = await events(hub)
    if lines:  # what the reader of the file lets through
        assert [(e.act, e.state_to) for e in found] == [("invalidate", "invalidated")]
        assert found[0].occurred_at <= NOW
    assert (await bits(hub, member))[0] == 0


async def test_a_tick_under_a_text_that_did_not_ask_for_it_is_none(hub: Hub) -> None:
    await publish(hub, "website-2024-01", purposes=("personalisation",))

    await tell(hub, "2025-01-01", line("marketing_sms", granted=True))

    assert [one.state_to for one in await events(hub)] == ["invalidated"]


async def test_a_tick_under_the_text_of_another_handler_waits(hub: Hub) -> None:
    await publish(hub, "website-2024-01", handler="another")

    await tell(hub, "2025-01-01", line("marketing_sms", granted=True), line("nobody_knows", granted=False))

    assert await events(hub) == []
    assert [row.applied_at for row in await hub.rows("hub.consent_line")] == [None, None]


async def test_a_file_does_not_widen_what_the_member_refused_meanwhile(hub: Hub) -> None:
    notice = await publish(hub, "website-2024-01", gates={("marketing", ""): BIT})
    member = await tell(hub, "2025-01-01", line("marketing_sms", granted=True))
    await inform(hub, member, notice)
    origin = await hub.origin_of(Channel.WEBSITE, "W1")
    no = said(member, origin, Act.WITHDRAW, S.WITHDRAWN, occurred_at=NOW - timedelta(days=1))
    await happen(hub, no, now=NOW - timedelta(days=1))

    await tell(hub, "2026-11-07", line("marketing_sms", granted=True, at="2026-01-01"))

    assert set((await standing_of(hub, member)).values()) == {S.WITHDRAWN}
    assert (await bits(hub, member))[0] == 0


async def test_a_grant_is_for_the_number_that_was_stated_then_and_for_no_later_one(hub: Hub) -> None:
    await publish(hub, "website-2024-01")
    member = await tell(hub, "2025-01-01", line("marketing_sms", granted=True, at="2025-01-01"))
    await tell(hub, "2025-06-01", phone=OTHER_PHONE)
    await tell(hub, "2025-07-01", line("marketing_sms", granted=True, at="2025-02-02"), phone=OTHER_PHONE)

    old = hub.vault.token("phone", "", f"+86{PHONE}")
    assert await standing_of(hub, member) == {("marketing", "sms", old): S.GRANTED}


async def test_the_batch_is_put_on_record_once_with_its_members_and_words(hub: Hub) -> None:
    await publish(hub, "website-2024-01")

    member = await tell(hub, "2025-01-01", line("marketing_sms", granted=True), line("personalisation", granted=False))

    [entry] = [row for row in await hub.rows("hub.audit_entry") if row.operation == "ingest website"]
    assert (entry.caller_kind, entry.caller, entry.member_ids) == ("SYSTEM", "import", [member])
    assert entry.fields == ["consent.granted:marketing.sms", "consent.refused:personalisation"]


async def test_a_dry_run_decides_nothing_and_puts_nothing_on_record(hub: Hub) -> None:
    await publish(hub, "website-2024-01")
    file = hub.folder / "website.jsonl"
    await tell(hub, "2025-01-01", line("marketing_sms", granted=True))
    before = await hub.counts()
    entries = len(await hub.rows("hub.audit_entry"))
    file.write_text(file.read_text("utf-8").replace("W1", "W9").replace(PHONE, OTHER_PHONE), "utf-8")

    await hub.ingest(Source.WEBSITE, file, dry_run=True)

    assert await hub.counts() == before
    assert len(await hub.rows("hub.audit_entry")) == entries


async def test_a_batch_takes_as_many_statements_for_thirty_accounts_as_for_three(hub: Hub) -> None:
    await publish(hub, "website-2024-01")
    counted = [0]
    event.listen(hub.database.app.sync_engine, "before_cursor_execute", lambda *_: counted.append(counted.pop() + 1))

    taken = []
    for some in (range(3), range(10, 40)):
        counted[:] = [0]
        messages = [
            website(f"W{n}", "2025-01-01", phone=f"1391234{n:04}", consents=[line("marketing_sms", granted=True)])
            for n in some
        ]
        await hub.deliver(Source.WEBSITE, *messages)
        taken.append(counted[0])

    assert taken[0] == taken[1]
    assert len(await events(hub)) == 33


async def test_nothing_is_settled_and_little_is_asked_where_no_line_comes(hub: Hub) -> None:
    statements: list[str] = []
    event.listen(hub.database.app.sync_engine, "before_cursor_execute", lambda *said: statements.append(str(said[2])))

    await hub.deliver(Source.WEBSITE, *(website(f"W{n}", "2025-01-01", phone=f"1391234{n:04}") for n in range(5)))

    of_members = ("consent_bits", "consented_fields")
    assert [one for one in statements if "consent" in one and not any(column in one for column in of_members)] == []


async def test_actor_and_method_say_that_it_was_a_file(hub: Hub) -> None:
    await publish(hub, "website-2024-01")
    member = await tell(hub, "2025-01-01", line("personalisation", granted=True))

    async with transaction(hub.database.app) as tx:
        [one] = (await decisions_of(tx, [member]))[member].events
    assert (one.actor, one.also) == (Actor.FILE, frozenset())
