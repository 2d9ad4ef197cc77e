"""Trusted documents for tests: the shipped ones, and folders with others."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from member_hub import resources
from member_hub.access import caller_from
from member_hub.cli import cli
from member_hub.graphql import Answer, Api, Asked
from member_hub.graphql.documents import Documents
from member_hub.graphql.problems import Language
from member_hub.graphql.schema import core_schema
from member_hub.graphql.shelves import Shelf, fields_text, read_shelves
from member_hub.ids import uuid7
from member_hub.settings import Mode
from tests.graphql.world import NOW, WHOLE, World

SHIPPED = resources.folder("schema") / "operations"
ROLES = {
    "checkout": "app_checkout",
    "crm": "app_crm",
    "mini_program": "app_mini_program",
    "staff": "store_manager",
    "member": "member",
}
AT_TILL = "query AtTill($by: MemberKey!) { member(by: $by) { id name { display } } }\n"
BY = {"by": {"phone": WHOLE["phone"]}}


def shelves(folder: Path) -> dict[str, Shelf]:
    return read_shelves(folder, core_schema(), Documents(core_schema(), introspects=False))


SHIPPED_SHELVES = shelves(SHIPPED)


def write(folder: Path, owner: str, files: Mapping[str, str], fields: frozenset[str] = frozenset()) -> None:
    (folder / owner).mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / owner / name).write_text(text, "utf-8")
    (folder / owner / "fields.txt").write_text(fields_text(fields), "utf-8")


def id_of(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


async def answered(world: World, api: Api, role: str, asked: Asked, **claims: Any) -> Answer:
    verified = world.tokens.verify(world.token(role, **claims), NOW)
    caller = caller_from(verified, None, world.hub.policies, world.hub.organisation, request_id=uuid7())
    return await api.answer(asked, caller, Language.EN)


def api_of(world: World, folder: Path | None = None, mode: Mode = Mode.PRODUCTION) -> Api:
    return Api(replace(world.hub, settings=replace(world.hub.settings, mode=mode, operations_dir=folder)))


def said(*words: str) -> Result:
    return CliRunner().invoke(cli, words)
