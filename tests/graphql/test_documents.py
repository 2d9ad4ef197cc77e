"""What becomes of documents that are wrong, too much, or not for this place; and what errors never say."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query, parse, specified_rules

from member_hub.access import caller_from
from member_hub.graphql import Api, Asked, limits
from member_hub.graphql.documents import BadDocument, Documents
from member_hub.graphql.limits import Endless, Scale, TooComplex
from member_hub.graphql.problems import Language
from member_hub.graphql.rule_texts import RULE_TEXTS
from member_hub.graphql.schema import core_schema
from member_hub.ids import uuid7
from member_hub.settings import Mode
from tests.graphql.conftest import Town
from tests.graphql.world import NOW, WHOLE

SECRET = "13912345671"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (f'{{ member(by: {{phone: "{SECRET}"}}) {{ id }}', None),
        (f'{{ member(by: {{phone: "{SECRET}"}} {{ id }} }}', None),
        (f"{{ member(by: {{phone: {SECRET}}}) {{ id }} }}", None),
        (f'{{ memberList(first: "{SECRET}") {{ edges {{ cursor }} }} }}', None),
        (f'{{ members(by: "{SECRET}") {{ id }} }}', None),
        ("query ($by: MemberKey!) { member(by: $by) { id } }", {"by": SECRET}),
        ("query ($by: MemberKey!) { member(by: $by) { id } }", {"by": {"fone": SECRET}}),
        ("query ($by: MemberKey!) { member(by: $by) { id } }", {"by": {"phone": [SECRET]}}),
        ("query ($by: MemberKey!) { member(by: $by) { id } }", {"by": {"phone": SECRET, "email": SECRET}}),
        ("query ($n: Int) { memberList(first: $n) { edges { cursor } } }", {"n": SECRET}),
        ("query ($n: DateTime) { memberList(first: 1, filter: {joinedTo: $n}) { edges { cursor } } }", {"n": SECRET}),
        ("query ($n: Channel) { memberList(first: 1, filter: {channel: $n}) { edges { cursor } } }", {"n": SECRET}),
    ],
)
async def test_no_error_says_a_value(town: Town, query: str, variables: Any) -> None:
    answer = await town.post("app_crm", query, variables=variables)

    assert {e["extensions"]["code"] for e in answer.json()["errors"]} == {"BAD_USER_INPUT"}
    assert "data" not in answer.json()
    assert SECRET not in answer.text


async def test_a_variable_that_does_not_fit_is_named(town: Town) -> None:
    query = "query ($first: Int!) { memberList(first: $first) { edges { cursor } } }"

    answer = (await town.post("app_crm", query, variables={"first": "many"})).json()

    assert [e["message"] for e in answer["errors"]] == ["The variable $first does not fit its type."]


@pytest.mark.parametrize(
    ("language", "literal", "variable"),
    [
        (
            "en",
            "A moment has no time zone here; it looks like 2026-11-22T08:00:00+08:00.",
            "The variable $at has no time zone; a moment looks like 2026-11-22T08:00:00+08:00.",
        ),
        (
            "zh",
            "此处的时间缺少时区，应形如 2026-11-22T08:00:00+08:00。",
            "变量 $at 缺少时区，时间应形如 2026-11-22T08:00:00+08:00。",
        ),
    ],
)
async def test_a_moment_without_time_zone_is_refused_with_that_reason(
    town: Town, language: str, literal: str, variable: str
) -> None:
    """Written out or as a variable; what is no moment at all does not fit, and no more is said of it."""
    naive, none, headers = "2026-11-20T10:00:00", "yesterday", {"Accept-Language": language}
    query = "query ($at: DateTime) { memberList(first: 1, filter: {joinedTo: $at}) { edges { cursor } } }"

    async def said(text: str, **variables: str) -> list[str]:
        answer = (await town.post("app_crm", text, variables=variables, headers=headers)).json()
        assert {e["extensions"]["code"] for e in answer["errors"]} == {"BAD_USER_INPUT"}
        return [one["message"] for one in answer["errors"]]

    assert await said(query.replace("$at}", f'"{naive}"}}').replace("($at: DateTime) ", "")) == [literal]
    assert await said(query, at=naive) == [variable]
    assert literal not in await said(query.replace("$at}", f'"{none}"}}').replace("($at: DateTime) ", ""))
    assert variable not in await said(query, at=none)


async def test_an_unknown_field_is_named_without_suggestions(town: Town) -> None:
    answer = (await town.post("app_crm", "{ me { phon } }")).json()

    assert [e["message"] for e in answer["errors"]] == ["Cannot query field 'phon' on type 'Member'."]
    assert answer["errors"][0]["locations"] == [{"line": 1, "column": 8}]


@pytest.mark.parametrize("name", [None, "C", ""])
async def test_of_several_operations_one_has_to_be_named(town: Town, name: str | None) -> None:
    sent = {"query": "query A { __typename } query B { __typename }", "operationName": name}
    headers = {"Authorization": f"Bearer {town.token('app_crm')}"}

    answer = (await town.client.post("/graphql", json=sent, headers=headers)).json()

    assert [e["extensions"] for e in answer["errors"]] == [{"code": "BAD_USER_INPUT", "field": "operationName"}]


async def test_the_named_operation_is_the_one_that_is_checked_and_executed(town: Town) -> None:
    query = "query IntrospectionQuery { __typename } query B { memberList(first: 1) { edges { cursor } } }"
    headers = {"Authorization": f"Bearer {town.token('auditor')}"}

    answer = await town.client.post("/graphql", json={"query": query, "operationName": "B"}, headers=headers)

    assert answer.status_code == 403


def deep(levels: int) -> str:
    return "{ memberList(first: 1) { edges { node " + "{ ... on Member " * levels + "{ id }" + " }" * levels + " } } }"


def nested(number: int) -> str:
    """Fragments that each spread the next one twice: 2 ** number fields."""
    parts = [f"fragment f{i} on Member {{ ...f{i + 1} ...f{i + 1} }}" for i in range(number)]
    return " ".join(["query { me { ...f0 } }", *parts, f"fragment f{number} on Member {{ id }}"])


TOO_MUCH = {
    "aliases": "{ me { " + " ".join(f"a{i}: id" for i in range(61)) + " } }",
    "root fields": "{ " + " ".join(f"a{i}: me {{ id }}" for i in range(11)) + " }",
    "fields": "{ me { " + " ".join(f"f{i}" for i in range(500)) + " } }",
    "fields of an unused fragment": "{ __typename } fragment F on Member { "
    + " ".join(f"f{i}" for i in range(500))
    + "}",
    "fields of several": " ".join(
        f"query q{n} {{ me {{ {' '.join(f'f{i}' for i in range(60))} }} }}" for n in range(9)
    ),
    "repeats": "{ me { " + "name { value } " * 31 + "} }",
    "repeats in an unused fragment": "{ __typename } fragment F on Member { " + "name { value } " * 31 + "}",
    "repeats below repeats": "{ me { " + "name { value value value value } " * 8 + "} }",
    "repeats in fragments": "{ me { " + "...F " * 16 + "} } fragment F on Member { name { value } name { value } }",
    "fragments": "{ __typename } " + " ".join(f"fragment F{i} on Member {{ id }}" for i in range(61)),
    "depth": "{ __schema { types " + "{ fields { type " * 8 + "{ name }" + " } }" * 8 + " } }",
    "directives": "{ me { " + "id @skip(if: false) " * 201 + "} }",
    "operations": " ".join(f"query q{i} {{ __typename }}" for i in range(11)),
    "tokens": "{ me { " + "id " * 5000 + "} }",
    "characters": "{ me { id } } #" + "x" * 100_000,
    "nesting": deep(250),
    "nested fragments": nested(60),
    "chained fragments": " ".join(
        [
            "{ me { ...f0 } }",
            *(f"fragment f{i} on Member {{ ...f{i + 1} }}" for i in range(900)),
            "fragment f900 on Member { id }",
        ]
    ),
}


@pytest.mark.parametrize("what", TOO_MUCH)
async def test_too_much_at_once_is_refused(town: Town, what: str) -> None:
    before = len(await town.audited())

    answer = (await town.post("app_crm", TOO_MUCH[what])).json()

    assert [e["extensions"]["code"] for e in answer["errors"]] == ["QUERY_TOO_COMPLEX"]
    assert "data" not in answer
    assert len(await town.audited()) == before


@pytest.mark.parametrize("number", [10, 60, 300])
def test_weighing_is_linear_in_the_document(number: int) -> None:
    document = parse(nested(number))
    scale = Scale(document)

    weight = scale.weigh(document.definitions[0].selection_set)  # type: ignore[union-attr]

    assert scale.visits == 2 + 2 * number + 1
    assert weight.selections == min(2 ** (number + 1) + 2**number, limits.WEIGHT_MAX)


@pytest.mark.parametrize(
    "query",
    [
        "{ me { ...a } } fragment a on Member { id ...b } fragment b on Member { ...a }",
        "{ me { id } } fragment a on Member { id ...b } fragment b on Member { ...a }",
    ],
)
def test_a_fragment_inside_itself_ends(query: str) -> None:
    with pytest.raises(Endless):
        limits.check(parse(query))


def test_a_limit_that_is_broken_is_named() -> None:
    with pytest.raises(TooComplex, match="aliases: at most 60"):
        limits.check(parse(TOO_MUCH["aliases"]))


async def test_a_fragment_inside_itself_is_refused(town: Town) -> None:
    codes = await town.refused("app_crm", "{ me { ...a } } fragment a on Member { id ...a }")

    assert codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en,zh;q=0.9", "en"),
        ("fr,zh;q=0.1", "zh"),
        ("zh;q=0,en;q=0", "en"),
        ("zh;q=nonsense", "en"),
        (",;,;q=", "en"),
    ],
)
def test_the_language_is_the_preferred_of_the_two(header: str | None, language: str) -> None:
    assert Language.preferred(header) == language


async def test_documents_are_read_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "query ($by: MemberKey!) { member(by: $by) { id # read once\n } }"
    variables = {"by": {"phone": WHOLE["phone"]}}
    first = await town.ask("app_crm", query, variables=variables)

    def fails(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("member_hub.graphql.documents.parse", fails)

    assert await town.ask("app_crm", query, variables=variables) == first


@pytest.mark.parametrize(
    "query", ["{ __schema { queryType { name } } }", '{ me { id } __type(name: "Member") { name } }']
)
async def test_introspection_is_for_development(town: Town, query: str) -> None:
    claims = town.tokens.verify(town.token("member", member=town.people.whole), NOW)
    caller = caller_from(claims, None, town.hub.policies, town.hub.organisation, request_id=uuid7())

    assert (await Api(town.hub).answer(Asked(query, None, {}), caller, Language.EN)).codes == []
    with pytest.raises(BadDocument) as refused:
        Documents(core_schema(), introspects=False).read(query, Language.EN)
    assert {error["extensions"]["code"] for error in refused.value.errors} == {"BAD_USER_INPUT"}


@pytest.mark.parametrize("selection", ["__schema { queryType { name } }", '__type(name: "Member") { name }'])
async def test_production_introspects_not_even_by_a_registered_document(
    town: Town, tmp_path: Path, selection: str
) -> None:
    text = f"query Inspecting {{ me {{ id }} {selection} }}"
    (tmp_path / "member").mkdir()
    (tmp_path / "member" / "Inspecting.graphql").write_text(text, "utf-8")
    by_id = Asked(None, None, {}, "sha256:" + sha256(text.encode()).hexdigest())
    claims = town.tokens.verify(town.token("member", member=town.people.whole), NOW)
    caller = caller_from(claims, None, town.hub.policies, town.hub.organisation, request_id=uuid7())
    answers = {}
    for mode in Mode:
        hub = replace(town.hub, settings=replace(town.hub.settings, mode=mode, operations_dir=tmp_path))
        answers[mode] = (await Api(hub).answer(by_id, caller, Language.EN)).codes

    assert answers == {Mode.DEVELOPMENT: [], Mode.PRODUCTION: ["DOCUMENT_NOT_FOUND"]}


async def test_what_is_too_much_is_never_validated(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("member_hub.graphql.documents.validate", fails)
    query = "{ __typename } fragment F on Member { " + "name { value } " * 400 + "}"

    assert await town.refused("app_crm", query) == ["QUERY_TOO_COMPLEX"]


@pytest.mark.parametrize("query", [get_introspection_query(), "{ me { " + "name { value } " * 30 + "} }"])
def test_what_clients_ask_is_not_too_much(query: str) -> None:
    limits.check(parse(query))


def test_documents_are_kept_up_to_a_length_of_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = Documents(core_schema(), introspects=False)
    texts = [f"{{ __typename }} # {'x' * 19_000} {number}" for number in range(40)]

    for text in texts:
        documents.read(text, Language.EN)
    documents.read("{ __typename }", Language.EN)

    assert documents._kept_chars == sum(map(len, documents._kept)) <= 500_000
    assert list(documents._kept) == [*texts[-26:], "{ __typename }"]


X = "x16788010001"
BROKEN = {
    "ExecutableDefinitionsRule": f"type {X} {{ id: ID }} {{ me {{ id }} }}",
    "UniqueOperationNamesRule": f"query {X} {{ me {{ id }} }} query {X} {{ me {{ id }} }}",
    "LoneAnonymousOperationRule": f"{{ me {{ id }} }} query {X} {{ me {{ id }} }}",
    "KnownOperationTypesRule": f"subscription {X} {{ {X} }}",
    "KnownTypeNamesRule": f"query (${X}: {X}) {{ me {{ id }} }}",
    "FragmentsOnCompositeTypesRule": f"{{ me {{ ...{X} }} }} fragment {X} on String {{ {X} }}",
    "VariablesAreInputTypesRule": f"query (${X}: Member) {{ me {{ id }} }}",
    "ScalarLeafsRule": f"{{ {X}: me }}",
    "FieldsOnCorrectTypeRule": f"{{ {X} }}",
    "UniqueFragmentNamesRule": f"{{ me {{ ...{X} }} }} fragment {X} on Member {{ id }} fragment {X} on Member {{ id }}",
    "KnownFragmentNamesRule": f"{{ me {{ ...{X} }} }}",
    "NoUnusedFragmentsRule": f"{{ me {{ id }} }} fragment {X} on Member {{ id }}",
    "PossibleFragmentSpreadsRule": f"{{ me {{ ...{X} }} }} fragment {X} on Store {{ code }}",
    "UniqueVariableNamesRule": f"query (${X}: ID!, ${X}: ID!) {{ node(id: ${X}) {{ id }} }}",
    "NoUndefinedVariablesRule": f"query {X} {{ node(id: ${X}) {{ id }} }}",
    "NoUnusedVariablesRule": f"query {X}(${X}: ID) {{ me {{ id }} }}",
    "KnownDirectivesRule": f"{{ me @{X} {{ id }} }}",
    "UniqueDirectivesPerLocationRule": f"{{ {X}: me @skip(if: true) @skip(if: true) {{ id }} }}",
    "KnownArgumentNamesRule": f"{{ me({X}: 1) {{ id }} }}",
    "UniqueArgumentNamesRule": f'{{ {X}: node(id: "{X}", id: "{X}") {{ id }} }}',
    "ProvidedRequiredArgumentsRule": f"{{ {X}: node {{ id }} }}",
    "VariablesInAllowedPositionRule": f"query (${X}: Int) {{ node(id: ${X}) {{ id }} }}",
    "OverlappingFieldsCanBeMergedRule": f"{{ {X}: me {{ id }} {X}: node(id: 1) {{ id }} }}",
    "UniqueInputFieldNamesRule": f'{{ {X}: member(by: {{phone: "{X}", phone: "{X}"}}) {{ id }} }}',
    "ValuesOfCorrectTypeRule": f"{{ member(by: {{{X}: 1}}) {{ id }} }}",
    "NoSchemaIntrospectionCustomRule": f"{{ {X}: __schema {{ types {{ name }} }} }}",
}
NOT_REACHED = {  # there is no subscription, and neither directive is in the schema
    "SingleFieldSubscriptionsRule",
    "DeferStreamDirectiveOnRootField",
    "DeferStreamDirectiveOnValidOperationsRule",
    "DeferStreamDirectiveLabel",
    "StreamDirectiveOnListField",
    "MaxIntrospectionDepthRule",  # where there is introspection
    "NoFragmentCyclesRule",  # refused before, by limits.py
}


def test_every_rule_has_a_text_and_a_document_that_breaks_it() -> None:
    rules = {rule.__name__ for rule in specified_rules} | {"NoSchemaIntrospectionCustomRule"}

    assert rules - NOT_REACHED == BROKEN.keys()
    assert rules - {"ValuesOfCorrectTypeRule"} <= RULE_TEXTS.keys()


@pytest.mark.parametrize("rule", sorted(BROKEN))
async def test_production_says_nothing_back_of_a_document_that_breaks_a_rule(town: Town, rule: str) -> None:
    found = await in_production(town, BROKEN[rule], {})

    assert RULE_TEXTS.get(rule, "A value does not fit its type here.") in [one["message"] for one in found]
    assert {one["extensions"]["code"] for one in found} == {"BAD_USER_INPUT"}
    assert all(one["locations"] for one in found)
    assert X not in str([one["message"] for one in found])


async def test_production_names_no_variable(town: Town) -> None:
    (found,) = await in_production(town, f"query (${X}: ID!) {{ node(id: ${X}) {{ id }} }}", {X: {}})

    assert found["message"] == "A variable does not fit its type."


async def test_production_tells_the_place_within_a_variable_that_it_does_not_name(town: Town) -> None:
    query = f"query (${X}: [MemberKey!]!) {{ members(by: ${X}) {{ id }} }}"

    found = await in_production(town, query, {X: [{"phone": "1"}, {"account": {"channel": X, X: X}}, {X: X}]})

    assert [one["message"] for one in found] == [
        "In a variable, 1.account has a field that there is not.",
        "In a variable, 1.account.channel does not fit its type.",
        "In a variable, 1.account.id is missing.",
        "In a variable, 2 has a field that there is not.",
    ]
    assert X not in str(found)


async def test_no_more_errors_of_variables_than_twenty(town: Town) -> None:
    query = "query ($by: [MemberKey!]!) { members(by: $by) { id } }"

    found = await in_production(town, query, {"by": [1] * 60_000})

    assert len(found) == 20


async def in_production(town: Town, query: str, variables: dict[str, Any]) -> list[Any]:
    api = Api(replace(town.hub, settings=replace(town.hub.settings, mode=Mode.PRODUCTION)))
    claims = town.tokens.verify(town.token("support_agent"), NOW)
    caller = caller_from(claims, None, town.hub.policies, town.hub.organisation, request_id=uuid7())
    return list((await api.answer(Asked(query, None, variables), caller, Language.EN)).errors)
