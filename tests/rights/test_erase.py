"""Erasing a person for good (PIPL 47): nothing is left that finds them or opens, and nobody else loses anything."""

from pathlib import Path

import pytest

from member_hub.consent.history.recording import verify
from member_hub.crypto import LedgerKind
from member_hub.db import snapshot, transaction
from member_hub.errors import NotFound
from member_hub.identity.kinds import ClaimKind
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import Channel
from member_hub.points.checking import self_check
from member_hub.privacy import OnErasure, declaration
from member_hub.tables import METADATA
from tests.rights import files
from tests.rights.copies import opens, sealed_copies
from tests.rights.populating import is_guardian
from tests.rights.world import NOW, PERSONAL_TABLES, Source, World


async def hers(world: World) -> MemberId:
    return await world.member_of(Channel.WEBSITE, files.WEBSITE)


GONE = {
    "hub.act_approval": 1,
    "hub.activity": 2,
    "hub.approval": 1,
    "hub.channel_account": 4,
    "hub.consent_current": 2,
    "hub.consent_evidence": 1,
    "hub.consent_line": 3,
    "hub.benefit_again": 1,
    "hub.benefit_use": 1,
    "hub.entitlement": 1,
    "hub.growth_entry": 6,
    "hub.guardian_link": 1,
    "hub.identity_claim": 14,
    "hub.member": 2,
    "hub.member_code": 1,
    "hub.member_store": 1,
    "hub.minor_approval": 1,
    "hub.never_merge": 1,
    "hub.notice_task": 4,  # two privacy notices, that two members are one, and a released phone
    "hub.objection": 1,
    "hub.one_time_code": 1,
    "hub.order_line": 4,
    "hub.points_hold": 1,
    "hub.points_hold_lot": 1,
    "hub.points_line": 5,  # of the files four, one of them a refund
    "hub.points_lot": 5,  # three lines of the files, the opening balance of a card, an order
    "hub.points_opening": 1,
    "hub.profile_value": 8,
    "hub.quarantine": 4,
    "hub.review_candidate": 1,
    "hub.second_try": 1,
    "hub.session": 1,
    "hub.tag_due": 1,
    "hub.tagging": 1,
    "hub.tier_change": 1,
    "hub.tier_merge": 1,
    "hub.tier_rise": 1,
    "hub.tier_standing": 1,
    "hub.waiting_line": 1,
    "vault.consent_contact": 1,
    "vault.identity_hint": 14,
    "vault.identity_token": 9,
}


async def test_every_row_and_every_key_goes_and_the_member_becomes_a_tombstone(world: World) -> None:
    person = await world.person(await hers(world))
    before = await world.counts()

    done = await world.erase(person.member_id)

    assert (done.member_id, done.ledger_seq) == (person.member_id, 1)
    assert done.rows == GONE
    left = {t: n - done.rows.get(t, 0) for t, n in before.items()}
    # The tombstones stay; what she decided and was told stays as evidence, with an end to what stood; and her books.
    kept = {"hub.member", "hub.notice_served", "hub.points_account", "hub.points_entry", "hub.points_line"}
    left |= {t: before[t] for t in kept}
    left["hub.consent_event"] = before["hub.consent_event"] + 1
    left["hub.points_entry"] += 6  # the hold ends, what she had of four lots is forfeited, the account closes
    assert await world.counts() == left
    gone = {*person.member_ids, *person.origin_ids}
    assert [row for row in await world.rows("vault.data_key") if row.subject in gone] == []
    assert done.keys > 0


async def test_the_tombstones_say_nothing_of_the_person(world: World) -> None:
    person = await world.person(await hers(world))

    await world.erase(person.member_id)

    tombs = [row for row in await world.rows("hub.member") if row.member_id in person.member_ids]
    assert [(row.status, row.merged_into, row.channels, row.consent_bits) for row in tombs] == 2 * [
        ("erased", None, 0, 0)
    ]
    columns = METADATA.tables["hub.member"].c
    telling = [
        c.name for c in columns if declaration(c).is_personal and declaration(c).on_erasure is not OnErasure.KEEP
    ]
    assert {getattr(row, name) for row in tombs for name in telling} == {None}


async def test_no_row_anywhere_names_an_account_of_hers_but_the_log_of_merges_and_of_decisions(world: World) -> None:
    person = await world.person(await hers(world))
    gone = {str(origin) for origin in person.origin_ids}

    await world.erase(person.member_id)

    naming = {
        table
        for table in METADATA.tables
        for row in await world.rows(table)
        if any(str(origin) in gone for value in row for origin in (value if isinstance(value, list) else [value]))
    }
    # Ids only, and nothing that they lead to: an unmerge needs the one, the other is evidence (PIPL 9, 69).
    assert naming == {"hub.merge_event", "hub.consent_event", "hub.points_entry"}


