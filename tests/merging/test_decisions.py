"""What members decided goes through real merges and splits: most protective together, each side's own apart (C4)."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import event

from member_hub.consent.history.reading import decisions_of
from member_hub.consent.tables import Objection
from member_hub.consent.words import Act, ConsentState
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, uuid7
from member_hub.ingest.words import Source
from member_hub.members.bits import PROFILING, PURPOSE_BITS
from member_hub.members.tables import AgeBand, Channel
from member_hub.members.taggings import Tagging
from member_hub.merging.apart import keep_apart
from member_hub.privacy import Purpose
from tests.consent.deciding import MARKETING, bits, happen, inform, publish, said
from tests.graphql.world import said as stated
from tests.hub import NOW, Hub, app, verified, website

PHONE = "13911110001"
BORN = "1990-04-12"
WEBSITE = website("W1", "2025-01-01", name="张晓明", birthday=BORN, **verified("2025-01-01", PHONE))
APP_ALONE = app("A1", "2025-02-20", unionid="o6_one", openid="oX1", birth=BORN)
APP = app("A1", "2025-03-01", unionid="o6_one", openid="oX1", birth=BORN, mobile=PHONE)
BIT = 4
GATES = {("marketing", ""): BIT}
YES, NO = (Act.GRANT, ConsentState.GRANTED), (Act.REFUSE, ConsentState.REFUSED)


async def two(hub: Hub) -> tuple[MemberId, MemberId, UUID]:
    """Two adults who were informed, and the notice."""
    notice = await publish(hub, "n1", gates=GATES)
    await hub.deliver(Source.WEBSITE, WEBSITE)
    await hub.deliver(Source.APP, APP_ALONE)
    one, other = await hub.member_of(Channel.WEBSITE, "W1"), await hub.member_of(Channel.APP, "A1")
    assert one != other
    for member in (one, other):
        await inform(hub, member, notice)
    return one, other, notice


async def decide(
    hub: Hub, channel: Channel, number: str, how: tuple[Act, ConsentState], notice: UUID, *, minute: int = 0
) -> None:
    """A live act through an account, for all accounts that the member has at this moment."""
    member, origin = await hub.member_of(channel, number), await hub.origin_of(channel, number)
    async with transaction(hub.database.app) as tx:
        also = (await decisions_of(tx, [member]))[member].origins - {origin}
    at = NOW + timedelta(minutes=minute)
    done = said(member, origin, *how, notice_id=notice)
    await happen(hub, replace(done, also=also, occurred_at=at), now=at)


async def state_of(hub: Hub, channel: Channel, number: str) -> ConsentState | None:
    member = await hub.member_of(channel, number)
    async with transaction(hub.database.app) as tx:
        found = (await decisions_of(tx, [member]))[member].standing
    stored = [row.state for row in await hub.rows("hub.consent_current") if row.member_id == member]
    assert sorted(stored) == sorted(one.state.value for one in found)  # the projection is the fold
    return next((one.state for one in found if one.slot == MARKETING), None)


async def consents(hub: Hub) -> tuple[tuple[ConsentState | None, int], tuple[ConsentState | None, int]]:
    """Where marketing stands for the website's and for the app's account, and the bits of their members."""
    found = []
    for channel, number in ((Channel.WEBSITE, "W1"), (Channel.APP, "A1")):
        state = await state_of(hub, channel, number)
        found.append((state, (await bits(hub, await hub.member_of(channel, number)))[0]))
    return found[0], found[1]


async def apart(hub: Hub) -> None:
    pair = (Channel.WEBSITE, "W1"), (Channel.APP, "A1")
    await keep_apart(hub.database, hub.resolver, *pair, reason="different_people", said_by="test", now=NOW)


S, ON = ConsentState, 1 << BIT


async def test_a_refusal_of_either_counts_for_both_and_a_split_gives_the_grant_back(hub: Hub) -> None:
    one, other, notice = await two(hub)
    await decide(hub, Channel.WEBSITE, "W1", YES, notice)
    await decide(hub, Channel.APP, "A1", NO, notice)
    assert await consents(hub) == ((S.GRANTED, ON), (S.REFUSED, 0))

    await hub.deliver(Source.APP, APP)
    assert await consents(hub) == ((S.REFUSED, 0), (S.REFUSED, 0))
    assert {row.member_id for row in await hub.rows("hub.consent_current")} == {one}
    assert (await bits(hub, other))[:3] == (0, 0, None)

    await apart(hub)
    assert await consents(hub) == ((S.GRANTED, ON), (S.REFUSED, 0))


async def test_an_objection_or_a_refusal_of_either_takes_the_tags_of_both_in_the_merge(hub: Hub) -> None:
    one, other, notice = await two(hub)
    await decide(hub, Channel.APP, "A1", YES, notice)
    await decide(hub, Channel.WEBSITE, "W1", NO, notice)
    rows = [("plain", 0, False), ("shy", PROFILING, True), ("mailing", PURPOSE_BITS[Purpose.MARKETING], False)]
    async with transaction(hub.database.app) as tx:
        for tag, bits_, profiles in rows:
            row = {
                "member_id": other, "tag": tag, "given_id": uuid7(), "handler": "brand", "how": "hand", "origins": [],
                "since": NOW, "given_by": "E1", "version": 1, "is_profiling": profiles, "restricted_by": bits_,
            }  # fmt: skip
            await tx.execute(table_of(Tagging).insert(), row)
        objected = {
            "member_id": one, "objection_id": uuid7(), "origin_id": await hub.origin_of(Channel.WEBSITE, "W1"),
            "also": [], "scope": ["profiling"], "actor": "member", "placed_by": "member", "placed_at": NOW,
        }  # fmt: skip
        await tx.execute(table_of(Objection).insert(), objected)

    await hub.deliver(Source.APP, APP)

    assert [(row.member_id, row.tag) for row in await hub.rows("hub.tagging")] == [(one, "plain")]


async def test_withdrawn_while_one_stays_withdrawn_on_both_sides(hub: Hub) -> None:
    _, _, notice = await two(hub)
    await decide(hub, Channel.WEBSITE, "W1", YES, notice)
    await decide(hub, Channel.APP, "A1", YES, notice)
    await hub.deliver(Source.APP, APP)
    assert (await consents(hub))[0] == (S.GRANTED, ON)
    await decide(hub, Channel.WEBSITE, "W1", (Act.WITHDRAW, S.WITHDRAWN), notice, minute=1)

    await apart(hub)

    assert await consents(hub) == ((S.WITHDRAWN, 0), (S.WITHDRAWN, 0))


async def test_granted_while_one_counts_on_the_side_that_granted(hub: Hub) -> None:
    _, _, notice = await two(hub)
    await hub.deliver(Source.APP, APP)
    await decide(hub, Channel.APP, "A1", YES, notice, minute=1)
    assert (await consents(hub))[0] == (S.GRANTED, ON)

    await apart(hub)

    assert await consents(hub) == ((None, 0), (S.GRANTED, ON))


async def test_nobody_is_asked_anew_or_granted_by_a_merge_of_people_who_decided_nothing(hub: Hub) -> None:
    await two(hub)
    await hub.deliver(Source.APP, APP)

    assert await consents(hub) == ((None, 0), (None, 0))
    assert await hub.rows("hub.consent_event") == []


async def age_of(hub: Hub, channel: Channel, number: str) -> str:
    member = await hub.member_of(channel, number)
    return next(str(row.age_band) for row in await hub.rows("hub.member") if row.member_id == member)


async def test_the_youngest_date_of_all_accounts_decides_and_goes_with_its_account(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, WEBSITE | {"birthday": None})
    await hub.deliver(Source.APP, APP_ALONE | {"birth": "2015-06-01"})
    assert await age_of(hub, Channel.WEBSITE, "W1") == AgeBand.UNKNOWN
    assert await age_of(hub, Channel.APP, "A1") == AgeBand.CHILD

    await hub.deliver(Source.APP, APP | {"birth": "2015-06-01"})
    assert await hub.member_of(Channel.WEBSITE, "W1") == await hub.member_of(Channel.APP, "A1")
    assert await age_of(hub, Channel.WEBSITE, "W1") == AgeBand.CHILD

    await apart(hub)
    assert await age_of(hub, Channel.WEBSITE, "W1") == AgeBand.UNKNOWN
    assert await age_of(hub, Channel.APP, "A1") == AgeBand.CHILD


async def test_an_older_date_of_the_same_account_makes_nobody_an_adult(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, WEBSITE | {"birthday": "2014-06-01"})
    later = website("W1", "2025-02-01", name="张晓明", birthday="1990-04-12", **verified("2025-01-01", PHONE))

    await hub.deliver(Source.WEBSITE, later)

    assert await age_of(hub, Channel.WEBSITE, "W1") == AgeBand.CHILD


async def test_members_of_a_first_import_are_to_be_told_once_and_those_who_became_one_of_that(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, WEBSITE)
    await hub.deliver(Source.APP, APP_ALONE)
    await hub.deliver(Source.WEBSITE, WEBSITE | {"message_id": "again", "name": "张晓"})
    one, other = await hub.member_of(Channel.WEBSITE, "W1"), await hub.member_of(Channel.APP, "A1")
    told = {(one, "privacy_notice", None), (other, "privacy_notice", None)}
    assert await tasks(hub) == told

    await hub.deliver(Source.APP, APP)
    assert await tasks(hub) == told | {(one, "identities_united", None)}
    await hub.deliver(Source.APP, APP)
    assert len(await hub.rows("hub.notice_task")) == 3


async def test_who_is_typed_live_is_shown_the_notice_there_and_not_sent_it(hub: Hub) -> None:
    await hub.resolve([replace(stated(Channel.STORE, "1000000001"), is_vouched=False)])

    assert await tasks(hub) == set()


async def test_a_batch_asks_for_its_new_members_in_one_statement(hub: Hub) -> None:
    asked: list[str] = []
    event.listen(hub.database.app.sync_engine, "before_cursor_execute", lambda *said: asked.append(str(said[2])))

    await hub.deliver(Source.WEBSITE, *(website(f"W{n}", "2025-01-01", phone=f"1391234{n:04}") for n in range(30)))

    assert len([one for one in asked if one.startswith("INSERT INTO hub.notice_task")]) == 1
    assert len(await tasks(hub)) == 30


async def tasks(hub: Hub) -> set[tuple[MemberId, str, UUID | None]]:
    """Who is to be told what, about what."""
    return {(row.member_id, row.kind, row.subject_ref) for row in await hub.rows("hub.notice_task")}
