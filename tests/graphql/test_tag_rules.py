"""Rules of tags from their definition over the round of the day to Member.tags: who is in and who is not, at every
boundary, of a small town whose figures are known by heart; objections, terms, and what is on record."""

import json
from datetime import datetime, timedelta
from typing import Any

from member_hub.members.tables import AgeBand, Channel
from tests.graphql.consenting import turn
from tests.graphql.pointing import earn
from tests.graphql.recording import an_order, record
from tests.graphql.tagging import REGULAR, define
from tests.graphql.test_objections import lift, place
from tests.graphql.working import run_jobs
from tests.graphql.world import NOW, World, line, said

# 19 adults bought once, each so many days ago as their number says, for so many yuan. 0 bought today only, which counts
# from tomorrow on. CHILD bought for 20 yuan and counts for quantiles, so that there are 20 values; nobody under 14 has
# a tag. OBJECTS bought for 500 and counts for nothing.
YUAN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 13, 14, 15, 16, 17, 18, 19]
ADULTS = range(20)
CHILD, OBJECTS = 20, 21
COMPUTED = {"r_score", "f_score", "m_score", "lifecycle_stage", "churn_risk"}
MANY = "query ($by: [MemberKey!]!) { members(by: $by) { tags { code since until value } } }"
MIDNIGHT = datetime.fromisoformat("2026-11-22T00:00:00+08:00")  # with which the day of NOW begins
SECOND = timedelta(seconds=1)


def card(number: int) -> str:
    return f"88000000{number:02}"


def bought_at(number: int) -> datetime:
    """At noon so many days ago; 7 at the first moment of that day, 9 at the last."""
    day = MIDNIGHT - timedelta(days=min(number, 20))
    return day + {7: timedelta(0), 9: timedelta(days=1) - SECOND}.get(number, timedelta(hours=12))


async def settle(world: World) -> list[Any]:
    """Even numbers are at home in SH014 (south), odd ones in SH001 (east); 3 and 6 have a website account, too."""
    numbers = range(22)
    joined = [
        MIDNIGHT - timedelta(days=100 + n) + (timedelta(days=1) - SECOND if n % 2 else timedelta(0)) for n in numbers
    ]
    homes = ["SH001" if n % 2 else "SH014" for n in numbers]
    members = await world.resolve(
        *(
            said(
                Channel.STORE,
                card(n),
                at=joined[n],
                home_store=homes[n],
                phone=f"+86139123457{n:02}",
                phone_verified=True,
            )
            for n in numbers
        )
    )
    at = NOW - timedelta(days=5)
    web = [
        said(Channel.WEBSITE, f"W{n}0000001", at=at, phone=f"+86139123457{n:02}", phone_verified=True) for n in (3, 6)
    ]
    assert await world.resolve(*web) == [members[3], members[6]]
    await turn(world, members, age_band=AgeBand.ADULT.value)
    await turn(world, [members[CHILD]], age_band=AgeBand.CHILD.value)
    fen = {n: YUAN[n] * 100 for n in ADULTS if n} | {CHILD: 2_000, OBJECTS: 50_000}
    own = [(Channel.STORE, card(n)) for n in fen]
    await world.buy(
        *(
            line(f"B-{n}", by, store=homes[n], fen=much, at=bought_at(n))
            for (n, much), by in zip(fen.items(), own, strict=True)
        )
    )
    receipt, _ = await record(world, an_order(members[0], {"lineNo": 1, "amountFen": 4_000}))
    assert receipt is not None
    assert receipt["tier"] == "core"
    _, refused = await place(world, "member", {"profiling": True}, member=members[OBJECTS])
    assert refused == []
    return members


async def tags_of(world: World) -> list[dict[str, Any]]:
    by = [{"storeCard": card(n)} for n in range(22)]
    found = (await world.ask("app_crm", MANY, variables={"by": by}))["members"]
    return [{tag["code"]: tag for tag in one["tags"]} for one in found]


def who(found: list[dict[str, Any]], code: str) -> list[int]:
    return [number for number, tags in enumerate(found) if code in tags]


async def defined(world: World, rules: dict[str, Any], **more: Any) -> None:
    await define(world, *(REGULAR | {"code": code, "rule": json.dumps(rule)} | more for code, rule in rules.items()))


async def rounds(world: World) -> list[list[str]]:
    return [row.fields for row in await world.audited() if row.operation == "tags evaluate"]


def where(figure: str, **comparison: Any) -> dict[str, Any]:
    return {"figure": figure, **comparison}


def those(*found: int | range) -> list[int]:
    return sorted(n for one in found for n in ([one] if isinstance(one, int) else one))


