"""The public page of a notice: anybody reads and keeps what is in force, in Chinese or English, and nothing else."""

import re

import pytest

from member_hub.consent.notice import notices
from member_hub.consent.notice.notices import Wording
from member_hub.consent.words import NoticeFamily
from member_hub.db import transaction
from member_hub.web.notices import VISITS
from tests.graphql.consents import published
from tests.graphql.world import World

BODY = "第一行\n<script>alert(1)</script> & 其余"
TEXTS = {"zh": Wording("会员告知书", BODY), "en": Wording("Member <b>notice</b>", "What is done.")}


async def shown(world: World, path: str = "/notices/general", **headers: str) -> str:
    answer = await world.client.get(path, headers=headers)
    assert answer.status_code == 200
    return answer.text


async def test_anybody_reads_the_notice_in_force_with_both_lists_and_the_digest(world: World) -> None:
    notice = await published(world, "2026-01", texts=TEXTS)
    async with transaction(world.hub.database.app) as tx:
        text = await notices.text_of(tx, notice.notice_id, "zh")
    assert text is not None

    page, plain = await shown(world), await shown(world, "/notices/general.txt")

    for said in ("会员告知书", "2026-01", "2026-11", text.sha256.hex(), *(one["label"] for one in text.shared)):
        assert said in page
        assert said in plain
    items = {item for one in text.collected for item in one["items"]}
    assert items
    assert [item for item in items if item not in page or item not in plain] == []
    assert BODY in plain


async def test_the_page_holds_no_script_and_loads_nothing_but_its_style(world: World) -> None:
    await published(world, texts=TEXTS)

    answer = await world.client.get("/notices/general")

    assert "<script" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in answer.text
    assert set(re.findall(r"<link[^>]* href=\"([^\"]*)\"|src=\"([^\"]*)\"", answer.text)) == {("/style.css", "")}
    assert "default-src 'none'; style-src 'self'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
    assert (await world.client.get("/style.css")).status_code == 200


@pytest.mark.parametrize(
    ("path", "accepted", "title"),
    [
        ("", "", "会员告知书"),
        ("", "en-GB,zh;q=0.5", "Member &lt;b&gt;notice&lt;/b&gt;"),
        ("", "zh-CN,en;q=0.5", "会员告知书"),
        ("?locale=zh", "en", "会员告知书"),
        ("?locale=en", "zh", "Member &lt;b&gt;notice&lt;/b&gt;"),
        ("?locale=fr", "zh", "会员告知书"),
    ],
)
async def test_the_language_is_what_is_asked_for_then_what_the_browser_prefers(
    world: World, path: str, accepted: str, title: str
) -> None:
    await published(world, texts=TEXTS)

    assert f"<h1>{title}</h1>" in await shown(world, f"/notices/general{path}", **{"accept-language": accepted})


async def test_what_is_not_in_force_is_not_there(world: World) -> None:
    await published(world, texts=TEXTS)
    await published(world, "website-2024", family=NoticeFamily.WEBSITE)

    paths = ("children", "website", "nothing", "general?handler=nobody", "general.txt?handler='")
    answers = [await world.client.get(f"/notices/{path}") for path in paths]

    assert [answer.status_code for answer in answers] == [404] * len(paths)
    assert (await world.client.post("/notices/general")).status_code == 405


async def test_a_newer_notice_takes_the_place_at_once(world: World) -> None:
    await published(world, texts=TEXTS)
    world.clock.at = world.clock.at.replace(year=2027)
    await published(world, "2027-01", texts=TEXTS)

    assert "2027-01" in await shown(world, "/notices/general?handler=brand")


async def test_one_address_reads_sixty_times_at_once_and_then_waits(world: World) -> None:
    await published(world, texts=TEXTS)

    answers = [await world.client.get("/notices/general.txt") for _ in range(int(VISITS.burst) + 5)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(refused) <= 5
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
