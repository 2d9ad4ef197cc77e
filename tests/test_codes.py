"""The one list of codes: complete, closed, and the documentation made from it."""

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

import member_hub
from member_hub import codes, resources
from member_hub.cli import cli
from member_hub.codes import CODES, Place, as_markdown
from member_hub.errors import HubError, Misconfigured, Refused
from member_hub.graphql.problems import USER_CODES, Language, from_refusal
from member_hub.web.answers import _STATUSES

BY_NAME = {code.name: code for code in CODES}


def everything() -> Iterator[type[HubError]]:
    """Every class of refusal, whichever module it stands in."""
    for module in pkgutil.walk_packages(member_hub.__path__, "member_hub."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting: list[type[HubError]] = [HubError]
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        if found.__module__.startswith("member_hub."):
            yield found


EVERY = sorted(set(everything()), key=lambda one: one.__qualname__)


# What no form can answer, and so comes as an error of the whole answer; HOLDS_OPEN: nothing of the API ends an account.
NOT_BY_FORM = {
    "DOCUMENT_NOT_FOUND", "HOLDS_OPEN", "INTERNAL", "PURPOSE_NOT_ALLOWED", "PURPOSE_REQUIRED", "QUERY_TOO_COMPLEX",
    "REFUSED", "TAMPERED", "UNAUTHENTICATED", "UNAVAILABLE",
}  # fmt: skip


def test_whatever_an_act_may_be_refused_for_is_a_user_error() -> None:
    assert {one.code for one in EVERY if issubclass(one, Refused)} - USER_CODES == NOT_BY_FORM


def test_every_refusal_has_a_code_of_the_list_and_every_code_a_refusal() -> None:
    assert {one.__qualname__ for one in EVERY if one.code not in BY_NAME} == set()
    assert set(BY_NAME) == {one.code for one in EVERY} | USER_CODES


def test_the_list_is_in_order_and_names_nothing_twice() -> None:
    names = [code.name for code in CODES]

    assert names == sorted(set(names))


def test_every_area_is_in_order_and_stands_in_the_list() -> None:
    modules = [importlib.import_module(f"member_hub.codes.{one.name}") for one in pkgutil.iter_modules(codes.__path__)]
    areas = [[code.name for code in module.CODES] for module in modules if hasattr(module, "CODES")]

    assert [names for names in areas if names != sorted(names)] == []
    assert {name for names in areas for name in names} == set(BY_NAME)


def test_every_code_says_cause_and_remedy_in_both_languages() -> None:
    for code in CODES:
        for text in (code.cause_en, code.remedy_en):
            assert text.isascii(), code.name
            assert text.endswith("."), code.name
        for text in (code.cause_zh, code.remedy_zh):
            assert not text.isascii(), code.name
            assert text.endswith("。"), code.name


@pytest.mark.parametrize("one", [one for one in EVERY if issubclass(one, Refused)], ids=lambda one: one.__qualname__)
def test_every_refusal_of_a_caller_speaks_both_languages(one: type[Refused]) -> None:
    assert one.en.isascii()
    assert not one.zh.isascii()


def test_places_are_where_the_codes_are_used() -> None:
    in_payloads = {code.name for code in CODES if Place.USER_ERRORS in code.places}
    at_commands = {one.code for one in EVERY if issubclass(one, Misconfigured)}

    assert in_payloads == USER_CODES
    assert all(Place.COMMAND in BY_NAME[name].places for name in at_commands)


def test_statuses_are_those_that_are_answered() -> None:
    assert {name: BY_NAME[name].status for name in _STATUSES} == _STATUSES


def test_the_documentation_is_current() -> None:
    assert (resources.folder("schema") / "ERRORS.md").read_text("utf-8") == as_markdown()


def test_the_command_prints_the_documentation_and_the_list() -> None:
    printed, listed = (CliRunner().invoke(cli, ["schema", "errors", *more]).output for more in ([], ["--json"]))

    assert printed == as_markdown()
    assert [code["name"] for code in json.loads(listed)] == [code.name for code in CODES]


def test_a_refusal_in_an_answer_has_its_code() -> None:
    class Another(Refused):
        code = "CONFLICT"

    assert from_refusal(Another(), Language.EN)["extensions"] == {"code": "CONFLICT"}
