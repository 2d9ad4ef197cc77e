"""What is opened, what a tampered value does, and what one selection can and cannot learn."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import update

from member_hub.access import Action, Verdict
from member_hub.crypto import KeySet
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.graphql.consents import ConsentLens
from member_hub.graphql.selection import Wanted
from member_hub.graphql.sight import Sight
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.tables import IdentityClaim
from member_hub.ids import MemberId
from member_hub.members.tables import ChannelAccount, Member, ProfileValue
from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE, People, World

TEXTS = "name { value display state } phone { value display state } birthday { value display state }"
member_t = table_of(Member)


def asked(selection: str) -> str:
    return f"query ($by: MemberKey!) {{ member(by: $by) {{ {selection} }} }}"


async def spoil(world: World, column: Any, where: Any) -> None:
    """Turn one bit of the stored value."""
    async with transaction(world.hub.database.app) as tx:
        stored = await tx.scalar(column.table.select().with_only_columns(column).where(where).limit(1))
        await tx.execute(update(column.table).where(where).values({column.name: stored[:-1] + bytes([stored[-1] ^ 1])}))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which columns are opened from now on."""
    columns: list[str] = []
    open_many = KeySet.open_many

    def watched(self: KeySet, items: Any, *, reason: str) -> Any:
        items = list(items)
        columns.extend(str(item.column) for item in items)
        return open_many(self, items, reason=reason)

    monkeypatch.setattr(KeySet, "open_many", watched)
    return columns


async def test_a_tampered_field_is_an_error_of_its_own(world: World, people: People) -> None:
    await spoil(world, member_t.c.phone, member_t.c.member_id == people.whole)

    answer = (await world.post("app_crm", asked(TEXTS), variables={"by": {"id": str(people.whole)}})).json()

    found = answer["data"]["member"]
    assert found["name"] == {"value": "欧阳娜娜", "display": "欧阳娜娜", "state": "CLEAR"}
    assert found["phone"] == {"value": None, "display": None, "state": "CLEAR"}
    assert found["birthday"] == {"value": None, "display": "1991-**-**", "state": "MASKED"}
    assert [(e["path"], e["extensions"]) for e in answer["errors"]] == [
        (["member", "phone", "value"], {"code": "TAMPERED"}),
        (["member", "phone", "display"], {"code": "TAMPERED"}),
    ]


async def test_a_tampered_value_that_shows_masked_is_an_error_too(world: World, people: People) -> None:
    await spoil(world, member_t.c.phone, member_t.c.member_id == people.whole)

    answer = (await world.post("dpo", asked(TEXTS), variables={"by": {"id": str(people.whole)}})).json()

    assert answer["data"]["member"]["phone"] == {"value": None, "display": None, "state": "MASKED"}
    assert [e["path"] for e in answer["errors"]] == [["member", "phone", "display"]]


ITEMS = [
    (table_of(ChannelAccount).c.account, "accounts { account { display } }", "accounts/0/account/display"),
    (table_of(IdentityClaim).c.value, "identifiers { value { display } }", "identifiers/0/value/display"),
    (table_of(ProfileValue).c.value, "provenance(field: NAME) { value { display } }", "provenance/0/value/display"),
]


@pytest.mark.parametrize(("column", "selection", "path"), ITEMS)
async def test_a_tampered_item_leaves_its_neighbours(
    world: World, people: People, column: Any, selection: str, path: str
) -> None:
    query, about = asked(f"id name {{ display }} {selection}"), {"variables": {"by": {"id": str(people.southern)}}}
    whole = (await world.ask("dpo", query, **about))["member"]
    await spoil(world, column, column.table.c.member_id == people.southern)

    answer = (await world.post("dpo", query, **about)).json()

    found = answer["data"]["member"]
    assert (found["id"], found["name"]) == (whole["id"], {"display": "张*"})
    assert f"member/{path}" in ["/".join(map(str, e["path"])) for e in answer["errors"]]
    assert {e["extensions"]["code"] for e in answer["errors"]} == {"TAMPERED"}


async def test_only_what_is_shown_is_opened(town: Town, opened: list[str]) -> None:
    about = {"variables": {"by": {"id": str(town.people.whole)}}}

    await town.ask("app_checkout", asked(f"{TEXTS} email {{ display }} accounts {{ account {{ display }} }}"), **about)

    assert opened == ["member.name"]


async def test_the_state_alone_opens_nothing(town: Town, opened: list[str]) -> None:
    selection = "name { state } phone { state } accounts { account { state } } identifiers { value { state } }"

    found = await town.ask("app_crm", asked(selection), variables={"by": {"id": str(town.people.whole)}})

    assert opened == []
    assert found["member"]["name"] == {"state": "CLEAR"}
    assert found["member"]["accounts"][0] == {"account": {"state": "MASKED"}}


async def test_what_was_not_asked_for_is_not_opened(town: Town, opened: list[str]) -> None:
    await town.ask("app_crm", asked("id phone { display }"), variables={"by": {"id": str(town.people.whole)}})

    assert opened == ["member.phone"]


