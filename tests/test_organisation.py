"""The organisation register: who runs which store, channel and app, and what stops its loading."""

import shutil
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from member_hub import organisation as organisations
from member_hub import resources
from member_hub.members.tables import Channel
from member_hub.organisation import Agreement, Organisation, PolicyError, UnknownPlace
from member_hub.settings import Mode, Settings

SHIPPED = resources.folder("policies") / "organisation.toml"
Edit = Callable[[str, str], Path]
SISTER = (
    '[handlers.sister]\nzh = "姐妹品牌"\nen = "Sister brand"\ncontact = "a@example.invalid"\n\n'
    '[handlers.third]\nzh = "第三方"\nen = "Third"\ncontact = "b@example.invalid"\n\n'
)


@pytest.fixture(scope="module")
def shipped() -> Organisation:
    return organisations.load(SHIPPED)


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    file = tmp_path / "organisation.toml"
    shutil.copyfile(SHIPPED, file)

    def replace(old: str, new: str) -> Path:
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), "utf-8")
        return file

    return replace


def _settings(policy_dir: Path | None, here: Path) -> Settings:
    return Settings(Mode.DEVELOPMENT, None, here, here, here, 0, policy_dir, debug=False)


def test_the_brand_runs_forty_stores_in_three_regions(shipped: Organisation) -> None:
    assert list(shipped.stores) == [f"SH{number:03d}" for number in range(1, 41)]
    assert shipped.stores_of("east") == {f"SH{number:03d}" for number in range(1, 14)}
    assert shipped.stores_of("south") == {f"SH{number:03d}" for number in range(14, 27)}
    assert shipped.stores_of("north") == {f"SH{number:03d}" for number in range(27, 41)}
    assert shipped.own_stores_months == 12
    assert list(shipped.handlers) == ["brand"]


def test_a_store_has_a_region_a_handler_and_a_name_in_both_languages(shipped: Organisation) -> None:
    store = shipped.stores["SH014"]

    assert (store.region, store.handler, store.zh, store.en) == ("south", "brand", "南区1店", "South store 1")
    assert shipped.region_of("SH014") == "south"
    assert shipped.handler_of("SH014") == "brand"


def test_a_channel_has_a_handler_and_the_name_spaces_of_its_accounts(shipped: Organisation) -> None:
    assert {name: channel.namespaces for name, channel in shipped.channels.items()} == {
        "website": ("website",),
        "app": ("wx_mini_1", "wx_mini_2", "wx_mini_3"),
        "store": ("brand",),
    }
    assert shipped.channels["app"].open_platform == "wechat"
    assert shipped.handler_of("website") == "brand"
    assert set(organisations.CHANNELS) == set(Channel)


def test_an_app_acts_in_one_role(shipped: Organisation) -> None:
    assert {app.name: app.role for app in shipped.apps.values()} == {
        "checkout": "app_checkout",
        "crm": "app_crm",
        "mini_program": "app_mini_program",
    }


@pytest.mark.parametrize("place", ["SH041", "sh001", "", "brand", "east"])
def test_an_unknown_place_has_no_handler_and_no_region(shipped: Organisation, place: str) -> None:
    with pytest.raises(UnknownPlace) as caught:
        shipped.handler_of(place)
    with pytest.raises(UnknownPlace):
        shipped.region_of(place)
    assert caught.value.code == "BAD_USER_INPUT"
    assert not place or place not in str(caught.value)


def test_an_unknown_region_has_no_stores(shipped: Organisation) -> None:
    assert shipped.stores_of("west") == frozenset()


def test_who_states_no_agreement_has_none(edit: Edit) -> None:
    found = organisations.load(edit("[channels.website]", f"{SISTER}[channels.website]"))

    assert found.agreements == ()


