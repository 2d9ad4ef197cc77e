"""A rule is read strictly: whatever is not exactly right is refused with the place where it stands."""

import json
from typing import Any

import pytest

from member_hub.privacy import Purpose
from member_hub.tags.conditions import (
    CHARS_MAX,
    DEPTH_MAX,
    NODES_MAX,
    VALUES_MAX,
    All,
    Between,
    Condition,
    Not,
    OneOf,
    Quantile,
    figures_in,
    loaded,
    quantiles_in,
    read,
)
from member_hub.tags.figures import FIGURES
from member_hub.tags.refusals import BadRule

ONE: dict[str, Any] = {"figure": "recency_days", "at_most": 30}
SERVICE = Purpose.MEMBER_SERVICE


def parse(text: str, purpose: Purpose) -> Condition:
    """As a rule is read when it is proposed."""
    return read(loaded(text), purpose)


def nested(depth: int) -> Any:
    return ONE if depth == 1 else {"not": nested(depth - 1)}


def test_a_rule_becomes_frozen_values() -> None:
    text = json.dumps({"all": [ONE, {"not": {"figure": "home_store", "one_of": ["SH001"]}}]})

    condition = parse(text, SERVICE)

    assert condition == All((Between(FIGURES["recency_days"], most=30), Not(OneOf(FIGURES["home_store"], ("SH001",)))))
    assert {figure.name for figure in figures_in(condition)} == {"recency_days", "home_store"}
    top = parse('{"any": [{"figure": "monetary_12m_fen", "at_quantile": 90}]}', SERVICE)
    assert quantiles_in(top) == {("monetary_12m_fen", 90)}
    assert figures_in(parse(json.dumps(nested(DEPTH_MAX)), SERVICE)) == {FIGURES["recency_days"]}
    assert isinstance(parse('{"figure": "growth", "below_quantile": 25}', SERVICE), Quantile)


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ([], "rule"),
        ({}, "rule.figure"),
        ({"all": []}, "rule.all"),
        ({"any": ONE}, "rule.any"),
        ({"all": [ONE, {"not": [ONE]}]}, "rule.all.1.not"),
        ({"all": [ONE], "any": [ONE]}, "rule.figure"),
        ({"figure": "phone", "equals": "1"}, "rule.figure"),
        ({"figure": ["recency_days"], "at_most": 1}, "rule.figure"),
        ({"figure": "recency_days"}, "rule"),
        ({"figure": "recency_days", "at_most": 30, "at_least": 1}, "rule"),
        ({"figure": "recency_days", "like": 30}, "rule"),
        ({"figure": "recency_days", "at_most": "30"}, "rule.at_most"),
        ({"figure": "recency_days", "at_most": True}, "rule.at_most"),
        ({"figure": "recency_days", "at_most": 2**53 + 1}, "rule.at_most"),
        ({"figure": "recency_days", "at_quantile": 100}, "rule.at_quantile"),
        ({"figure": "recency_days", "includes": "x"}, "rule.includes"),
        ({"figure": "lifecycle_stage", "equals": "asleep"}, "rule.equals"),
        ({"figure": "lifecycle_stage", "at_least": 1}, "rule.at_least"),
        ({"figure": "joined_on", "at_least": 20260101}, "rule.at_least"),
        ({"figure": "joined_on", "days_ago_at_most": -1}, "rule.days_ago_at_most"),
        ({"figure": "home_store", "one_of": []}, "rule.one_of"),
        ({"figure": "home_store", "one_of": ["SH001", "SH001"]}, "rule.one_of"),
        ({"figure": "home_store", "one_of": ["SH001", "x\u202e"]}, "rule.one_of.1"),
        ({"figure": "orders_ever", "one_of": list(range(VALUES_MAX + 1))}, "rule.one_of"),
        (nested(DEPTH_MAX + 1), "rule" + ".not" * DEPTH_MAX),
        ({"all": [ONE] * NODES_MAX}, f"rule.all.{NODES_MAX - 1}"),
    ],
)
def test_what_is_not_exactly_right_is_refused_with_its_place(rule: Any, place: str) -> None:
    with pytest.raises(BadRule) as refused:
        parse(json.dumps(rule), SERVICE)

    assert (refused.value.field, refused.value.code) == (place, "TAG_RULE_INVALID")
    assert str(refused.value).startswith(f"At {place}: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"figure": "recency_days", "at_most": 1.5}',
        '{"figure": "recency_days", "at_most": 1e3}',
        '{"figure": "recency_days", "at_most": NaN}',
        '{"figure": "recency_days", "figure": "orders_ever", "at_most": 1}',
        '{"figure": "recency_days", "at_most": ' + "9" * 5000 + "}",
        "[" * 8000,
        '{"not":' * 1000 + "1" + "}" * 1000,
        " " * (CHARS_MAX + 1),
    ],
)
def test_what_is_no_strict_json_is_refused(text: str) -> None:
    with pytest.raises(BadRule) as refused:
        parse(text, SERVICE)

    assert refused.value.field == "rule"


def test_a_figure_serves_the_purposes_alone_that_its_columns_were_collected_for() -> None:
    visits = '{"figure": "visit_30d", "at_least": 1}'
    tier = '{"figure": "tier", "equals": "vip"}'

    parse(visits, Purpose.ACTIVITY_EVALUATION)
    parse(tier, Purpose.PERSONALISATION)
    for text, purpose in ((visits, Purpose.MARKETING), (visits, Purpose.ANALYTICS)):
        with pytest.raises(BadRule) as refused:
            parse(text, purpose)
        assert refused.value.field == "rule.figure"


def test_every_figure_is_declared_in_full() -> None:
    wanted = {
        "recency_days", "frequency_12m", "monetary_12m_fen", "r_score", "f_score", "m_score", "lifecycle_stage",
        "churn_risk", "active_days_90d", "streak", "tier", "growth", "points_active", "points_expiring_30d",
        "joined_days", "home_store", "region", "channels",
    }  # fmt: skip
    wanted |= {f"{kind}_{days}d" for kind in ("visit", "check_in", "review", "share", "survey") for days in (30, 90)}

    assert wanted <= set(FIGURES)
    for figure in FIGURES.values():
        assert figure.unit
        assert figure.en.isascii()
        assert not figure.zh.isascii()
        assert SERVICE in figure.purposes
