"""Rules as somebody sends them, TOML or JSON, into rules that were read strictly; refused with the place."""

from typing import Final

import orjson

from member_hub.errors import BadInput
from member_hub.organisation import PolicyError, Section
from member_hub.organisation import toml as read_toml
from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.rules.reading import rules_of

TEXT_CHARS_MAX: Final = 20_000
NAME: Final = "rules"


class RulesInvalid(BadInput):
    """The text says line and key; a proposal says nothing about a person, and only its keys are said back."""

    code = "TIER_RULES_INVALID"
    zh = "等级规则有误。"
    en = "The rules are not well formed."


def read(text: str) -> TierRules:
    """Rules out of a text: the table [tiers] of a programme's file, or what stands in it. Raises RulesInvalid."""
    if not text.strip() or len(text) > TEXT_CHARS_MAX:
        raise RulesInvalid(
            f"Rules have 1 to {TEXT_CHARS_MAX} characters.",
            zh=f"规则须为 1 至 {TEXT_CHARS_MAX} 个字符。",
            field="rules",
        )
    try:
        top = _json(text) if text.lstrip().startswith("{") else read_toml(NAME, text)
        inner = top.values.get("tiers")
        if isinstance(inner, dict) and set(top.values) == {"tiers"}:
            top = Section(top.file, top.source, "tiers", inner)
        return rules_of(top)
    except PolicyError as refused:
        place = f"{NAME}:{refused.line}" if refused.line else NAME
        raise RulesInvalid(
            f"{place}: {refused.reason}", zh=f"规则有误（{place}）：{refused.reason}", field="rules"
        ) from None


def _json(text: str) -> Section:
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PolicyError(NAME, error.lineno, "is not JSON") from None
    if not isinstance(values, dict):
        raise PolicyError(NAME, 1, "is no table")
    return Section(NAME, text, "", values)