SPENT = "monetary_12m_fen"
# A rule, and who has the tag: of 20 values the position of P is ceil(P / 5).
QUANTILES = {
    "q05": (where(SPENT, at_quantile=5), those(range(1, 20))),  # the 1st value: 1 yuan
    "q06": (where(SPENT, at_quantile=6), those(range(2, 20))),  # the 2nd
    "q50": (where(SPENT, at_quantile=50), those(range(10, 20))),  # the 10th: 10 yuan, as the 11th and 12th
    "q60": (where(SPENT, at_quantile=60), those(range(10, 20))),
    "q61": (where(SPENT, at_quantile=61), those(range(13, 20))),  # the 13th: 13 yuan
    "q95": (where(SPENT, at_quantile=95), [19]),  # the 19th
    "q96": (where(SPENT, at_quantile=96), []),  # the 20th: the child's
    "below_q05": (where(SPENT, below_quantile=5), [0]),  # who spent nothing is below
    "below_q50": (where(SPENT, below_quantile=50), those(range(10))),
    "below_q61": (where(SPENT, below_quantile=61), those(range(13))),
    "recent_q50": (where("recency_days", below_quantile=50), those(range(1, 10))),  # 0 has no such figure: false
}
DATES = {
    "last_7": (where("last_order_on", days_ago_at_most=7), those(range(1, 8))),
    "last_6": (
        where("last_order_on", days_ago_at_most=6),
        those(range(1, 7)),
    ),  # not 7, at the first moment of its day
    "since_9": (where("last_order_on", days_ago_at_least=9), those(range(9, 20))),  # with 9, at the last moment of its
    "since_10": (where("last_order_on", days_ago_at_least=10), those(range(10, 20))),
    "not_today": (where("last_order_on", days_ago_at_most=0), []),
    "joined_110": (where("joined_on", days_ago_at_most=110), those(range(11))),
    "joined_111": (where("joined_days", at_least=111), those(range(11, 20))),
}
MEMBERSHIP = {
    "east": (where("region", equals="east"), those(range(1, 20, 2))),
    "stores": (where("home_store", one_of=["SH014", "SH002"]), those(range(0, 20, 2))),
    "two_channels": ({"all": [where("channels", includes=c) for c in ("store", "website")]}, [3, 6]),
    "never": (where("lifecycle_stage", one_of=["potential"]), [0]),
    "core": (where("tier", one_of=["core", "vip"]), [0]),
    "points_100": (where("points_active", at_least=100), [1]),
    "points_some": ({"all": [where("points_active", at_least=99), where("points_active", at_most=99)]}, [2]),
    "three_days": (where("recency_days", one_of=[1, 10, 19]), [1, 10, 19]),
}
RICH, LATE = where(SPENT, at_quantile=61), where("last_order_on", days_ago_at_least=18)  # 13 to 19; 18 and 19
SOUTH, NOBODY = where("region", equals="south"), where("orders_ever", at_least=2)
NESTED = {
    "rich_early": ({"all": [RICH, {"not": LATE}]}, those(range(13, 18))),
    "rich_east_or_late": ({"all": [RICH, {"any": [{"not": SOUTH}, LATE]}]}, [13, 15, 17, 18, 19]),
    "neither": ({"not": {"any": [RICH, SOUTH]}}, [1, 3, 5, 7, 9, 11]),
    "not_both": ({"not": {"all": [RICH, SOUTH]}}, those(range(14), 15, 17, 19)),
    "twice_not": ({"not": {"not": LATE}}, [18, 19]),
    "not_recent": ({"not": where("recency_days", at_least=1)}, [0]),  # of what is not there the comparison is false
    "nobody": ({"all": [RICH, NOBODY]}, []),
    "everybody": ({"any": [NOBODY, {"not": NOBODY}]}, those(ADULTS)),
    "deep": (
        {"all": [{"any": [{"all": [RICH, SOUTH]}, {"all": [where("recency_days", at_most=2), {"not": SOUTH}]}]},
                 {"not": where("home_store", one_of=["SH002"])}, {"not": where("recency_days", equals=16)}]},
        [1, 14, 18],
    ),
}  # fmt: skip
ALL = QUANTILES | DATES | MEMBERSHIP | NESTED


async def test_a_round_gives_each_tag_to_whom_its_rule_holds_for_and_to_nobody_else(world: World) -> None:
    members = await settle(world)
    await earn(world, members[1], 100)
    await earn(world, members[2], 99)
    await defined(world, {code: rule for code, (rule, _) in ALL.items()})
    assert all(not tags for tags in await tags_of(world))

    ran = await run_jobs(world)  # as `jobs run` does it: all of them
    again = await run_jobs(world, "tags")
    found = await tags_of(world)

    assert {code: who(found, code) for code in ALL} == {code: them for code, (_, them) in ALL.items()}
    assert (found[CHILD], found[OBJECTS], again) == ({}, {}, {})
    assert [set(found[n]) & COMPUTED for n in ADULTS] == [{"lifecycle_stage"}, *[COMPUTED] * 19]
    assert ran["tags"] == len(members)
    assert await rounds(world) == [["ended:0", f"given:{sum(map(len, found))}", "handler:brand"]]
    said_of = [(row.operation, row.outcome, row.fields) for row in await world.audited() if "tag:q50" in row.fields]
    assert said_of == [(op, "ok", ["tag:q50", "version:1"]) for op in ("tagDefine", "tagApprove")]


