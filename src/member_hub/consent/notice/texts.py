"""The text of a notice in one language, and whether it is what was published.

Whoever reads a text has its digest checked (`read_text`): one that does not fit is shown to nobody, and no receipt is
made of it. A digest that was made anew with the text is not found here; receipts and people's copies hold the old one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, select

from member_hub.consent.notice.lists import Collected, Shared
from member_hub.consent.notice.refusals import NoticeTampered
from member_hub.consent.tables import Notice, NoticeText
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of

TEXTS_MAX: Final = 1_000  # that are checked at once, the newest first

notice_t, text_t = table_of(Notice), table_of(NoticeText)


@dataclass(frozen=True, slots=True)
class Wording:
    """A notice in one language, as somebody wrote it."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class PublishedText:
    """A notice in one language, with the lists as they were when it was published."""

    locale: str
    title: str
    body: str
    collected: Sequence[Collected]
    shared: Sequence[Shared]
    sha256: bytes


def digest_of(wording: Wording, collected: Sequence[Collected], shared: Sequence[Shared]) -> bytes:
    """SHA-256 over title, body and both lists as canonical JSON: keys in order, no spaces, UTF-8."""
    whole = {"title": wording.title, "body": wording.body, "collected": collected, "shared": shared}
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).digest()


async def text_of(tx: Tx, notice_id: UUID, locale: str) -> PublishedText | None:
    """The wording in one language. Raises NoticeTampered."""
    wanted = select(text_t).where(text_t.c.notice_id == notice_id, text_t.c.locale == locale)
    row = (await tx.execute(wanted)).one_or_none()
    return read_text(row) if row is not None else None


def read_text(row: Row[Any]) -> PublishedText:
    """A row that has what hub.notice_text has. Raises NoticeTampered where its digest is of something else."""
    wording = Wording(row.title, row.body)
    if digest_of(wording, row.collected, row.shared) != bytes(row.sha256):
        raise NoticeTampered
    return PublishedText(row.locale, row.title, row.body, row.collected, row.shared, row.sha256)


async def tampered(tx: Tx) -> list[str]:
    """The names and languages of the texts that are not what was published; at most TEXTS_MAX are looked at."""
    columns = (notice_t.c.name, *text_t.c)
    texts = select(*columns).join(text_t, text_t.c.notice_id == notice_t.c.notice_id)
    rows = await tx.execute(texts.order_by(notice_t.c.published_at.desc(), text_t.c.locale).limit(TEXTS_MAX))
    return [f"{row.name} ({row.locale})" for row in rows if not _is_genuine(row)]


def _is_genuine(row: Row[Any]) -> bool:
    try:
        read_text(row)
    except NoticeTampered:
        return False
    return True
