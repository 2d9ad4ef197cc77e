"""What the callers of these tests have registered: in production an app sends nothing else."""

import hashlib
from pathlib import Path

from graphql import parse

from member_hub.access import Guard
from member_hub.graphql.shelves import FIELDS_FILE, SUFFIX, fields_text
from tests.graphql.world import WHOLE

OWNERS = ("checkout", "crm", "mini_program", "staff", "member")
WHO = f'query Who {{ member(by: {{phone: "{WHOLE["phone"]}"}}) {{ id name {{ display value }} }} }}'
BY_UNIONID = f'query ByUnionid {{ member(by: {{unionid: "{WHOLE["unionid"]}"}}) {{ name {{ value }} }} }}'
ME = "query Me { me { id name { value } } }"
ENROL = """mutation Enrol { memberEnrol(idempotencyKey: "k-1", input: {
  channel: STORE, account: "8800000001", homeStore: "SH001", name: "林知夏", phone: "13987650123"
}) { member { id } userErrors { code } } }"""
FIND = 'query Find { member(by: {storeCard: "8800000001"}) { name { display value } phone { display } } }'


def register(folder: Path) -> Path:
    """Every text above, for every owner, with all that it reads approved."""
    for owner in OWNERS:
        shelf = folder / owner
        shelf.mkdir(parents=True)
        (shelf / FIELDS_FILE).write_text(fields_text(frozenset(map(str, Guard))), "utf-8")
        for text in (WHO, BY_UNIONID, ME, ENROL, FIND):
            (definition,) = parse(text).definitions
            name = definition.name.value  # type: ignore[union-attr]
            (shelf / f"{name}{SUFFIX}").write_bytes(text.encode())
    return folder


def by_id(text: str) -> dict[str, str]:
    return {"documentId": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"}
