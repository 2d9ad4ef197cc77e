"""What the README says of deciding, said to a hub: the commands as they stand there, and their answers."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from tests.graphql.consents import aged, published
from tests.graphql.world import People, World

README = Path(__file__).parents[2] / "README.md"


async def test_the_walk_of_the_readme_gives_the_answers_that_stand_there(world: World, people: People) -> None:
    await aged(world, people.whole)
    await published(world, "members-2026-11")
    text = README.read_text("utf-8")
    asked = [one.replace('\\"', '"') for one in re.findall(r'^ask "(.*)"$', text, re.MULTILINE)]
    assert [re.findall("[a-z]+[A-Z][a-z]+", one)[0] for one in asked] == [
        "noticeCurrent", "noticeServed", "consentGive", "consentWithdraw",
    ]  # fmt: skip

    async def answer(number: int, **known: str) -> dict[str, Any]:
        query = asked[number]
        for name, value in known.items():
            query = query.replace(f"${name}", value)
        return await world.ask("member", query, member=people.whole)

    begun = await answer(0)
    served = await answer(1, ME=begun["me"]["id"], NOTICE=begun["noticeCurrent"]["id"])
    given = await answer(2, SERVED=served["noticeServed"]["servedId"])
    withdrawn = await answer(3)

    for said in (given, withdrawn):
        assert json.dumps({"data": said}, separators=(",", ":")) in text


def test_the_readme_of_the_policies_has_every_number_of_the_pack_and_every_notice() -> None:
    folder = README.parent / "policies"
    text = (folder / "README.md").read_text("utf-8")
    numbers = tomllib.loads((folder / "cn" / "consent.toml").read_text("utf-8"))["numbers"]

    assert [key for key, value in numbers.items() if text.count(f"| `{key}` | {value} |") != 2] == []
    assert [file.stem for file in (folder / "cn" / "notices").glob("*.toml") if text.count(f"`{file.stem}`") != 2] == []