def test_an_agreement_names_whom_it_joins(edit: Edit) -> None:
    edit("agreements = []\n", "")
    agreement = '[[agreements]]\nhandlers = ["brand", "sister"]\nreference = "2026-01"\n\n'

    found = organisations.load(edit("[channels.website]", f"{SISTER}{agreement}[channels.website]"))

    assert found.agreements == (Agreement(frozenset({"brand", "sister"}), "2026-01"),)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("own_stores_months = 12\n", "", "the key 'own_stores_months' is missing"),
        ("own_stores_months = 12", "own_stores_months = 0", "whole number from 6 to 24"),
        ("own_stores_months = 12", "own_stores_months = 22", "'own_stores_months' is one of 6, 12, 24"),
        ("own_stores_months = 12", "own_stores_months = 13", "'own_stores_months' is one of 6, 12, 24"),
        ("own_stores_months = 12", 'own_stores_months = "12"', "whole number from 6 to 24"),
        ("agreements = []", "agreements = 7", "has to be a list"),
        ("agreements = []", "agreements = [7]", "is not a table"),
        ("agreements = []", 'agreements = [{handlers = ["brand"], reference = "x"}]', "at least two handlers"),
        ("agreements = []", 'agreements = [{handlers = ["brand", "x"], reference = "x"}]', "'x' is not registered"),
        ("agreements = []", 'agreements = [{handlers = ["brand", "brand"], reference = "x"}]', "each once"),
        ('region = "east"\n', 'region = "west"\n', "'west' is not registered"),
        ('region = "east"\n', "", "the key 'region' is missing"),
        ('region = "east"\n', 'region = "east"\nphone = "1"\n', "unknown key 'phone'"),
        ("[stores.SH001]", "[stores.SH002]", "is not TOML"),
        ("[stores.SH001]", "[stores.store]", "cannot bear the name of a channel"),
        ("[stores.SH001]", '[stores."SH 001"]', "not a table with a plain name"),
        ("[channels.website]", "[channels.fax]", "the channels are website, app, store"),
        ('namespaces = ["website"]', "namespaces = []", "at least one name space"),
        ('namespaces = ["website"]', 'namespaces = ["website", "website"]', "each once"),
        ('namespaces = ["website"]', 'namespaces = ["website"]\nopen_platform = "wechat"', "unknown key"),
        ('open_platform = "wechat"\n', "", "the key 'open_platform' is missing"),
        ('[channels.website]\nhandler = "brand"', '[channels.website]\nhandler = "x"', "'x' is not registered"),
        ("[handlers.brand]", "[handler.brand]", "unknown key 'handler'"),
        ('zh = "东区1店"', 'zh = ""', "'zh' has to be a text"),
        ('zh = "东区1店"', f'zh = "{"店" * 401}"', "'zh' has to be a text"),
        ('zh = "东区1店"', 'zh = "东区1店"\r', "carriage return"),
        ('zh = "东区1店"', 'zh = "东区1店\u200b"', "invisible character U+200B"),
        ("[stores.SH001]", "stores.SH001", "is not TOML"),
    ],
)
def test_a_register_that_is_not_exactly_right_stops_the_load(edit: Edit, old: str, new: str, reason: str) -> None:
    file = edit(old, new)

    with pytest.raises(PolicyError) as caught:
        organisations.load(file)

    assert caught.value.file == "organisation.toml"
    assert reason in caught.value.reason
    assert str(caught.value).startswith("organisation.toml")


def test_a_refusal_names_the_line(edit: Edit) -> None:
    file = edit('zh = "东区1店"', "zh = 7")

    with pytest.raises(PolicyError) as caught:
        organisations.load(file)

    assert caught.value.line == file.read_text("utf-8").split("\n").index("zh = 7") + 1


def test_more_regions_than_the_limit_are_refused(edit: Edit) -> None:
    more = "".join(f'[regions.r{number}]\nhandler = "brand"\nzh = "区"\nen = "r"\n' for number in range(500))

    with pytest.raises(PolicyError, match="1 to 500 tables"):
        organisations.load(edit("[regions.east]", f"{more}[regions.east]"))


def test_the_register_cannot_be_changed(shipped: Organisation) -> None:
    with pytest.raises(FrozenInstanceError):
        shipped.own_stores_months = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        shipped.stores["SH041"] = shipped.stores["SH001"]  # type: ignore[index]


def test_the_operators_file_replaces_the_shipped_one(edit: Edit, tmp_path: Path) -> None:
    edit("own_stores_months = 12", "own_stores_months = 6")

    assert organisations.of(_settings(tmp_path, tmp_path)).own_stores_months == 6
    assert organisations.of(_settings(None, tmp_path)).own_stores_months == 12


def test_an_operators_folder_without_a_register_keeps_the_shipped_one(tmp_path: Path) -> None:
    assert organisations.of(_settings(tmp_path, tmp_path)).own_stores_months == 12


def test_a_spoiled_file_of_the_operator_is_not_passed_over(edit: Edit, tmp_path: Path) -> None:
    edit("own_stores_months = 12", "own_stores_months = x")

    with pytest.raises(PolicyError):
        organisations.of(_settings(tmp_path, tmp_path))
