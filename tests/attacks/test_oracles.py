"""A filter, an order, a page or a count that would tell what reading does not."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from member_hub import resources
from member_hub.access import Operation
from member_hub.graphql.schema import core_schema
from member_hub.privacy import ProfileField
from tests.conftest import Run
from tests.graphql.conftest import Settled, Town, make_settings, opened
from tests.graphql.world import ONE_MEMBERS, PURPOSES, WHOLE, World

LIST = """query ($filter: MemberFilter) {
  memberList(first: 100, filter: $filter) { edges { node { id } } pageInfo { hasNextPage } }
}"""
FILTERS: dict[str, Any] = {
    "homeStore": "SH001",
    "region": "east",
    "channel": "APP",
    "status": "ACTIVE",
    "gender": "F",
    "joinedFrom": "2026-01-01T00:00:00Z",
    "joinedTo": "2026-01-01T00:00:00Z",
}
TAKEN_AWAY = (
    "member.loyalty, aggregate",
    "filter",
    "member.gender, aggregate",
    "support_agent, customer_support, member.address, write",
)
UPDATE = """mutation ($id: ID!, $input: ProfileUpdateInput!) {
  profileUpdate(id: $id, expectedVersion: 1, input: $input) { member { id } userErrors { field code } } }"""
PROFILE = "query ($by: MemberKey!) { member(by: $by) { version name { display } address { display } } }"
PERSONAL = (*(field.value for field in ProfileField if field is not ProfileField.GENDER), "unionid", "storeCard")


def test_the_attack_knows_every_filter_that_there_is() -> None:
    assert set(FILTERS) == set(core_schema().type_map["MemberFilter"].fields)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", PERSONAL)
async def test_no_list_is_narrowed_or_ordered_by_what_reaches_a_person(town: Town, name: str) -> None:
    narrowed = f'{{ memberList(first: 1, filter: {{ {name}: "x" }}) {{ edges {{ node {{ id }} }} }} }}'
    ordered = f"{{ memberList(first: 1, orderBy: {name}) {{ edges {{ node {{ id }} }} }} }}"

    for query in (narrowed, ordered):
        answer = (await town.post("app_crm", query)).json()
        assert "data" not in answer
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]
        assert "Did you mean" not in str(answer)


async def test_who_is_denied_a_field_learns_nothing_by_filtering(world: World) -> None:
    """The till sees no gender; both questions get the same refusal, whoever is of which."""
    answers = [
        await world.post("app_checkout", LIST, variables={"filter": {"gender": gender}}) for gender in ("F", "M")
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert _without_id(answers[0]) == _without_id(answers[1])
    assert [(row.outcome, row.member_ids) for row in await world.audited()] == [("FORBIDDEN", [])] * 2


@pytest.fixture
def strict(request: pytest.FixtureRequest, run: Run, settled: Settled, tmp_path: Path) -> Iterator[World]:
    """A policy in which nobody narrows a list or counts by gender, and support corrects no address."""
    folder = Path(shutil.copytree(resources.folder("policies"), tmp_path / "policies"))
    lines = (folder / "policy.csv").read_text("utf-8").splitlines()
    kept = [line for line in lines if not any(right in line for right in TAKEN_AWAY)]
    (folder / "policy.csv").write_text("\n".join([*kept, ""]), "utf-8")
    settings = replace(make_settings(tmp_path), key_dir=settled.key_dir, policy_dir=folder)
    server, template = request.getfixturevalue("server"), request.getfixturevalue("template")
    yield from opened(server, run, settled.database, settings, role_prefix=template)


@pytest.mark.parametrize("name", FILTERS)
async def test_each_filter_needs_its_right(strict: World, name: str) -> None:
    narrowed = await strict.post("app_crm", LIST, variables={"filter": {name: FILTERS[name]}})
    whole = await strict.ask("app_crm", LIST)

    assert narrowed.status_code == 403
    assert narrowed.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN", "field": f"filter.{name}"}
    assert len(whole["memberList"]["edges"]) == 4
    assert [row.outcome for row in await strict.audited()] == ["FORBIDDEN", "ok"]


@pytest.mark.parametrize(
    "asked", ["groupBy: [GENDER]", "groupBy: [STORE, GENDER]", "groupBy: [STORE], filter: {gender: F}"]
)
async def test_counting_by_a_field_needs_its_right(strict: World, asked: str) -> None:
    answer = await strict.post("marketing_analyst", f"{{ memberStatistics({asked}) {{ groups {{ count }} }} }}")
    others = await strict.ask("marketing_analyst", "{ memberStatistics(groupBy: [STORE]) { groups { count } } }")

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN", "field": "groupBy"}
    assert others == {"memberStatistics": {"groups": []}}
    assert [row.outcome for row in await strict.audited()] == ["FORBIDDEN", "ok"]


@pytest.mark.parametrize("asked", ["pointsLiability { debt }", "tierPyramid { rulesVersion }"])
async def test_figures_of_the_programme_need_the_right_to_count_by_it(strict: World, asked: str) -> None:
    answer = await strict.post("marketing_analyst", f"{{ {asked} }}")

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert [row.outcome for row in await strict.audited()] == ["FORBIDDEN"]


async def test_writing_a_field_needs_its_right_and_changes_nothing_without(strict: World, settled: Settled) -> None:
    whole = str(settled.people.whole)
    before = await strict.ask("dpo", PROFILE, variables={"by": {"id": whole}})
    version = before["member"]["version"]
    query = UPDATE.replace("expectedVersion: 1", f"expectedVersion: {version}")

    sent = {"id": whole, "input": {"name": "赵六", "address": "上海市徐汇区1号"}}
    refused = await strict.ask("support_agent", query, variables=sent)

    assert refused["profileUpdate"] == {"member": None, "userErrors": [{"field": "address", "code": "FORBIDDEN"}]}
    assert await strict.ask("dpo", PROFILE, variables={"by": {"id": whole}}) == before
    assert [row.outcome for row in await strict.audited() if row.operation == "profileUpdate"] == ["FORBIDDEN"]


@pytest.mark.parametrize("name", FILTERS)
async def test_no_filter_widens_anybodys_reach(town: Town, name: str) -> None:
    """Everybody whom a narrowed list shows stands in the whole list too."""
    for role in ("sales_associate", "store_manager", "region_manager"):
        whole = await _ids(town, role)
        assert await _ids(town, role, **{name: FILTERS[name]}) <= whole
    assert await _ids(town, "store_manager", homeStore="SH014") == await _ids(town, "store_manager", region="south")


async def test_a_page_does_not_say_that_others_come_after_it(town: Town) -> None:
    """Two members are in reach of SH001, four are stored: nothing in the answer knows of the other two."""
    query = "{ memberList(first: 2) { edges { node { id } } pageInfo { hasNextPage hasPreviousPage } } }"

    found = (await town.ask("store_manager", query))["memberList"]

    assert len(found["edges"]) == 2
    assert found["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": False}


def test_nothing_in_the_schema_counts_what_a_list_does_not_show() -> None:
    for name, type_ in core_schema().type_map.items():
        if name.endswith("Connection"):
            assert set(type_.fields) <= {"edges", "pageInfo", "state", "chainIntact"}, name  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", PURPOSES)
async def test_an_operation_is_not_had_by_another_name(town: Town, role: str) -> None:
    """Alias, operation name and fragment say one thing, the field says another: the field counts."""
    about = {"member": town.people.whole} if role in ONE_MEMBERS else {}
    grant = town.hub.policies.grant(role, PURPOSES[role])
    query = "query me { me: memberList(first: 1) { ...on MemberConnection { edges { cursor } } } }"

    refused = await town.refused(role, query, **about)

    assert refused == ([] if grant.may(Operation.MEMBER_LIST) else ["FORBIDDEN"])


async def test_nothing_masked_comes_out_by_another_path(town: Town) -> None:
    """Alias, fragment, inline fragment, node, batched keys, nested provenance and identifiers: one value, one mask."""
    text = "{ value display state }"
    query = f"""query ($id: ID!, $key: MemberKey!) {{
      member(by: $key) {{ ...F a: phone {text} ... on Node {{ ... on Member {{ b: phone {text} }} }} __typename
        provenance(field: PHONE) {{ value {text} }} identifiers {{ kind value {text} }} }}
      members(by: [$key, {{id: $id}}]) {{ ...F }}
      node(id: $id) {{ __typename ...F }}
    }}
    fragment F on Member {{ phone {text} }}"""
    whole = str(town.people.whole)

    for role in ("sales_associate", "store_manager", "region_manager", "support_agent", "dpo"):
        answer = (await town.post(role, query, variables={"id": whole, "key": {"id": whole}})).text
        assert WHOLE["phone"] not in answer
        assert WHOLE["phone"].removeprefix("+86") not in answer
        assert answer.count("138****5670") >= 7


async def _ids(town: Town, role: str, **narrowed: Any) -> set[str]:
    found = await town.ask(role, LIST, variables={"filter": narrowed or None})
    return {edge["node"]["id"] for edge in found["memberList"]["edges"]}


def _without_id(answer: Any) -> Any:
    return {name: value for name, value in answer.json().items() if name != "extensions"}
