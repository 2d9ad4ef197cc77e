"""GET /notices/{family} and /notices/{family}.txt: the notice in force, for everybody and without a sign-in.

The rules of processing are public, easy to read and to keep (PIPL 7, 17): the wording, both lists as they were
published, and the digest by which a kept copy is recognised. Chinese or English by ?locale=, else by Accept-Language,
else Chinese. Nothing here is about anybody, so nothing is audited; there is no script, no cookie and no form.
Where several handlers inform, ?handler= says whose; without it, the first by name that has a notice in force.
"""

import html
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from member_hub.clock import SHANGHAI
from member_hub.consent.notice import notices
from member_hub.consent.notice.lists import LOCALES
from member_hub.consent.notice.published import PublishedNotice
from member_hub.consent.notice.texts import PublishedText, text_of
from member_hub.consent.words import Locale, NoticeFamily
from member_hub.db.base import snapshot
from member_hub.graphql import Language
from member_hub.runtime import Runtime
from member_hub.throttling import Buckets, Rate, Throttled
from member_hub.web.remote import remote_address

VISITS: Final = Rate(per_s=2, burst=60)  # of one address
_FAMILIES: Final = tuple(family for family in NoticeFamily if not family.is_on_record_only)
_WORDS: Final = {
    Locale.ZH: ("版本", "生效时间", "收集的个人信息", "保存期限(天)", "注销后", "对外提供", "联系方式", "方式", "校验"),
    Locale.EN: (
        "version", "in force since", "What is collected", "kept for days", "after erasure",
        "Who else receives it", "contact", "how", "digest",
    ),
}  # fmt: skip

_log = logging.getLogger(__name__)
Showing = Callable[["Shown"], Response]


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice in one language."""

    notice: PublishedNotice
    text: PublishedText
    locale: Locale

    @property
    def facts(self) -> Sequence[tuple[str, str]]:
        words = _WORDS[self.locale]
        since = self.notice.effective_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M (UTC+8)")
        return (
            (words[0], self.notice.name),
            (words[1], since),
            (f"{words[8]} SHA-256", self.text.sha256.hex()),
        )

    @property
    def lists(self) -> Sequence[tuple[str, Sequence[str]]]:
        """What is collected and what is shared, a line for each entry."""
        words, stop = _WORDS[self.locale], "、" if self.locale is Locale.ZH else ", "
        collected = [
            f"{one['label']}: {stop.join(one['items'])}; {stop.join(one['purpose_labels'])}; "
            f"{words[3]}: {one['retention_days']}; {words[4]}: {one['after_erasure']}"
            for one in self.text.collected
        ]
        shared = [
            f"{one['label']} ({one['jurisdiction']}): {stop.join(one['category_labels'])}; "
            f"{stop.join(one['purpose_labels'])}; {words[7]}: {one['method']}; {words[6]}: {one['contact']}"
            for one in self.text.shared
        ]
        return ((words[2], collected), (words[5], shared))


class NoticePages:
    """One per process."""

    def __init__(self, hub: Runtime) -> None:
        self._hub = hub
        self._addresses = Buckets(VISITS.share(hub.settings.processes))

    @property
    def routes(self) -> list[Route]:
        """Two for each family that is put before people: a closed list, so that paths can be counted."""
        found = []
        for family in _FAMILIES:
            path = f"/notices/{family}"
            found += [
                Route(path, self._answering(family, _page)),
                Route(f"{path}.txt", self._answering(family, _plain)),
            ]
        return found

    def _answering(self, family: NoticeFamily, show: Showing) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            address = remote_address(request, self._hub.settings.proxy_hops)
            if wait_s := self._addresses.wait_s(address, 1):
                wait = str(Throttled(wait_s).retry_after_s)
                return PlainTextResponse(f"{Throttled.en} {Throttled.zh}\n", 429, {"Retry-After": wait})
            self._addresses.pour(address, 1)
            try:
                found = await self._found(family, _locale(request), request.query_params.get("handler"))
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.warning("A notice could not be read: %s.", type(error).__name__)
                return PlainTextResponse("Unavailable for now. 暂时无法读取。\n", 503, {"Retry-After": "5"})
            if found is None:
                return PlainTextResponse("No such notice is in force. 没有生效的告知书。\n", 404)
            return show(found)

        return answer

    async def _found(self, family: NoticeFamily, locale: Locale, handler: str | None) -> Shown | None:
        known = sorted(self._hub.organisation.handlers)
        async with snapshot(self._hub.database.app) as tx:
            for one in known if handler is None else [name for name in known if name == handler]:
                notice = await notices.current(tx, one, family)
                text = await text_of(tx, notice.notice_id, locale.value) if notice else None
                if notice is not None and text is not None:
                    return Shown(notice, text, locale)
        return None


def _locale(request: Request) -> Locale:
    said, accepted = request.query_params.get("locale"), request.headers.get("accept-language")
    if said in LOCALES:
        return Locale(said)
    return Locale(Language.preferred(accepted).value) if accepted else Locale.ZH


def _page(shown: Shown) -> Response:
    facts = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in shown.facts)
    lists = "".join(
        f"<h2>{html.escape(title)}</h2><ul>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>"
        for title, lines in shown.lists
    )
    other = "en" if shown.locale is Locale.ZH else "zh"
    title, handler = html.escape(shown.text.title), html.escape(shown.notice.handler)
    links = "".join(
        f'<a href="/notices/{shown.notice.family}{path}?locale={locale}&amp;handler={handler}">{word}</a> '
        for path, locale, word in (("", other, "English" if other == "en" else "中文"), (".txt", shown.locale, "TXT"))
    )
    return HTMLResponse(
        f'<!doctype html>\n<html lang="{shown.locale}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{title}</title>\n<link rel="stylesheet" href="/style.css">\n</head>\n<body>\n<main class="notice">\n'
        f"<p>{links}</p>\n<h1>{title}</h1>\n<p>{html.escape(shown.text.body)}</p>\n{lists}\n<dl>{facts}</dl>\n"
        "</main>\n</body>\n</html>\n"
    )


def _plain(shown: Shown) -> Response:
    lines = [shown.text.title, "", shown.text.body]
    for title, entries in shown.lists:
        lines += ["", title, *(f"- {entry}" for entry in entries)]
    lines += ["", *(f"{name}: {value}" for name, value in shown.facts), ""]
    return PlainTextResponse("\n".join(lines))
