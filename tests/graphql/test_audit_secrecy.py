"""Nothing in the record is a personal value, whatever was looked up, listed, written or refused."""

from typing import Any

from tests.graphql.world import WHOLE, People, World
from tests.secrecy.writings import WRITINGS

BY = "query ($by: MemberKey!) { member(by: $by) { id name { value } phone { value } address { value } } }"
ENROL = """
mutation ($input: MemberEnrolInput!) { memberEnrol(input: $input, idempotencyKey: "k-1") { userErrors { code } } }
"""
UPDATE = """
mutation ($id: ID!, $input: ProfileUpdateInput!) {
  profileUpdate(id: $id, expectedVersion: 1, input: $input) { userErrors { code } } }
"""
NEW = {
    "account": "W900000009",
    "name": "诸葛孔明",
    "phone": "+8613987654321",
    "email": "kongming@wolong.cn",
    "birthday": "1981-07-23",
    "address": "四川省成都市武侯区祠堂街9号",
}
TYPED = {"phone": "139 8765 4399", "name": "赵子龙子龙", "email": "no such address 77"}


async def journey(world: World, people: People) -> None:
    """Everything that can be asked, with values in every place that takes one."""
    keys: list[dict[str, Any]] = [
        {"phone": "138 1234 5670"},
        {"email": WHOLE["email"]},
        {"unionid": WHOLE["unionid"]},
        {"openid": {"appid": "wx_mini_1", "openid": WHOLE["openid"]}},
        {"account": {"channel": "WEBSITE", "id": WHOLE["website"]}},
        {"storeCard": WHOLE["card"]},
        {"phone": NEW["phone"]},
        {"email": TYPED["email"]},
    ]
    for role in ("app_crm", "store_manager", "auditor", "dpo"):
        for by in keys:
            await world.post(role, BY, variables={"by": by})
    await world.post("app_crm", ENROL, variables={"input": {"channel": "WEBSITE"} | NEW})
    await world.post("app_crm", ENROL, variables={"input": {"channel": "WEBSITE"} | NEW | TYPED})
    await world.post("support_agent", UPDATE, variables={"id": str(people.southern), "input": TYPED})
    await world.post("app_crm", "{ memberList(first: 5, filter: {gender: F}) { edges { node { name { value } } } } }")
    await world.post(
        "member", "{ me { phone { value } } accessHistory(first: 9) { edges { cursor } } }", member=people.whole
    )
    for actor in (WHOLE["phone"], WHOLE["name"]):
        filtered = "query ($a: String) { auditEntries(first: 5, filter: {actor: $a}) { edges { cursor } } }"
        await world.post("auditor", filtered, variables={"a": actor})
    await world.hub.sealer.run(world.clock.now())


async def test_no_entry_of_a_whole_journey_holds_a_personal_value(world: World, people: People) -> None:
    await journey(world, people)

    rows = await world.audited()
    assert len(rows) == 32 + 6 + 1
    heads = b"".join(file.read_bytes() for file in world.hub.settings.ledger_dir.glob("audit-head-*"))
    stored = "\n".join(str(value) for row in rows for value in row).encode() + heads
    assert b"member.phone:CLEAR" in stored  # what is looked through is what was written
    values = {*WHOLE.values(), *NEW.values(), *TYPED.values(), "13812345670", "13987654321", "张三", "李四", "王小明"}
    texts = {value for value in values if len(value) > 1}
    found = {(text, how) for text in texts for how, write in WRITINGS.items() if write(text) in stored}
    assert found == set()
