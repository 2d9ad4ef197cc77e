"""Rules in SQL say what the same rules say in plain Python, over whatever members there are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from member_hub.db.base import Tx, transaction
from member_hub.members.bits import PROFILING, PURPOSE_BITS
from member_hub.members.taggings import member_t
from member_hub.privacy import Purpose
from member_hub.tags.compiling import compiled
from member_hub.tags.conditions import quantiles_in, read
from member_hub.tags.figures import FIGURES, FigureKind, FigureSource
from member_hub.tags.sources import figures_of
from member_hub.tags.thresholds import thresholds_of
from tests.tags import oracle
from tests.tags.desk import NOW, NUMBERS, PROGRAMME, TODAY, Desk, Someone, acted, line, lines, new_member

MEMBERS = 12
CHANNELS = {"website": 1, "app": 2, "store": 4}
DAYS = st.one_of(st.integers(0, 3), st.sampled_from([29, 30, 31, 59, 60, 61, 89, 90, 91, 180, 181, 364, 365, 366]),
                 st.integers(0, 800))  # fmt: skip
HOURS = st.sampled_from([0, 3, 4, 12, 15, 16, 17, 23])  # 16:00 UTC is midnight in Shanghai
SERVICE = [one for one in FIGURES.values() if Purpose.MEMBER_SERVICE in one.purposes]


def moment(days: int, hour: int) -> datetime:
    return datetime(2026, 11, 22, hour, tzinfo=NOW.tzinfo) - timedelta(days=days)


@st.composite
def people(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Facts of some members: two accounts each, orders with refunds, activity."""
    found = []
    for number in range(MEMBERS):
        facts: list[tuple[Any, ...]] = []
        for order in range(draw(st.integers(0, 4))):
            channel = draw(st.sampled_from(["website", "store"]))
            for line_no in range(1, 1 + draw(st.integers(1, 2))):
                fen, at = draw(st.integers(1, 5)) * 100, moment(draw(DAYS), draw(HOURS))
                name = f"M{number}-{order}"
                facts.append((channel, name, line_no, fen, at, None))
                for refund in range(draw(st.sampled_from([0, 0, 1, 2]))):
                    back = draw(st.sampled_from([fen, fen // 2]))
                    when = at + timedelta(days=draw(st.integers(0, 9)))
                    facts.append((channel, f"R{name}-{line_no}-{refund}", 1, -back, when, (name, line_no)))
        activity = draw(
            st.dictionaries(
                st.tuples(st.integers(0, 1), st.integers(0, 95), st.sampled_from(["visit", "check_in", "share"])),
                st.integers(0, 3),
                max_size=6,
            )
        )
        found.append(
            {
                "facts": facts,
                "activity": activity,
                "joined": moment(draw(DAYS), draw(HOURS)),
                "store": draw(st.sampled_from([None, "SH001", "SH014"])),
                "channels": draw(st.sets(st.sampled_from(sorted(CHANNELS)))),
                "objects": draw(st.sampled_from([0, 0, 0, PROFILING, PURPOSE_BITS[Purpose.ACTIVITY_EVALUATION]])),
            }
        )
    return found


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    figure = draw(st.sampled_from(SERVICE))
    said: dict[FigureKind, dict[str, Any]] = {
        FigureKind.NUMBER: {
            "equals": st.integers(-1, 6),
            "one_of": st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True),
            "at_least": st.one_of(st.integers(-1, 5), st.integers(0, 800)),
            "at_most": st.one_of(st.integers(-1, 5), st.integers(0, 800)),
            "at_quantile": st.integers(1, 99),
            "below_quantile": st.integers(1, 99),
        },
        FigureKind.WORD: {
            "equals": st.sampled_from(figure.values or ("SH001", "east", "base", "nowhere")),
            "one_of": st.lists(
                st.sampled_from(figure.values or ("SH014", "south", "vip", "base")), min_size=1, unique=True
            ),
        },
        FigureKind.DAY: {"days_ago_at_least": DAYS, "days_ago_at_most": DAYS},
        FigureKind.SET: {"includes": st.sampled_from(sorted(CHANNELS))},
    }
    word = draw(st.sampled_from(sorted(said[figure.kind])))
    return {"figure": figure.name, word: draw(said[figure.kind][word])}


RULES = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)


async def move_in(tx: Tx, drawn: Sequence[dict[str, Any]]) -> list[Someone]:
    found = []
    for one in drawn:
        who = await new_member(
            tx,
            accounts=2,
            joined_at=one["joined"],
            home_store=one["store"],
            channels=sum(CHANNELS[channel] for channel in one["channels"]),
            restriction_bits=one["objects"],
        )
        rows = [
            line(who, order, number, fen, at, account=index % 2, channel=channel, refund_of=refund_of)
            for index, (channel, order, number, fen, at, refund_of) in enumerate(one["facts"])
        ]
        await lines(tx, rows)
        said = [(who, a, TODAY - timedelta(days=back), kind, n) for (a, back, kind), n in one["activity"].items()]
        await acted(tx, said)
        found.append(who)
    return found


def expected(drawn: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The figures of everybody, and of those who count for quantiles."""
    everybody = []
    for one in drawn:
        mine = oracle.bought(one["facts"], TODAY, NUMBERS)
        counts = oracle.active([(TODAY - timedelta(days=b), k, n) for (_, b, k), n in one["activity"].items()], TODAY)
        joined = oracle.day_of(one["joined"])
        objects = bool(one["objects"] & PURPOSE_BITS[Purpose.ACTIVITY_EVALUATION])
        mine |= dict.fromkeys(counts) if objects else counts
        mine |= {"points_active": 0, "points_expiring_30d": 0, "tier": "base", "growth": 0}
        mine |= {"joined_on": joined, "joined_days": (TODAY - joined).days, "channels": one["channels"]}
        mine |= {"home_store": one["store"], "region": {"SH001": "east", "SH014": "south"}.get(one["store"])}
        everybody.append(mine)
    counted = [mine for mine, one in zip(everybody, drawn, strict=True) if not one["objects"] & PROFILING]
    oracle.scored(everybody, counted)
    return everybody, counted


@settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(people(), st.lists(RULES, min_size=12, max_size=12))
async def test_figures_and_rules_in_sql_are_those_in_plain_python(
    desk: Desk, drawn: list[dict[str, Any]], rules: list[Any]
) -> None:
    setting = PROGRAMME.setting(NOW)
    everybody, counted = expected(drawn)
    async with transaction(desk.database.app) as tx:
        there = await move_in(tx, drawn)
        thresholds = dict(await thresholds_of(tx, "brand", [], setting))
        conditions = [read(rule, Purpose.MEMBER_SERVICE) for rule in rules]
        for name, percent in {one for condition in conditions for one in quantiles_in(condition)}:
            thresholds[name, percent] = oracle.at_percent(
                [one[name] for one in counted if one[name] is not None], percent
            )
        ids = select(member_t.c.member_id)
        figures = figures_of(ids, set(FigureSource), setting, thresholds)
        answers = [
            compiled(condition, figures, setting, thresholds).label(f"rule_{number}")
            for number, condition in enumerate(conditions)
        ]
        rows = {row["member_id"]: row for row in (await tx.execute(select(figures, *answers))).mappings()}
        found = [rows[who.member_id] for who in there]
        await tx.rollback()

    for row, mine in zip(found, everybody, strict=True):
        masked = mine | {"channels": sum(CHANNELS[channel] for channel in mine["channels"])}
        assert {name: row[name] for name in FIGURES} == {name: masked[name] for name in FIGURES}
        said = [row[f"rule_{number}"] for number in range(len(rules))]
        assert said == [oracle.holds(rule, mine, counted, TODAY) for rule in rules]