async def test_of_her_points_nothing_is_left_but_books_that_add_up(world: World) -> None:
    person = await world.person(await hers(world))

    await world.erase(person.member_id)

    (account,) = [row for row in await world.rows("hub.points_account") if row.member_id == person.member_id]
    assert account.state == "closed"
    assert (account.active, account.pending, account.held, account.debt) == (0, 0, 0, 0)
    entries = [e for e in await world.rows("hub.points_entry") if e.member_id == person.member_id]
    assert [e.act for e in entries if e.act in ("release", "close")] == ["release", "close"]
    assert sum(e.amount for e in entries if e.act == "forfeit") == 1_280 + 100 + 559  # opening, order, lines of files
    own = {t: await world.rows(f"hub.points_{t}") for t in ("lot", "hold", "hold_lot", "opening")}
    assert [row for rows in own.values() for row in rows if row.member_id == person.member_id] == []
    lines = [row for row in await world.rows("hub.points_line") if row.member_id == person.member_id]
    assert {(row.order_no, row.origin_id) for row in lines} == {(None, None)}  # they stay counted, whoever brings them
    async with snapshot(world.database.app) as tx:
        assert await self_check(tx, [person.member_id]) == []


async def test_she_is_found_by_no_key_afterwards(world: World) -> None:
    root = await hers(world)
    assert set(await world.found_by(*files.HERS)) == {root}

    await world.erase(root)

    phone_of_ming = await world.member_of(Channel.STORE, files.CARD_OF_MING)
    assert await world.found_by(*files.HERS) == [phone_of_ming, *[None] * 7]
    tokens = {world.vault.token(*key) for key in files.HERS[1:]}
    assert [
        r for t in ("vault.identity_hint", "vault.identity_token") for r in await world.rows(t) if r.token in tokens
    ] == []


async def test_old_copies_of_her_rows_open_with_nothing_that_is_left(world: World) -> None:
    person = await world.person(await hers(world))
    old = [copy async for copy in sealed_copies(world)]
    before = await opens(world, old)

    await world.erase(person.member_id)

    after = await opens(world, old)
    hers_before = [copy for copy in before if copy.subject in {*person.member_ids, *person.origin_ids}]
    assert len(hers_before) == 37
    assert not {copy.subject for copy in after} & {*person.member_ids, *person.origin_ids}
    # Of the copies of others all open, but for what was sealed again: the runs in which a row of hers was refused.
    assert {copy.column.table.fullname for copy in set(before) - set(after) - set(hers_before)} == {
        "hub.quarantine",
        "hub.waiting_line",
    }


async def test_her_neighbours_keep_everything_and_their_values_open(world: World) -> None:
    neighbours = [
        (Channel.WEBSITE, files.KEPT_APART),
        (Channel.APP, files.TABLET_USER),
        (Channel.STORE, files.CARD_OF_MING),
        (Channel.WEBSITE, files.OLD_OWNER),
        (Channel.WEBSITE, files.NEW_OWNER),
    ]
    ids = [await world.member_of(*account) for account in neighbours]
    before = [await world.export(one) for one in ids]

    await world.erase(await hers(world))

    after = [await world.export(one) for one in ids]
    for copy in (*before, *after):  # what was noted about a pair with her goes with her
        copy["held"].pop("hub.never_merge", None)
        copy["held"].pop("hub.review_candidate", None)
    assert after == before
    assert "cannot be opened" not in str(after)


async def test_refused_rows_of_others_in_the_same_runs_still_open(world: World) -> None:
    await world.erase(await hers(world))

    left = await opens(world, [copy async for copy in sealed_copies(world, "hub.quarantine")])
    assert len(left) == len(await world.rows("hub.quarantine")) == 3
    assert sorted((row.source, row.reason) for row in await world.rows("hub.quarantine")) == [
        ("app", "missing_key"),  # somebody at the tablet
        ("orders", "bad_amount"),  # Gu Ming
        ("website", "impossible_time"),  # He Li
    ]


async def test_the_other_owner_of_a_recycled_phone_is_still_found(world: World) -> None:
    old, new = [await world.member_of(Channel.WEBSITE, account) for account in (files.OLD_OWNER, files.NEW_OWNER)]
    phone = (ClaimKind.PHONE, "", f"+86{files.RECYCLED}")
    assert await world.found_by(phone) == [new]

    await world.erase(old)

    assert await world.found_by(phone) == [new]
    assert await world.found_by((ClaimKind.EMAIL, "", "jiu.zhao.demo@163.com")) == [None]


async def test_erasing_the_new_owner_does_not_give_the_phone_to_the_old_one(world: World) -> None:
    new = await world.member_of(Channel.WEBSITE, files.NEW_OWNER)

    await world.erase(new)

    assert await world.found_by((ClaimKind.PHONE, "", f"+86{files.RECYCLED}")) == [None]


async def test_a_merged_id_erases_the_member_it_was_merged_into(world: World) -> None:
    person = await world.person(await hers(world))
    [absorbed] = person.absorbed_ids

    done = await world.erase(absorbed)

    assert done.member_id == person.member_id
    for one in person.member_ids:
        with pytest.raises(NotFound):
            await world.person(one)


