"""The rule of a tag: a condition over declared figures, read once from strict JSON into frozen values. Pure.

    {"all": [C, ...]}  {"any": [C, ...]}  {"not": C}             and, or, not
    {"figure": F, "equals": V}  {"figure": F, "one_of": [V, ...]}   comparison and membership
    {"figure": F, "at_least": N}  {"figure": F, "at_most": N}       whole numbers
    {"figure": F, "includes": V}                                    of a figure that is a set (channels)
    {"figure": F, "days_ago_at_least": N}  {..."days_ago_at_most": N}   of a day, in whole business days
    {"figure": F, "at_quantile": P}  {"figure": F, "below_quantile": P}  P in 1 to 99, over the handler's members

Who defines a rule is refused a value that its figure never has (a score of 9, a tier that there is not). A stored rule
is read without that: tiers and stores come and go, and one rule that no longer holds must not end a whole evaluation.

A figure that a member has not makes every comparison false, so that `not` of it is true. A member is at a quantile P
who has at least the value at position ceil(P * n / 100) when the values greater than 0 of the n living members of the
handler who have them and did not object to profiling are sorted from below; where nobody has any, nobody is at it or
below it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from member_hub.privacy import Purpose
from member_hub.tags.figures import FIGURES, Figure, FigureKind
from member_hub.tags.refusals import BadRule

CHARS_MAX: Final = 8_192
DEPTH_MAX: Final = 8
NODES_MAX: Final = 64
VALUES_MAX: Final = 50
NUMBER_MAX: Final = 2**53
DAYS_MAX: Final = 36_600


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


@dataclass(frozen=True, slots=True)
class OneOf:
    """Equal to one of these."""

    figure: Figure
    values: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """At least, at most, or both; whole numbers."""

    figure: Figure
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Includes:
    figure: Figure
    value: str


@dataclass(frozen=True, slots=True)
class DaysAgo:
    """How many business days a day lies back."""

    figure: Figure
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Quantile:
    figure: Figure
    percent: int
    is_below: bool = False


Condition = All | AnyOf | Not | OneOf | Between | Includes | DaysAgo | Quantile


@dataclass(frozen=True, slots=True)
class Domain:
    """What a value that a figure is compared with may be; no words: any."""

    words: frozenset[str]
    least: int = -NUMBER_MAX
    most: int = NUMBER_MAX


# The words that a figure may have, where what they are is decided outside the program: tiers, stores, regions.
Words = Mapping[str, frozenset[str]]

ROOT: Final = "rule"  # the input that holds it: a place within is named like one of any other input, rule.all.0.figure


def loaded(text: str) -> Any:
    """The JSON of a rule, as it is stored. Raises BadRule."""
    if len(text) > CHARS_MAX:
        raise BadRule(ROOT, f"a rule has at most {CHARS_MAX} characters.", zh=f"规则最多 {CHARS_MAX} 个字符。")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError):
        raise BadRule(
            ROOT,
            "this is no JSON of objects with different keys and whole numbers.",
            zh="不是 JSON，键有重复，或含小数。",
        ) from None


def read(found: object, purpose: Purpose, words: Words | None = None) -> Condition:
    """The condition in the JSON of a rule, as it was sent or stored.

    With `words` it is read as one that somebody defines now. Raises BadRule, which names the place; also for a figure
    not held for this purpose.
    """
    return _Reader(purpose, words).condition(found, ROOT, 1)


def figures_in(condition: Condition) -> frozenset[Figure]:
    match condition:
        case All(parts) | AnyOf(parts):
            return frozenset().union(*(figures_in(part) for part in parts))
        case Not(part):
            return figures_in(part)
    return frozenset({condition.figure})


def quantiles_in(condition: Condition) -> frozenset[tuple[str, int]]:
    """Which quantiles of which figures it asks for."""
    match condition:
        case All(parts) | AnyOf(parts):
            return frozenset().union(*(quantiles_in(part) for part in parts))
        case Not(part):
            return quantiles_in(part)
        case Quantile():
            return frozenset({(condition.figure.name, condition.percent)})
    return frozenset()


class _Reader:
    """Counts what it reads, so that a rule has an end."""

    def __init__(self, purpose: Purpose, words: Words | None) -> None:
        self._purpose = purpose
        self._words = words
        self._nodes = 0

    def condition(self, found: object, place: str, depth: int) -> Condition:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise BadRule(place, f"a rule has at most {NODES_MAX} conditions.", zh=f"规则最多 {NODES_MAX} 个条件。")
        if depth > DEPTH_MAX:
            raise BadRule(place, f"conditions are at most {DEPTH_MAX} deep.", zh=f"条件最多嵌套 {DEPTH_MAX} 层。")
        if not isinstance(found, Mapping):
            raise BadRule(place, "a condition is an object.", zh="条件须为对象。")
        match list(found.items()):
            case [("all", parts)]:
                return All(self._parts(parts, f"{place}.all", depth))
            case [("any", parts)]:
                return AnyOf(self._parts(parts, f"{place}.any", depth))
            case [("not", part)]:
                return Not(self.condition(part, f"{place}.not", depth + 1))
        return self._comparison(found, place)

    def _parts(self, found: object, place: str, depth: int) -> tuple[Condition, ...]:
        if not isinstance(found, list) or not found:
            raise BadRule(place, "this is a list of at least one condition.", zh="须为至少一个条件的列表。")
        return tuple(self.condition(part, f"{place}.{number}", depth + 1) for number, part in enumerate(found))

    def _comparison(self, found: Mapping[str, object], place: str) -> Condition:
        figure = self._figure(found.get("figure"), f"{place}.figure")
        words = [word for word in found if word != "figure"]
        if len(words) != 1 or words[0] not in _READ:
            raise BadRule(
                place,
                "a comparison names a figure and one of " + ", ".join(_READ) + ".",
                zh="比较须指明一个指标和一种比较方式。",
            )
        (word,) = words
        kinds, reading = _READ[word]
        if figure.kind not in kinds:
            raise BadRule(f"{place}.{word}", "this figure is not compared so.", zh="该指标不能这样比较。")
        return reading(figure, self._domain(figure), found[word], f"{place}.{word}")

    def _domain(self, figure: Figure) -> Domain:
        words = frozenset(figure.values)
        if self._words is None:
            return Domain(words)
        least = -NUMBER_MAX if figure.least is None else figure.least
        return Domain(words or self._words.get(figure.name, words), least, figure.most or NUMBER_MAX)

    def _figure(self, name: object, place: str) -> Figure:
        figure = FIGURES.get(name) if isinstance(name, str) else None
        if figure is None:
            raise BadRule(place, "this is no declared figure (tagFigures).", zh="不是已声明的指标（见 tagFigures）。")
        if self._purpose not in figure.purposes:
            raise BadRule(
                place,
                "what this figure is made from was not collected for the purpose of the tag.",
                zh="该指标的来源数据并非为此标签的目的收集。",
            )
        return figure


def _equals(figure: Figure, domain: Domain, found: object, place: str) -> Condition:
    return OneOf(figure, (_value(figure, domain, found, place),))


def _one_of(figure: Figure, domain: Domain, found: object, place: str) -> Condition:
    if not isinstance(found, list) or not 0 < len(found) <= VALUES_MAX:
        raise BadRule(place, f"this is a list of 1 to {VALUES_MAX} values.", zh=f"须为 1 至 {VALUES_MAX} 个值的列表。")
    values = tuple(_value(figure, domain, one, f"{place}.{number}") for number, one in enumerate(found))
    if len(set(values)) != len(values):
        raise BadRule(place, "a value stands here twice.", zh="有重复的值。")
    return OneOf(figure, values)


def _includes(figure: Figure, domain: Domain, found: object, place: str) -> Condition:
    return Includes(figure, str(_value(figure, domain, found, place)))


def _at_quantile(figure: Figure, _: Domain, found: object, place: str) -> Condition:
    return Quantile(figure, _number(found, place, least=1, most=99))


def _below_quantile(figure: Figure, _: Domain, found: object, place: str) -> Condition:
    return Quantile(figure, _number(found, place, least=1, most=99), is_below=True)


def _value(figure: Figure, domain: Domain, found: object, place: str) -> int | str:
    if figure.kind is FigureKind.NUMBER:
        return _within(domain, found, place)
    if not isinstance(found, str) or not 0 < len(found) <= 60 or not found.isprintable():
        raise BadRule(place, "this is a word of 1 to 60 characters.", zh="须为 1 至 60 个字符的文字。")
    if domain.words and found not in domain.words:
        raise BadRule(place, "the figure never has this value.", zh="该指标没有此取值。")
    return found


def _number(found: object, place: str, *, least: int = -NUMBER_MAX, most: int = NUMBER_MAX) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
        raise BadRule(place, f"this is a whole number from {least} to {most}.", zh=f"须为 {least} 至 {most} 的整数。")
    return found


def _within(domain: Domain, found: object, place: str) -> int:
    return _number(found, place, least=domain.least, most=domain.most)


def _no_more(domain: Domain, found: object, place: str) -> int:
    """A bound that somebody can be at: what holds of everybody who has the figure may be said."""
    return _number(found, place, most=domain.most)


def _no_less(domain: Domain, found: object, place: str) -> int:
    return _number(found, place, least=domain.least)


def _days(found: object, place: str) -> int:
    return _number(found, place, least=0, most=DAYS_MAX)


_ONE_VALUE: Final = frozenset({FigureKind.NUMBER, FigureKind.WORD})
_NUMBER: Final = frozenset({FigureKind.NUMBER})
_DAY: Final = frozenset({FigureKind.DAY})
_SET: Final = frozenset({FigureKind.SET})
_READ: Final[Mapping[str, tuple[frozenset[FigureKind], Callable[[Figure, Domain, object, str], Condition]]]] = {
    "equals": (_ONE_VALUE, _equals),
    "one_of": (_ONE_VALUE, _one_of),
    "at_least": (_NUMBER, lambda figure, domain, found, place: Between(figure, least=_no_more(domain, found, place))),
    "at_most": (_NUMBER, lambda figure, domain, found, place: Between(figure, most=_no_less(domain, found, place))),
    "includes": (_SET, _includes),
    "days_ago_at_least": (_DAY, lambda figure, _, found, place: DaysAgo(figure, least=_days(found, place))),
    "days_ago_at_most": (_DAY, lambda figure, _, found, place: DaysAgo(figure, most=_days(found, place))),
    "at_quantile": (_NUMBER, _at_quantile),
    "below_quantile": (_NUMBER, _below_quantile),
}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_float(_: str) -> Any:
    raise ValueError("a number that is not whole")