async def test_a_field_without_a_value_is_absent(town: Town) -> None:
    found = await town.ask("app_crm", asked(TEXTS), variables={"by": {"id": str(town.people.southern)}})

    assert found["member"]["birthday"] == {"value": None, "display": None, "state": "ABSENT"}


@pytest.mark.parametrize("who", ["whole", "southern"])
async def test_denied_does_not_tell_whether_there_is_a_value(town: Town, who: str) -> None:
    selection = f"{TEXTS} provenance(field: BIRTHDAY) {{ chosen }} orders {{ state edges {{ cursor }} }}"
    by = {"by": {"id": str(getattr(town.people, who))}}

    found = (await town.ask("app_checkout", asked(selection), variables=by))["member"]

    assert found["birthday"] == {"value": None, "display": None, "state": "DENIED"}
    assert found["provenance"] == []
    assert found["orders"] == {"state": "DENIED", "edges": []}


@pytest.mark.parametrize(
    ("selection", "fragments"),
    [
        ("x: name { value } name { display }", ""),
        ("... on Member { name { value } }", ""),
        ("... { name { value } }", ""),
        ("... A", "fragment A on Node { ... B } fragment B on Member { name { value } }"),
        ("... A name { state }", "fragment A on Member { name { ... B } } fragment B on GuardedText { value display }"),
        ("name @include(if: true) { value }", ""),
        ("name { value @skip(if: false) }", ""),
        ("name { __typename value }", ""),
    ],
)
async def test_no_spelling_of_a_selection_shows_more(town: Town, selection: str, fragments: str) -> None:
    query = f"{asked(selection)} {fragments}"

    answer = await town.post("sales_associate", query, variables={"by": {"id": str(town.people.whole)}})

    assert "errors" not in answer.json()
    assert "欧阳娜娜" not in answer.text
    assert (await town.audited())[-1].fields == ["key:id", "member.name:MASKED"]


async def test_aliases_of_provenance_and_orders_each_get_their_own(town: Town) -> None:
    selection = """a: provenance(field: NAME) { value { value } channel source chosen }
      b: provenance(field: PHONE) { source channel chosen observedAt verifiedAt }
      c: orders(first: 1) { edges { node { orderNo } } } d: orders { edges { node { orderNo } } }"""

    found = (await town.ask("app_crm", asked(selection), variables={"by": {"id": str(town.people.whole)}}))["member"]

    assert found["a"] == [
        {"value": {"value": WHOLE["name"]}, "channel": "STORE", "source": "STAFF", "chosen": True},
        {"value": {"value": WHOLE["name"]}, "channel": "WEBSITE", "source": "SELF_DECLARED", "chosen": True},
    ]
    assert [(v["channel"], v["source"], v["chosen"]) for v in found["b"]] == [
        ("APP", "VERIFIED", True),
        ("STORE", "STAFF", True),
        ("WEBSITE", "VERIFIED", True),
    ]
    assert [len(found[key]["edges"]) for key in "cd"] == [1, 3]


async def test_two_aliases_of_a_list_may_mean_two_fields_by_one_key(town: Town) -> None:
    query = """{ memberList(first: 100, filter: {homeStore: "SH001"}) {
      edges { node { x: name { value } } } b: edges { node { x: phone { value } } } } }"""

    found = (await town.ask("app_crm", query))["memberList"]

    assert found["edges"][0]["node"] == {"x": {"value": WHOLE["name"]}}
    assert found["b"][0]["node"] == {"x": {"value": WHOLE["phone"]}}


async def test_several_root_fields_read_one_moment(town: Town) -> None:
    query = """query ($id: ID!) { a: node(id: $id) { id } b: member(by: {id: $id}) { id }
      c: members(by: [{id: $id}, {id: $id}]) { id } }"""
    member_id = MemberId(town.people.whole)

    found = await town.ask("app_crm", query, variables={"id": str(member_id)})

    assert found["a"] == found["b"] == found["c"][0] == found["c"][1]


@pytest.mark.parametrize(
    ("identifiers", "phone", "expected"),
    [
        (Verdict.CLEAR, Verdict.MASKED, Verdict.MASKED),
        (Verdict.MASKED, Verdict.CLEAR, Verdict.MASKED),
        (Verdict.CLEAR, Verdict.DENIED, Verdict.DENIED),
        (Verdict.DENIED, Verdict.CLEAR, Verdict.DENIED),
        (Verdict.CLEAR, Verdict.CLEAR, Verdict.CLEAR),
    ],
)
def test_a_phone_among_the_identifiers_needs_both_rights(
    town: Town, identifiers: Verdict, phone: Verdict, expected: Verdict
) -> None:
    hub = town.hub
    grant = hub.policies.grant("app_crm", "member_service")
    cells = {**grant.fields, ("member.identifiers", Action.READ): identifiers, ("member.phone", Action.READ): phone}
    changed = replace(grant, fields=MappingProxyType(cells))
    lens = ConsentLens(changed, hub.policies.register, hub.catalogue, town.clock.now())
    sight = Sight(changed, Wanted(), hub.organisation, hub.vault, lens)

    assert sight.of_claim(ClaimKind.PHONE) is expected
    assert sight.of_claim(ClaimKind.UNIONID) is identifiers