async def test_erasing_again_finds_nobody_and_writes_nothing(world: World) -> None:
    root = await hers(world)
    await world.erase(root)
    head, counts = world.ledger.head(), await world.counts()

    with pytest.raises(NotFound):
        await world.erase(root)
    with pytest.raises(NotFound):
        await world.erase(MemberId(uuid7()))

    assert (world.ledger.verify(), await world.counts()) == (head, counts)


async def test_the_ledger_names_every_subject_and_the_runs_whose_key_was_renewed(world: World) -> None:
    person = await world.person(await hers(world))
    [waiting] = await world.rows("hub.waiting_line")
    runs = {row.run_id for row in await world.rows("hub.quarantine") if row.source in ("website", "orders")}

    done = await world.erase(person.member_id)

    erasure, renewal = list(world.ledger.entries())
    assert (erasure.seq, erasure.note.kind, erasure.note.at, erasure.note.scope) == (
        done.ledger_seq,
        LedgerKind.ERASURE,
        NOW,
        (),
    )
    assert set(erasure.note.subjects) == {*person.member_ids, *person.origin_ids, waiting.subject_id}
    assert (renewal.note.kind, renewal.note.scope) == (LedgerKind.REKEY, ("intake",))
    assert set(renewal.note.subjects) == runs


async def test_a_second_delivery_of_the_same_files_brings_nobody_back(world: World, tmp_path: Path) -> None:
    await world.erase(await hers(world))
    tables = [table for table in PERSONAL_TABLES if table != "hub.quarantine"]
    before = await world.counts(*tables)

    messages = [m for m in files.WEBSITE_MESSAGES if m not in files.REFUSED]
    summaries = [
        await world.deliver(Source.WEBSITE, tmp_path, files.lines(*messages)),
        await world.deliver(Source.APP, tmp_path, files.lines(files.HER_APP, files.HER_APP_LATER, files.AT_THE_TABLET)),
        await world.deliver(Source.STORE, tmp_path, files.CARDS),
    ]

    assert [(one.read, one.counts["duplicate_deliveries"]) for one in summaries] == [(5, 5), (3, 3), (2, 2)]
    assert await world.counts(*tables) == before
    assert set(await world.found_by(*files.HERS[1:])) == {None}


async def test_who_comes_back_is_a_new_member_without_a_past(world: World, tmp_path: Path) -> None:
    old = await world.person(await hers(world))
    await world.erase(old.member_id)

    again = files.website(
        files.WEBSITE, "2026-11-01", name=files.NAME, phone=files.PHONE, phone_verified_at="2026-11-01T10:31:00+08:00"
    )
    summary = await world.deliver(Source.WEBSITE, tmp_path, files.lines(again))

    new = await world.person(await hers(world))
    assert summary.counts["new_members"] == 1
    assert not {*new.member_ids, *new.origin_ids} & {*old.member_ids, *old.origin_ids}
    copy = await world.export(new.member_id)
    assert set(copy["held"]) == {
        "hub.member",
        "hub.channel_account",
        "hub.identity_claim",
        "hub.profile_value",
        "hub.notice_task",  # to be given the privacy notice
        "hub.review_candidate",  # the phone is on Gu Ming's card, too
    }
    [golden] = copy["held"]["hub.member"]
    assert (golden["name"], golden.get("birthday"), golden.get("email")) == (files.NAME, None, None)


async def test_her_decisions_stay_as_evidence_about_nobody_and_end_with_a_last_event(world: World) -> None:
    person = await world.person(await hers(world))

    await world.erase(person.member_id)

    events = sorted(await world.rows("hub.consent_event"), key=lambda row: (row.member_id, row.sequence))
    mine = [row for row in events if row.member_id in person.member_ids]
    assert [(row.act, row.state_from, row.state_to) for row in mine][-1] == ("subject_erased", "granted", "closed")
    assert verify([row._mapping for row in events]) is None
    assert await world.rows("vault.consent_contact") == []


async def test_her_links_end_on_both_sides_and_nothing_about_her_is_left_in_the_childs(world: World) -> None:
    person = await world.person(await hers(world))
    child = await is_guardian(world)
    sealed = [copy async for copy in sealed_copies(world, "hub.guardian_link") if copy.subject not in person.origin_ids]

    await world.erase(person.member_id)

    [link] = await world.rows("hub.guardian_link")
    assert (link.member_id, link.guardian_id, link.state, link.ended_at) == (child, person.member_id, "ended", NOW)
    assert link.relation is None
    assert (len(sealed), await opens(world, sealed)) == (1, [])  # nor out of an old copy


async def test_an_objection_made_while_two_were_one_goes_on_protecting_the_other(world: World) -> None:
    person = await world.person(await hers(world))
    other = await world.origin_of(Channel.WEBSITE, files.KEPT_APART)
    objection_t = METADATA.tables["hub.objection"]
    async with transaction(world.database.app) as tx:
        await tx.execute(objection_t.update().values(also=[other]))

    await world.erase(person.member_id)

    [left] = await world.rows("hub.objection")
    assert (left.origin_id, left.also, left.lifted_at) == (other, [], None)
