"""The list of defences that `make mutation` takes away fits the code: each text stands where it says, once."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEFENCES = tomllib.loads((ROOT / "tools" / "defences.toml").read_text("utf-8"))["defence"]


def test_every_defence_is_where_the_list_says() -> None:
    lost = [each["name"] for each in DEFENCES if (ROOT / each["file"]).read_text("utf-8").count(each["old"]) != 1]

    assert lost == []


def test_every_defence_has_a_name_of_its_own_and_tests_that_exist() -> None:
    assert len({each["name"] for each in DEFENCES}) == len(DEFENCES)
    assert [test for each in DEFENCES for test in each["tests"] if not (ROOT / test).exists()] == []
    assert [each["name"] for each in DEFENCES if each["old"] == each["new"]] == []
