"""Rule tags and computed tags come and go with what members do, and never where something stands against them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from member_hub import tags
from member_hub.audit import AuditKeys, AuditLog
from member_hub.audit.tables import AuditEntry
from member_hub.db import snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.ids import uuid7
from member_hub.members.bits import PROFILING, PURPOSE_BITS
from member_hub.members.gates import ConsentGate
from member_hub.members.tables import AgeBand, MemberStatus
from member_hub.members.taggings import BY_THE_HUB, TagKind, tagging_t
from member_hub.privacy import DataClass, Purpose
from member_hub.settings import Settings
from member_hub.tags import rounds
from member_hub.tags.conditions import NUMBER_MAX
from member_hub.tags.figures import FIGURES, FigureKind
from member_hub.tags.tables import Tag, TagRound
from tests.tags.desk import NOW, PROGRAMME, TODAY, Desk, Someone, line, lines

REGULAR = {"figure": "frequency_12m", "at_least": 2}


async def defined(desk: Desk, code: str, rule: Any, *, version: int = 1, **more: Any) -> None:
    row = {
        "handler": "brand", "code": code, "version": version, "kind": TagKind.RULE, "tag_group": "rules", "zh": "标签",
        "en": code, "owner": "team", "data_class": DataClass.COMMERCE, "purpose": Purpose.MEMBER_SERVICE,
        "is_service": False, "is_restrictive": False, "is_profiling": True, "is_retired": False, "rule": rule,
        "proposed_by": "E1", "proposed_at": NOW, "approved_by": "E2", "approved_at": NOW,
    }  # fmt: skip
    async with transaction(desk.database.app) as tx:
        await tx.execute(table_of(Tag).insert(), row | more)


async def test_scores_stage_and_risk_by_hand_reckoned_values(desk: Desk) -> None:
    """Five members, one order more each; the last bought longest ago."""
    people = [await desk.member() for _ in range(5)]
    for number, who in enumerate(people):
        for order in range(number + 1):
            await desk.buys(who, days_ago=70 + 10 * number + 5 * order, fen=(number + 1) * 1_000)

    await desk.evaluate(*people)

    assert [await desk.tags(who) for who in people] == [
        {"r_score": "5", "f_score": "1", "m_score": "1", "lifecycle_stage": "active", "churn_risk": "low"},
        {"r_score": "4", "f_score": "2", "m_score": "2", "lifecycle_stage": "active", "churn_risk": "high"},
        {"r_score": "3", "f_score": "3", "m_score": "3", "lifecycle_stage": "active", "churn_risk": "high"},
        {"r_score": "2", "f_score": "4", "m_score": "4", "lifecycle_stage": "loyal", "churn_risk": "high"},
        {"r_score": "1", "f_score": "5", "m_score": "5", "lifecycle_stage": "loyal", "churn_risk": "high"},
    ]
    stored = {(row.figure, row.percent): row.value for row in await desk.rows("tag_threshold")}
    assert [stored["rfm.f_score", percent] for percent in (20, 40, 60, 80)] == [1, 2, 3, 4]
    assert [stored["rfm.r_score", percent] for percent in (20, 40, 60, 80)] == [110, 100, 90, 80]


async def test_who_never_bought_is_potential_and_has_no_score(desk: Desk) -> None:
    who, gone = await desk.member(), await desk.member()
    order = await desk.buys(gone, days_ago=10, fen=500)
    await desk.refunds(gone, order, 500)

    await desk.evaluate(who, gone)

    assert await desk.tags(who) == await desk.tags(gone) == {"lifecycle_stage": "potential"}


async def test_what_is_bought_today_counts_tomorrow(desk: Desk) -> None:
    who = await desk.member()
    await desk.buys(who, days_ago=0)
    await desk.evaluate(who)
    assert await desk.tags(who) == {"lifecycle_stage": "potential"}

    desk.clock.at += timedelta(days=1)
    await desk.evaluate(who)

    assert (await desk.tags(who))["lifecycle_stage"] == "new"


async def test_a_line_that_two_merged_members_both_have_counts_once(desk: Desk) -> None:
    kept, gone = await desk.member(), await desk.member()
    async with transaction(desk.database.app) as tx:
        await lines(tx, [line(who, "S1", 1, 700, NOW - timedelta(days=9)) for who in (kept, gone)])
    await desk.merge(kept, gone)
    await defined(desk, "twice", {"figure": "monetary_12m_fen", "at_least": 701})
    await defined(desk, "once", {"figure": "monetary_12m_fen", "equals": 700})

    await desk.evaluate(kept)

    assert {"once", "twice"} & set(await desk.tags(kept)) == {"once"}


async def test_since_stays_while_a_rule_holds_and_the_tag_ends_with_it(desk: Desk) -> None:
    who = await desk.member()
    for days in (300, 200):
        await desk.buys(who, days_ago=days)
    await defined(desk, "regular", REGULAR)

    await desk.evaluate(who)
    desk.clock.at += timedelta(days=30)
    again = await desk.evaluate(who)
    [row] = [one for one in await desk.taggings(who) if one.tag == "regular"]
    assert (row.since, row.until, row.how, row.given_by, row.version) == (NOW, None, "rule", "tags", 1)
    assert again == tags.Evaluated(1, 0, 0)

    desk.clock.at += timedelta(days=40)
    ended = await desk.evaluate(who)

    assert "regular" not in await desk.tags(who)
    assert ended.ended == 1


async def test_a_rule_tag_with_a_term_lives_from_evaluation_to_evaluation(desk: Desk) -> None:
    who = await desk.member()
    await defined(desk, "fresh", {"figure": "joined_days", "at_least": 1}, expires_days=2)
    await desk.evaluate(who)
    [row] = [one for one in await desk.taggings(who) if one.tag == "fresh"]
    assert row.until - NOW == timedelta(days=2, hours=12)  # the midnight after the second day

    desk.clock.at += timedelta(days=3)
    async with transaction(desk.database.app) as tx:
        assert await tags.forget_expired(tx, now=desk.clock.now()) == 1

    assert "fresh" not in await desk.tags(who)
    await desk.evaluate(who)
    [row] = [one for one in await desk.taggings(who) if one.tag == "fresh"]
    assert row.since == desk.clock.now()


async def test_a_retired_tag_ends(desk: Desk) -> None:
    who = await desk.member()
    await defined(desk, "old_friend", {"figure": "joined_days", "at_least": 1})
    await desk.evaluate(who)
    assert "old_friend" in await desk.tags(who)

    await defined(desk, "old_friend", {"figure": "joined_days", "at_least": 1}, version=2, is_retired=True)
    await desk.evaluate(who)

    assert "old_friend" not in await desk.tags(who)


@pytest.mark.parametrize(
    "against",
    [
        {"age_band": AgeBand.UNKNOWN.value},
        {"age_band": AgeBand.CHILD.value},
        {"restriction_bits": PROFILING},
        {"status": MemberStatus.RESTRICTED.value},
    ],
)
async def test_nobody_is_profiled_whom_something_protects(desk: Desk, against: dict[str, Any]) -> None:
    who = await desk.member()
    await desk.buys(who, days_ago=10)
    await defined(desk, "bought", {"figure": "orders_ever", "at_least": 1})
    await desk.evaluate(who)
    assert set(await desk.tags(who)) == {"r_score", "f_score", "m_score", "lifecycle_stage", "churn_risk", "bought"}

    await desk.change(who, **against)
    await desk.evaluate(who)
    assert await desk.tags(who) == {}

    await desk.change(who, age_band="minor", restriction_bits=0, status="active")
    await desk.evaluate(who)
    assert "bought" in await desk.tags(who)


async def test_an_objection_to_a_purpose_ends_the_tags_of_that_purpose(desk: Desk) -> None:
    who = await desk.member()
    await desk.buys(who, days_ago=10)
    await defined(desk, "bought", {"figure": "orders_ever", "at_least": 1})

    await desk.change(who, restriction_bits=PURPOSE_BITS[Purpose.ANALYTICS])
    await desk.evaluate(who)

    assert set(await desk.tags(who)) == {"bought"}


async def test_a_marketing_tag_takes_the_consent_that_stands(desk: Desk) -> None:
    who = await desk.member()
    await defined(desk, "mailing", {"figure": "points_active", "at_least": 0}, purpose=Purpose.MARKETING)
    shown = []
    for bits, until in ((0, None), (1 << 7, None), (1 << 7, NOW - timedelta(days=1)), (1 << 6, None)):
        async with transaction(desk.database.app) as tx:
            if not shown:
                gate = {"handler": "brand", "purpose": "marketing", "recipient": "", "effective_at": NOW, "bit": 7}
                await tx.execute(table_of(ConsentGate).insert(), gate | {"notice_id": uuid7()})
        await desk.change(who, consent_bits=bits, gate_until=until)
        await desk.evaluate(who)
        shown.append("mailing" in await desk.tags(who))

    assert shown == [False, True, False, False]


async def test_a_stored_rule_that_cannot_be_read_is_no_rule_and_stops_no_other(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    who = await desk.member()
    await defined(desk, "odd", {"figure": "joined_days", "at_least": 0}, purpose=Purpose.MARKETING)
    await defined(desk, "gone", {"figure": "shoe_size", "at_least": 0})
    await defined(desk, "even", {"figure": "joined_days", "at_least": 0})

    await desk.evaluate(who)

    assert set(await desk.tags(who)) == {"even", "lifecycle_stage"}
    assert [record.levelname for record in caplog.records if "odd" in record.message] == ["ERROR"]


async def test_the_greatest_numbers_that_a_rule_may_have_stop_no_round(desk: Desk) -> None:
    """Some figures are short numbers in the database; what is compared with them may be longer."""
    who = await desk.member()
    await desk.buys(who, days_ago=3)
    numbers = [one.name for one in FIGURES.values() if one.kind is FigureKind.NUMBER]
    for name in numbers:
        far = [{"figure": name, "at_least": NUMBER_MAX}, {"figure": name, "one_of": [NUMBER_MAX, -NUMBER_MAX]}]
        await defined(desk, f"not_{name}", {"any": [*far, {"figure": name, "at_most": -NUMBER_MAX}]})
        await defined(desk, f"never_{name}", {"not": {"any": far}})

    await desk.evaluate(who)

    found = await desk.tags(who)
    assert len(numbers) > 20
    assert {tag for tag in found if tag.startswith("not_")} == set()
    assert {tag for tag in found if tag.startswith("never_")} == {f"never_{name}" for name in numbers}


async def test_who_objects_does_not_count_for_quantiles_either(desk: Desk) -> None:
    people = [await desk.member() for _ in range(10)]
    for number, who in enumerate(people):
        await desk.buys(who, days_ago=10, fen=(number + 1) * 100)
    await desk.change(people[9], restriction_bits=PROFILING)
    await defined(desk, "top", {"figure": "monetary_12m_fen", "at_quantile": 90})
    await defined(desk, "bottom", {"figure": "monetary_12m_fen", "below_quantile": 25})

    await desk.evaluate(*people)

    having = {code: [n for n, who in enumerate(people) if code in await desk.tags(who)] for code in ("top", "bottom")}
    assert having == {"top": [8], "bottom": [0, 1]}  # of nine: the ninth value, and those below the third


async def test_a_round_goes_over_everybody_once_a_day_and_on_from_where_it_was(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await desk.member() for _ in range(5)]
    monkeypatch.setattr(rounds, "BATCH", 2)
    audit = AuditLog(desk.database, AuditKeys.open(settings.key_dir))
    async with transaction(desk.database.app) as tx:
        first = await rounds.evaluate_next(tx, PROGRAMME, "brand", desk.clock)
    assert first is not None
    assert (first.members, first.given) == (2, 2)

    ran = await tags.run(desk.database, audit, PROGRAMME, desk.clock)  # as after a kill
    again = await tags.run(desk.database, audit, PROGRAMME, desk.clock)

    assert ran.evaluated.members == 3
    assert again.evaluated == tags.Evaluated()
    assert [await desk.tags(who) for who in people] == [{"lifecycle_stage": "potential"}] * 5
    [done] = [row for row in await desk.rows("tag_round") if row.handler == "brand"]
    assert (done.day, done.done_at, done.given, done.ended) == (TODAY, NOW, 5, 0)
    async with snapshot(desk.database.audit) as tx:
        entries = [row for row in await tx.execute(table_of(AuditEntry).select()) if row.operation == "tags evaluate"]
    said = [(row.caller, row.fields, row.member_ids) for row in entries if "handler:brand" in row.fields]
    assert said == [("tags", ["ended:0", "given:5", "handler:brand"], [])]
    await audit.close()


async def test_merging_evaluates_anew_and_splitting_both(desk: Desk, settings: Settings) -> None:
    kept, gone = await desk.member(), await desk.member()
    await desk.buys(kept, days_ago=300)
    await desk.buys(gone, days_ago=200)
    await defined(desk, "regular", REGULAR)
    await desk.evaluate(kept, gone)

    await desk.merge(kept, gone)
    assert await desk.tags(kept) == await desk.tags(gone) == {}
    assert await _due(desk) == 1
    assert "regular" in await desk.tags(kept)
    assert await desk.tags(gone) == {}

    await desk.split(kept, gone)
    assert await desk.tags(kept) == await desk.tags(gone) == {}
    assert await _due(desk) == 2
    assert "regular" not in await desk.tags(kept)
    assert (await desk.tags(gone))["lifecycle_stage"] == "dormant"
    assert await _due(desk) == 0


@pytest.mark.parametrize("way", ["round", "on demand"])
async def test_a_batch_is_planned_for_the_members_that_it_has(desk: Desk, way: str) -> None:
    """By the general plan of a prepared statement a batch took twenty times as long, from the second day on."""
    who = await desk.member()
    async with transaction(desk.database.app) as tx:
        for _ in range(8):
            if way == "round":
                await tx.execute(table_of(TagRound).delete())
                assert (await rounds.evaluate_next(tx, PROGRAMME, "brand", desk.clock)).members == 1
            else:
                await tags.evaluate(tx, PROGRAMME, [who.member_id], now=desk.clock.now())
        kept = "select statement, generic_plans, custom_plans from pg_prepared_statements"
        plans = [(row.generic_plans, row.custom_plans) for row in await tx.execute(text(kept)) if "wanted" in row[0]]

    assert [generic for generic, _ in plans] == [0]
    assert plans[0][1] >= 8


async def _due(desk: Desk) -> int:
    async with transaction(desk.database.app) as tx:
        return (await tags.evaluate_due(tx, PROGRAMME, now=desk.clock.now())).members


async def by_hand(desk: Desk, who: Someone, tag: str, *, origins: list[Any] | None = None) -> None:
    row = {
        "member_id": who.member_id, "tag": tag, "given_id": uuid7(), "handler": "brand", "how": "hand",
        "origins": origins or list(who.origins), "since": NOW, "given_by": "E1", "version": 1, "is_profiling": False,
        "restricted_by": 0,
    }  # fmt: skip
    async with transaction(desk.database.app) as tx:
        await tx.execute(tagging_t.insert(), row)


async def test_tags_by_hand_unite_and_part_by_account_and_what_restricts_stays_on_both_sides(desk: Desk) -> None:
    kept, gone = await desk.member(), await desk.member()
    for who, given in ((kept, ("minor", "theirs", "shared")), (gone, ("fraud", "shared", "its_own"))):
        for tag in given:
            await by_hand(desk, who, tag)

    await desk.merge(kept, gone)
    assert sorted(row.tag for row in await desk.taggings(kept)) == [
        "fraud", "its_own", "minor", "shared", "shared", "theirs",
    ]  # fmt: skip
    await by_hand(desk, kept, "of_both", origins=[*kept.origins, *gone.origins])

    await desk.split(kept, gone)
    assert sorted({row.tag for row in await desk.taggings(kept)}) == ["fraud", "minor", "of_both", "shared", "theirs"]
    assert sorted({row.tag for row in await desk.taggings(gone)}) == ["fraud", "its_own", "minor", "of_both", "shared"]


async def test_what_the_hub_gave_is_one_row_per_tag(desk: Desk) -> None:
    who = await desk.member()
    await desk.evaluate(who)
    await desk.evaluate(who)

    assert [(row.tag, row.given_id) for row in await desk.taggings(who)] == [("lifecycle_stage", BY_THE_HUB)]
    async with transaction(desk.database.app) as tx:
        await tx.execute(update(tagging_t).values(value="churned"))
    desk.clock.at += timedelta(hours=1)
    await desk.evaluate(who)
    [row] = await desk.taggings(who)
    assert (row.value, row.since) == ("potential", desk.clock.now())
