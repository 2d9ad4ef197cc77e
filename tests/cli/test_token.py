"""`member-hub token`: what it signs, and the tokens that it refuses because they would find nobody."""

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from member_hub.cli import cli
from member_hub.errors import BadInput

SERVICE = ("--purpose", "member_service")


def said(folder: Path, *words: str, mode: str = "development") -> Result:
    environ = {"MEMBER_HUB_MODE": mode, "MEMBER_HUB_KEY_DIR": str(folder / "keys")}
    return CliRunner().invoke(cli, ["token", *words], env=environ)


@pytest.mark.parametrize(
    ("role", "place", "option"),
    [
        ("sales_associate", ("--store", "SH007"), "--store"),
        ("store_manager", ("--store", "SH007"), "--store"),
        ("region_manager", ("--region", "east"), "--region"),
    ],
)
def test_a_role_that_reaches_its_own_places_needs_one(
    tmp_path: Path, role: str, place: tuple[str, ...], option: str
) -> None:
    refused = said(tmp_path, "--role", role, *SERVICE)

    assert (refused.exit_code, refused.output) == (1, "")
    assert isinstance(refused.exception, BadInput)
    assert refused.exception.field == option.removeprefix("--")
    assert f"name it with {option}" in str(refused.exception)
    given = said(tmp_path, "--role", role, *SERVICE, *place)
    assert (given.exit_code, given.output.count(".")) == (0, 2)


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "support_agent", "--purpose", "customer_support"),
        ("--role", "app_checkout", *SERVICE),
        ("--role", "auditor", "--purpose", "security_audit"),
    ],
)
def test_other_roles_need_none(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert said(tmp_path, *words).exit_code == 0


def test_two_persons_of_one_role_are_told_apart(tmp_path: Path) -> None:
    """What takes two membership managers can be tried out: each has a staff number of their own."""
    words = ("--role", "membership_manager", "--purpose", "analytics")

    of = [said(tmp_path, *words, *person) for person in ((), ("--person", "zhang.wei"), ("--person", "li.na"))]

    parts = [one.output.split(".")[1] for one in of]
    stated = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts]
    assert [one["sub"] for one in stated] == ["development.membership_manager", "zhang.wei", "li.na"]


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "app_crm", *SERVICE),
        ("--role", "member", *SERVICE, "--member", "01a202bb-f22f-7fb1-b3de-c441ca1a9cb1"),
        ("--role", "auditor", "--purpose", "security_audit"),
    ],
)
def test_only_staff_have_a_staff_number_and_nothing_that_tells_who(tmp_path: Path, words: tuple[str, ...]) -> None:
    number = "13912345678" if "auditor" in words else "zhang.wei"

    refused = said(tmp_path, *words, "--person", number)

    assert (refused.exit_code, refused.output) == (1, "")
    assert isinstance(refused.exception, BadInput)
    assert refused.exception.field == "person"


def test_production_issues_none_and_makes_no_key(tmp_path: Path) -> None:
    refused = said(tmp_path, "--role", "auditor", "--purpose", "security_audit", mode="production")

    assert (refused.exit_code, refused.output, (tmp_path / "keys").exists()) == (1, "", False)
