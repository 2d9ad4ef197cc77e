"""Every role of CONTRACT.md asks the same question about the same member, and gets what its row says."""

from typing import Any

import pytest

from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE

MEMBER = """
    id status version
    name { value display state } phone { value display state } email { value display state }
    birthday { value display state } gender { value display state } address { value display state }
    accounts { channel account { value display state } }
    identifiers { kind value { value display state } }
    orders(first: 5) { state edges { node { orderNo amountFen } } }
"""
BY = f"query ($by: MemberKey!) {{ member(by: $by) {{ {MEMBER} }} }}"
LIST = f"{{ memberList(first: 100) {{ edges {{ node {{ {MEMBER} }} }} }} }}"
FIELDS = ("name", "phone", "email", "birthday", "gender", "address", "accounts", "identifiers", "orders")
CLEAR = {field: WHOLE[field] for field in FIELDS[:6]}
MASKED = {
    "name": "欧阳*",
    "phone": "138****5670",
    "email": "n***@brandmail.cn",
    "birthday": "1991-**-**",
    "address": "浙江省杭州市****",
}
IDENTIFIERS = {  # kind: clear, masked
    "UNIONID": (WHOLE["unionid"], "oU****01"),
    "OPENID": (WHOLE["openid"], "oO****01"),
    "CARD": (WHOLE["card"], "88****42"),
    "PHONE": (WHOLE["phone"], "138****5670"),
    "EMAIL": (WHOLE["email"], "n***@brandmail.cn"),
    "DEVICE": (WHOLE["device"], "de****01"),
}
ACCOUNTS = {
    "WEBSITE": (WHOLE["website"], "W1****89"),
    "APP": (WHOLE["app"], "ap****01"),
    "STORE": (WHOLE["card"], "88****42"),
}
# The table of CONTRACT.md: name, phone, email, birthday, gender, address, accounts, identifiers, orders.
ROWS = {
    ("sales_associate", "member_service"): "M M M D C D M M D",
    ("store_manager", "member_service"): "C M M M C M M M C",
    ("store_manager", "customer_support"): "C M M M C M M M C",
    ("region_manager", "member_service"): "C M M M C M M M C",
    ("region_manager", "customer_support"): "C M M M C M M M C",
    ("support_agent", "customer_support"): "M M M M C M M M C",
    ("dpo", "rights_handling"): "M M M M C M M M C",
    ("app_checkout", "member_service"): "M D D D D D D D D",
    ("app_crm", "member_service"): "C C C M C C M M C",
    ("app_crm", "customer_support"): "C C C M C C M M C",
}
EVERYTHING = "C C C C C C C C C"


@pytest.mark.parametrize(("role", "purpose", "row"), [(*who, row) for who, row in ROWS.items()])
async def test_a_look_up_by_phone_shows_what_the_row_says(town: Town, role: str, purpose: str, row: str) -> None:
    found = await town.ask(role, BY, variables={"by": {"phone": "138 1234 5670"}}, purpose=purpose)

    assert shown(found["member"]) == expected(row)


async def test_a_member_sees_everything_about_herself(town: Town) -> None:
    found = await town.ask("member", f"{{ me {{ {MEMBER} }} }}", member=town.people.whole)

    assert shown(found["me"]) == expected(EVERYTHING)


async def test_the_mini_program_sees_everything_of_whom_a_unionid_finds(town: Town) -> None:
    found = await town.ask("app_mini_program", BY, variables={"by": {"unionid": WHOLE["unionid"]}})

    assert shown(found["member"]) == expected(EVERYTHING)


@pytest.mark.parametrize("purpose", ["analytics", "marketing", "personalisation"])
async def test_the_membership_manager_looks_nobody_up(town: Town, purpose: str) -> None:
    for query in (
        f'{{ node(id: "{town.people.whole}") {{ id }} }}',
        f'{{ member(by: {{id: "{town.people.whole}"}}) {{ id }} }}',
    ):
        assert await town.refused("membership_manager", query, purpose=purpose) == ["FORBIDDEN"]


async def test_the_membership_manager_sees_a_list_without_contact_data(town: Town) -> None:
    found = await town.ask("membership_manager", LIST, purpose="analytics")

    members = [edge["node"] for edge in found["memberList"]["edges"]]
    assert len(members) == 4
    assert shown(next(m for m in members if m["accounts"][1:])) == expected("D D D D C D D D D")


@pytest.mark.parametrize("purpose", ["marketing", "personalisation"])
async def test_marketing_and_personalisation_reach_nobody_yet(town: Town, purpose: str) -> None:
    found = await town.ask("membership_manager", LIST, purpose=purpose)

    assert found["memberList"]["edges"] == []


async def test_marketing_through_the_crm_finds_nobody_yet(town: Town) -> None:
    found = await town.ask("app_crm", BY, variables={"by": {"phone": WHOLE["phone"]}}, purpose="marketing")
    listed = await town.ask("app_crm", LIST, purpose="marketing")

    assert found == {"member": None}
    assert listed["memberList"]["edges"] == []


@pytest.mark.parametrize("role", ["marketing_analyst", "auditor", "system_admin"])
@pytest.mark.parametrize(
    "query", [LIST, "{ me { id } }", '{ node(id: "x") { id } }', '{ member(by: {id: "x"}) { id } }']
)
async def test_who_sees_no_member_is_refused_every_reading(town: Town, role: str, query: str) -> None:
    answer = await town.post(role, query)

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "data" not in answer.json()


@pytest.mark.parametrize("role", ["membership_manager", "member", "app_mini_program"])
async def test_who_may_not_look_up_by_phone_is_refused_it(town: Town, role: str) -> None:
    about = {"member": town.people.whole} if role == "member" else {}
    codes = await town.refused(role, BY, variables={"by": {"phone": WHOLE["phone"]}}, **about)

    assert codes == ["FORBIDDEN"]


def shown(member: dict[str, Any]) -> dict[str, Any]:
    """What was answered, in the form in which `expected` says it."""
    found = {field: member[field] for field in FIELDS[:6]}
    found["accounts"] = {a["channel"]: a["account"] for a in member["accounts"]}
    found["identifiers"] = {i["kind"]: i["value"] for i in member["identifiers"]}
    orders = member["orders"]
    found["orders"] = (orders["state"], [edge["node"]["orderNo"] for edge in orders["edges"]])
    return found


def expected(row: str) -> dict[str, Any]:
    states = dict(zip(FIELDS, row.split(), strict=True))
    found: dict[str, Any] = {f: text(states[f], CLEAR[f], MASKED.get(f)) for f in FIELDS[:6]}
    found["accounts"] = {c: text(states["accounts"], *pair) for c, pair in ACCOUNTS.items()}
    found["identifiers"] = {k: text(_identifier(states, k), *pair) for k, pair in IDENTIFIERS.items()}
    found["orders"] = ("CLEAR", ["O-3", "O-2", "O-1"]) if states["orders"] == "C" else ("DENIED", [])
    return found


def _identifier(states: dict[str, str], kind: str) -> str:
    """A phone or an e-mail address among the identifiers needs both rights."""
    own = states.get(kind.lower(), "C")
    return max(own, states["identifiers"], key="CMD".index)


def text(state: str, clear: str, masked: str | None) -> dict[str, Any]:
    return {
        "C": {"value": clear, "display": clear, "state": "CLEAR"},
        "M": {"value": None, "display": masked, "state": "MASKED"},
        "D": {"value": None, "display": None, "state": "DENIED"},
    }[state]
