"""Variables that do not fit: which place of which one, and how; never a value, and no word that the schema has not.

graphql-core's own texts quote what was sent, and of a field that is missing they name the object only. So whatever it
refuses is walked through once more here, by the types, and told as `input.lines.2.amountFen`. A field that the schema
does not have may be called anything, a phone number too: of it the object is told. So may a variable be: where nothing
of a document is said back, the path begins within the variable, to which the locations point.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, islice
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLLeafType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    VariableNode,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    type_from_ast,
)

from member_hub.errors import BadInput
from member_hub.graphql.problems import Language, from_refusal
from member_hub.graphql.scalars import NoTimeZone

ERRORS_MAX: Final = 20  # of one request
DEPTH_MAX: Final = 50  # of what stands within what

Path = tuple[str | int, ...]


class How(StrEnum):
    """What is wrong with what stands at a place."""

    MISSING = "is missing"
    UNFIT = "does not fit its type"
    UNKNOWN_FIELD = "has a field that there is not"
    NOT_ONE = "takes exactly one of its fields"
    TOO_DEEP = "is nested too deeply"
    NO_ZONE = "has no time zone; a moment looks like 2026-11-22T08:00:00+08:00"


_ZH: Final[Mapping[How, str]] = {
    How.MISSING: "缺失",
    How.UNFIT: "与其类型不符",
    How.UNKNOWN_FIELD: "含有不存在的字段",
    How.NOT_ONE: "须恰好给出其中一个字段",
    How.TOO_DEEP: "嵌套过深",
    How.NO_ZONE: "缺少时区，时间应形如 2026-11-22T08:00:00+08:00",
}


class WrongVariable(BadInput):
    """`field` is the place; None where not even the variable may be named."""

    def __init__(self, field: str | None = None, how: How = How.UNFIT) -> None:
        en = f"The variable ${field} {how}." if field else f"A variable {how}."
        zh = f"变量 ${field} {_ZH[how]}。" if field else f"变量{_ZH[how]}。"
        super().__init__(en, zh=zh, field=field)


class WrongPart(WrongVariable):
    """A place within a variable that is not named."""

    def __init__(self, field: str, how: How) -> None:
        BadInput.__init__(self, f"In a variable, {field} {how}.", zh=f"变量中的 {field} {_ZH[how]}。", field=field)


class WrongArgument(BadInput):
    zh = "参数与其类型不符。"
    en = "An argument does not fit its type."


def wrong_variables(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    stated: Mapping[str, Any],
    language: Language,
    *,
    names: bool,
) -> list[dict[str, Any]]:
    """The errors of the answer, at most ERRORS_MAX; `names`: the variables may be named."""
    wrong = (_of(schema, one, stated, language, names=names) for one in operation.variable_definitions or ())
    return list(islice(chain.from_iterable(wrong), ERRORS_MAX)) or [from_refusal(WrongVariable(), language)]


def wrong_argument(error: GraphQLError, language: Language, *, names: bool) -> dict[str, Any]:
    """A variable that fits its own type, and not where it stands: null where its default would have done."""
    node = next((one for one in error.nodes or () if isinstance(one, VariableNode)), None)
    refusal = _named(node.name.value, (), How.MISSING) if node is not None and names else WrongArgument()
    found = from_refusal(refusal, language)
    if error.locations:
        found["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return found


def _of(
    schema: GraphQLSchema, node: VariableDefinitionNode, stated: Mapping[str, Any], language: Language, *, names: bool
) -> Iterator[dict[str, Any]]:
    name, type_ = node.variable.name.value, type_from_ast(schema, node.type)
    value = stated.get(name, Undefined)
    if value is Undefined and (node.default_value is not None or not is_non_null_type(type_)):
        return
    for path, how in _misfits(value, type_, ()):
        error = from_refusal(_named(name, path, how) if names else _unnamed(path, how), language)
        if node.loc is not None:
            at = node.loc.source.get_location(node.loc.start)
            error["locations"] = [{"line": at.line, "column": at.column}]
        yield error


def _named(name: str, path: Path, how: How) -> WrongVariable:
    return WrongVariable(written((name, *path)), how)


def _unnamed(path: Path, how: How) -> WrongVariable:
    return WrongPart(written(path), how) if path else WrongVariable(None, how)


def written(path: Sequence[str | int]) -> str:
    """`input.lines.2.amountFen`."""
    return ".".join(map(str, path))


def _misfits(value: Any, type_: Any, path: Path) -> Iterator[tuple[Path, How]]:
    if len(path) > DEPTH_MAX:
        yield path, How.TOO_DEEP
    elif value is None or value is Undefined:
        if is_non_null_type(type_):
            yield path, How.MISSING
    elif is_non_null_type(type_):
        yield from _misfits(value, type_.of_type, path)
    elif is_list_type(type_):
        yield from _misfits_of_list(value, type_.of_type, path)
    elif is_input_object_type(type_):
        yield from _misfits_of_object(value, type_, path)
    elif is_leaf_type(type_) and (how := _misfit(value, type_)) is not None:
        yield path, how


def _misfits_of_list(value: Any, type_: GraphQLInputType, path: Path) -> Iterator[tuple[Path, How]]:
    if not isinstance(value, list):
        yield from _misfits(value, type_, path)  # one stands for a list of one
        return
    for number, item in enumerate(value):
        yield from _misfits(item, type_, (*path, number))


def _misfits_of_object(value: Any, type_: GraphQLInputObjectType, path: Path) -> Iterator[tuple[Path, How]]:
    if not isinstance(value, dict):
        yield path, How.UNFIT
        return
    if not value.keys() <= type_.fields.keys():
        yield path, How.UNKNOWN_FIELD
    for name, one in type_.fields.items():
        if name in value:
            yield from _misfits(value[name], one.type, (*path, name))
        elif is_required_input_field(one):
            yield (*path, name), How.MISSING
    if type_.is_one_of and (len(value) != 1 or None in value.values()):
        yield path, How.NOT_ONE


def _misfit(value: Any, type_: GraphQLLeafType) -> How | None:
    """What a scalar of ours or a library's raises says no more than that it does not fit, and may quote the value."""
    try:
        return How.UNFIT if type_.coerce_input_value(value) is Undefined else None
    except NoTimeZone:
        return How.NO_ZONE
    except Exception:  # noqa: BLE001 - as graphql-core takes it itself
        return How.UNFIT
