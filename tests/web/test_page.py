"""The query page: a form and an answer without JavaScript, through the same door; nothing of it in production."""

import re

import httpx2

from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE

QUERY = f'{{ member(by: {{phone: "{WHOLE["phone"]}"}}) {{ name {{ display }} phone {{ display }} }} }}'


async def ask(town: Town, **form: str) -> httpx2.Response:
    return await town.client.post("/query", data={"token": "", "purpose": "", "query": QUERY, "variables": "", **form})


async def test_the_page_is_a_form_in_both_languages(town: Town) -> None:
    page = await town.client.get("/")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for text in ("访问令牌 Access token", "处理目的 Purpose", "查询 Query", "发送 Send", 'action="/query"'):
        assert text in page.text


async def test_the_page_needs_nothing_from_elsewhere(town: Town) -> None:
    page = await town.client.get("/")

    assert "<script" not in page.text
    assert re.findall(r'(?:src|href)="([^"]*)"', page.text) == ["/style.css"]
    style = await town.client.get("/style.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "url(" not in style.text


async def test_the_page_answers_as_the_api_does(town: Town) -> None:
    page = await ask(town, token=town.token("sales_associate"))

    assert "欧阳*" in page.text
    assert "138****5670" in page.text
    assert WHOLE["name"] not in page.text
    assert (await town.audited())[-1].role == "sales_associate"


async def test_the_page_takes_purpose_and_variables(town: Town) -> None:
    token = town.token("app_crm", purposes=["member_service", "customer_support"])
    query = "query ($by: MemberKey!) { member(by: $by) { name { display } } }"
    variables = f'{{"by": {{"phone": "{WHOLE["phone"]}"}}}}'

    without = await ask(town, token=token, query=query, variables=variables)
    declared = await ask(town, token=token, query=query, variables=variables, purpose="customer_support")

    assert "PURPOSE_REQUIRED" in without.text
    assert WHOLE["name"] in declared.text
    assert '<option value="customer_support" selected>' in declared.text


async def test_the_page_escapes_what_it_is_told(town: Town) -> None:
    spoiled = '</textarea><b onclick="x">\'&'

    page = await ask(town, token=spoiled, query=spoiled, variables=spoiled)

    assert "<b " not in page.text
    assert page.text.count("&lt;/textarea&gt;&lt;b onclick=&quot;x&quot;&gt;&#x27;&amp;") == 3
    assert "UNAUTHENTICATED" in page.text


async def test_variables_that_are_no_json_are_said_so(town: Town) -> None:
    page = await ask(town, token=town.token("app_crm"), variables="{")

    assert "BAD_USER_INPUT" in page.text


async def test_the_form_takes_forms_only(town: Town) -> None:
    for content, content_type in (
        (b"{}", "application/json"),
        (b"a=1&" * 100, None),
        (b"x" * 300_000, None),
        (b"a=%ff", None),
    ):
        headers = {"Content-Type": content_type or "application/x-www-form-urlencoded"}
        assert (await town.client.post("/query", content=content, headers=headers)).status_code == 400


async def test_production_has_a_line_of_text_instead(production: httpx2.AsyncClient) -> None:
    page = await production.get("/")

    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert "<form" not in page.text
    assert (await production.post("/query", data={"token": "x"})).status_code == 404