async def test_a_day_later_tags_come_and_go_at_the_boundary_and_who_stays_keeps_since(world: World) -> None:
    await settle(world)
    rules = {code: rule for code, (rule, _) in (DATES | {"q95": QUANTILES["q95"]}).items()}
    await defined(world, rules)
    world.clock.at = MIDNIGHT + timedelta(days=1) - SECOND
    await run_jobs(world, "tags")
    first = await tags_of(world)
    world.clock.at += SECOND

    await run_jobs(world, "tags")

    later = await tags_of(world)
    assert (who(first, "last_7"), who(first, "since_10")) == (those(range(1, 8)), those(range(10, 20)))
    assert (who(later, "last_7"), who(later, "last_6")) == (those(range(7)), those(range(6)))
    assert (who(later, "since_10"), who(later, "not_today")) == (those(range(9, 20)), [])
    assert who(later, "joined_110") == those(range(10))
    assert who(later, "q95") == [
        0
    ]  # what 0 bought the day before counts now, for 40 yuan; of 21 values the 20th is the child's
    assert later[3]["last_7"]["since"] == first[3]["last_7"]["since"] == "2026-11-22T15:59:59Z"
    assert later[9]["since_10"]["since"] == "2026-11-22T16:00:00Z"
    changes = [(one, two, code) for one, two in zip(first, later, strict=True) for code in one.keys() | two.keys()]
    ended = sum(code not in two for _, two, code in changes)
    given = sum(
        code in two and (code not in one or one[code]["value"] != two[code]["value"]) for one, two, code in changes
    )
    assert (await rounds(world))[1] == [f"ended:{ended}", f"given:{given}", "handler:brand"]


async def test_who_objects_to_profiling_loses_rule_tags_at_once_and_no_round_gives_any(world: World) -> None:
    members = await settle(world)
    await defined(world, {code: ALL[code][0] for code in ("q95", "q61", "everybody", "neither")})
    await run_jobs(world, "tags")
    before = await tags_of(world)
    assert set(before[19]) == COMPUTED | {"q95", "q61", "everybody"}
    rest = [tags for n, tags in enumerate(before) if n != 19]

    placed, refused = await place(world, "member", {"profiling": True}, member=members[19])

    assert refused == []
    at_once = await tags_of(world)
    assert (at_once[19], [tags for n, tags in enumerate(at_once) if n != 19]) == ({}, rest)
    await defined(world, {"newest": ALL["everybody"][0]})  # and a new rule gives none
    await run_jobs(world, "tags")
    world.clock.at += timedelta(days=1)
    await run_jobs(world, "tags")
    next_day = await tags_of(world)
    assert next_day[19] == {}
    assert who(next_day, "newest") == those(range(19))
    assert who(next_day, "q95") == [
        0
    ]  # of 20 values, without that of 19, the 19th is the child's again, and 0 has more

    await lift(world, "member", placed["id"], member=members[19])
    assert (await tags_of(world))[19] == {}
    world.clock.at += timedelta(days=1)
    await run_jobs(world, "tags")
    assert set((await tags_of(world))[19]) == COMPUTED | {"q61", "everybody", "newest"}


async def test_a_tag_with_a_term_goes_when_no_round_renews_it_and_ends_when_its_rule_does(world: World) -> None:
    await settle(world)
    await defined(world, {"last_7": DATES["last_7"][0]}, expiresDays=2)
    await defined(world, {"for_good": ALL["everybody"][0]})
    await run_jobs(world, "tags")
    first = await tags_of(world)
    until = MIDNIGHT + timedelta(days=3)  # the end of the second day after that of the round

    world.clock.at = until - SECOND
    still = await tags_of(world)
    world.clock.at = until
    gone = await tags_of(world)
    await run_jobs(world, "tags")
    anew = await tags_of(world)

    assert {first[n]["last_7"]["until"] for n in range(1, 8)} == {"2026-11-24T16:00:00Z"}
    assert (who(first, "last_7"), who(still, "last_7"), who(gone, "last_7")) == (
        those(range(1, 8)),
        those(range(1, 8)),
        [],
    )
    assert who(gone, "for_good") == those(ADULTS)
    assert who(anew, "last_7") == those(range(5))  # three days on: 0 to 4 bought within 7 days
    assert {anew[n]["last_7"]["since"] for n in range(5)} == {"2026-11-24T16:00:00Z"}
    assert {anew[n]["for_good"]["since"] for n in ADULTS} == {first[0]["for_good"]["since"]}
    world.clock.at += timedelta(days=1)
    await run_jobs(world, "tags")
    assert who(await tags_of(world), "last_7") == those(
        range(4)
    )  # 4 has a term until later, and the rule holds no more
