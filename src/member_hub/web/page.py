"""A plain query page for development: a form and an answer, without any JavaScript; in production a line of text."""

import html
from string import Template
from typing import Final
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from member_hub.errors import Refused
from member_hub.graphql import Language, refused
from member_hub.runtime import Runtime
from member_hub.web.answers import body_of
from member_hub.web.body import BadBody, parse, receive
from member_hub.web.door import Door

FORM_TYPE = "application/x-www-form-urlencoded"
FIELDS = ("token", "purpose", "query", "variables")
EXAMPLE = """\
{
  memberList(first: 5) {
    edges {
      node {
        id
        name { display state }
        phone { display state }
        homeStore { code nameZh }
        accounts { channel account { display } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

_PAGE: Final = Template("""\
<!doctype html>
<html lang="zh">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Member Hub 会员中台</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>Member Hub 会员中台</h1>
<p>开发环境查询页 · Query page for development.
令牌由 <code>member-hub token</code> 签发 · Tokens come from <code>member-hub token</code>.</p>
<form method="post" action="/query" accept-charset="utf-8" autocomplete="off">
<label for="token">访问令牌 Access token</label>
<textarea id="token" name="token" rows="3" spellcheck="false" required>$token</textarea>
<label for="purpose">处理目的 Purpose</label>
<select id="purpose" name="purpose">$purposes</select>
<label for="query">查询 Query</label>
<textarea id="query" name="query" rows="18" spellcheck="false" required>$query</textarea>
<label for="variables">变量 Variables (JSON)</label>
<textarea id="variables" name="variables" rows="3" spellcheck="false">$variables</textarea>
<button type="submit">发送 Send</button>
</form>
$answer
</main>
</body>
</html>
""")

_STYLE: Final = """\
:root { color-scheme: light dark; font-family: system-ui, "PingFang SC", "Microsoft YaHei", sans-serif; }
main { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; line-height: 1.5; }
label, h2 { display: block; margin: 1rem 0 .25rem; font-size: 1rem; font-weight: 600; }
textarea, select { width: 100%; box-sizing: border-box; font-family: ui-monospace, monospace; font-size: .9rem; }
button { margin-top: 1rem; padding: .5rem 1.5rem; font-size: 1rem; }
pre { overflow-x: auto; padding: 1rem; border: 1px solid; }
.notice p { white-space: pre-line; }
.notice dd { overflow-wrap: anywhere; }
"""


async def plain_page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("Member Hub 会员中台. The API is at POST /graphql.\n")


async def style(_request: Request) -> Response:
    return Response(_STYLE, media_type="text/css; charset=utf-8")


class QueryPage:
    """Asks through the same door as everybody: token, purpose, grants, masks and audit are the same."""

    def __init__(self, hub: Runtime, door: Door) -> None:
        self._door = door
        self._purposes = {
            entry.purpose.value: f"{entry.zh} {entry.en}" for entry in hub.policies.register.purposes.values()
        }

    async def show(self, _request: Request) -> HTMLResponse:
        return self._page(dict.fromkeys(FIELDS, "") | {"query": EXAMPLE}, "")

    async def ask(self, request: Request) -> HTMLResponse:
        form = await _form(request)
        if form is None:
            return HTMLResponse("<!doctype html><title>400</title><p>400", 400)
        language = Language.preferred(request.headers.get("accept-language"))
        request_id = request.state.request_id
        try:
            caller = await self._door.caller(f"Bearer {form['token']}", form["purpose"], None, request=request)
            variables = form["variables"].strip() or "{}"
            asked = parse(b'{"query":' + orjson.dumps(form["query"]) + b',"variables":' + variables.encode() + b"}")
            answer = await self._door.answer(asked, caller, language)
        except Refused as refusal:
            answer = refused(refusal, language)
        text = orjson.dumps(body_of(answer, request_id), option=orjson.OPT_INDENT_2).decode()
        return self._page(form, f"<h2>答复 Answer</h2>\n<pre>{html.escape(text)}</pre>")

    def _page(self, form: dict[str, str], answer: str) -> HTMLResponse:
        options = [_option("", "令牌中的唯一目的 The only one of the token", is_chosen=not form["purpose"])]
        options += [_option(name, text, is_chosen=name == form["purpose"]) for name, text in self._purposes.items()]
        filled = {name: html.escape(value) for name, value in form.items()}
        return HTMLResponse(_PAGE.substitute(filled, purposes="".join(options), answer=answer))


def _option(name: str, text: str, *, is_chosen: bool) -> str:
    mark = " selected" if is_chosen else ""
    return f'<option value="{html.escape(name)}"{mark}>{html.escape(f"{name} {text}".strip())}</option>'


async def _form(request: Request) -> dict[str, str] | None:
    """The fields of the form; None for anything else."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        return None
    try:
        received = (await receive(request)).decode("utf-8")
        sent = parse_qs(received, keep_blank_values=True, max_num_fields=len(FIELDS) + 2, errors="strict")
    except (BadBody, ValueError):
        return None
    return {name: sent.get(name, [""])[0] for name in FIELDS}
