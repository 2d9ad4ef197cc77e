"""What a proposal of rules tells of members: groups of twenty or more, rounded, and never that a few would move."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from member_hub import tiers
from member_hub.db import snapshot, transaction
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.tables import Channel
from member_hub.tiers import Grown, Source
from member_hub.tiers.rules.versions import stored as as_rules
from member_hub.tiers.standing.backtesting import backtest
from tests.graphql.test_tier_rules import MANAGER, ONE, OTHER, TIERS, propose, rules_t, stored
from tests.graphql.test_tiers import HUB, account_t, last_said
from tests.graphql.world import NOW, World, said

LIST = """{ tierRules(first: 1) { edges { node { backtest { members minimumGroup roundedTo
    moves { members } pyramid { tier before after earned earnedBp targetBp } } } } } }"""
CORE = 'promotion = { figure = "growth", window = "rolling", months = 12, at_least = 40 }'
EASY = TIERS.replace(CORE, CORE.replace("40", "20"))
NAMED = TIERS.replace(
    CORE,
    'promotion = { all = [ { figure = "growth", window = "rolling", months = 12, at_least = 10 },'
    ' { figure = "spend_fen", window = "ever", at_least = %d } ] }',
)


async def grown(world: World, *growths: int) -> Sequence[MemberId]:
    """New members with so much growth each, where the reviews of today leave them."""
    first = (await world.audited())[-1].sequence if await world.audited() else 0
    members = await world.resolve(*(said(Channel.WEBSITE, f"G{first}-{one}") for one in range(len(growths))))
    async with transaction(world.hub.database.app) as tx:
        rows = {row.member_id: row for row in await tx.execute(select(account_t))}
        pairs = [(rows[one], amount) for one, amount in zip(members, growths, strict=True) if amount]
        await tiers.grow(
            tx,
            [
                Grown(MemberId(row.filed_under), OriginId(row.origin_id), Source.ORDER, uuid7().bytes, amount, NOW)
                for row, amount in pairs
            ],
            now=NOW,
        )
        await tiers.review(tx, world.hub.tiers, members, now=NOW, caller=HUB)
    return members


async def told(world: World, rules: str, **said_: Any) -> Any:
    made = await propose(world, rules, **said_)
    assert made["userErrors"] == []
    return made["rules"]["backtest"]


async def test_whether_one_member_would_move_changes_no_number(world: World) -> None:
    """One in a hundred has grown: whichever criterion of theirs is asked for, the answer is that of nobody moving."""
    await grown(world, *[0] * 99, 12)

    reached = await told(world, NAMED % 1)
    unreached = await told(world, NAMED.replace("at_least = 10 }", "at_least = 13 }") % 1)

    assert reached == unreached
    assert reached["moves"] == []
    assert [(one["before"], one["after"], one["earned"]) for one in reached["pyramid"]][1:] == [(None, None, None)] * 3


async def test_of_one_member_it_is_not_told_that_they_alone_stay(world: World) -> None:
    """All but one would rise: the number of those who do is that of the tier."""
    await grown(world, *[25] * 30, 10)

    some = await told(world, EASY)
    everybody = await told(world, TIERS.replace(CORE, CORE.replace("40", "8")))

    assert some == everybody
    assert [one["members"] for one in some["moves"]] == [some["members"]]


async def test_groups_of_twenty_and_more_are_rounded_and_their_shares_follow_from_what_is_told(world: World) -> None:
    """The nineteen who would stay at the second tier are too few to be told apart from those who leave it."""
    await grown(world, *[0] * 61, *[25] * 38, *[10] * 19, *[50] * 22)

    found = await told(world, EASY)

    (move,) = found["moves"]
    base, standard, core, vip = found["pyramid"]
    assert (move["fromTier"], move["toTier"]) == ("standard", "core")
    sizes = [(move["members"], 57), (found["members"], 140), (base["before"], 61), (base["after"], 61)]
    sizes += [(standard["before"], 57), (core["before"], 22), (core["after"], 79), (core["earned"], 79)]
    assert [(number % 5, abs(number - size) < 5) for number, size in sizes] == [(0, True)] * len(sizes)
    assert [vip[name] for name in ("before", "after", "earned", "earnedBp")] == [None] * 4
    assert (standard["after"], standard["earned"], standard["earnedBp"]) == (None, None, None)
    whole = base["earned"] + core["earned"]
    assert [one["earnedBp"] for one in (base, core)] == [one["earned"] * 10_000 // whole for one in (base, core)]
    (listed,) = (await world.ask(MANAGER, LIST, subject=OTHER))["tierRules"]["edges"]
    assert listed["node"]["backtest"] == {
        "members": found["members"],
        "minimumGroup": 20,
        "roundedTo": 5,
        "moves": [{"members": move["members"]}],
        "pyramid": found["pyramid"],
    }


async def test_what_is_kept_is_what_is_told_and_the_command_counts_exactly(world: World) -> None:
    await grown(world, *[0] * 30, 25)

    found = await told(world, EASY)

    (row,) = await stored(world)
    assert (row.backtest["members"], row.backtest["moves"]) == (found["members"], [])
    async with snapshot(world.hub.database.app) as tx:
        exact = (await backtest(tx, as_rules(row.rules), now=NOW)).told()
    assert (exact["members"], exact["moves"]) == (31, [{"from": "standard", "to": "core", "members": 1}])


async def test_of_a_proposal_that_kept_exact_numbers_none_is_told(world: World) -> None:
    await grown(world, *[0] * 30, 25)
    await told(world, EASY)
    exact = {
        "members": 31,
        "one_in": 1,
        "moves": [{"from": "core", "to": "vip", "members": 1}],
        "pyramid": [
            {"tier": "base", "before": 30, "after": 30, "earned": 30, "earned_bp": 9677, "target_bp": 3000},
            {"tier": "vip", "before": 0, "after": 1, "earned": 1, "earned_bp": 322, "target_bp": 1000},
        ],
    }
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(rules_t).values(backtest=exact))

    (listed,) = (await world.ask(MANAGER, LIST))["tierRules"]["edges"]

    nothing = {"before": None, "after": None, "earned": None, "earnedBp": None}
    assert listed["node"]["backtest"] == {
        "members": None,
        "minimumGroup": 20,
        "roundedTo": 5,
        "moves": [],
        "pyramid": [{"tier": "base", "targetBp": 3000} | nothing, {"tier": "vip", "targetBp": 1000} | nothing],
    }


async def test_a_person_has_five_proposals_tried_in_a_day(world: World) -> None:
    for _ in range(5):
        await told(world, EASY)

    refused = await propose(world)

    assert (refused["rules"], [one["code"] for one in refused["userErrors"]]) == (None, ["THROTTLED"])
    assert await last_said(world) == (ONE, "tierRulesPropose", "THROTTLED")
    assert len(await stored(world)) == 5
    await told(world, EASY, by=OTHER)
    world.clock.at = NOW.replace(day=23)
    await told(world, EASY, effectiveAt="2026-11-23T08:00:00Z")
