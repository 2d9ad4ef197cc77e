"""Notices: published once, in Chinese and English, never changed; what they say is collected is what is declared.

Publishing writes the notice, its two texts with the generated lists and their digest, and a gate for every purpose
that it asks about; it touches no member. Each purpose that it changes materially gets a fresh bit (PIPL 14): every
grant under an older notice is stale with that commit. A list that changed in what a consented purpose rests on cannot
be published as a trifle.

Decision: a notice is in force from the moment it is published; one that is to come is published when it comes. Only
older texts of a channel lie in the past: they are on record, so that a line of its file finds what its person was
told, and they never open a newer gate than one that exists. Price: nobody prepares a change overnight.
Decision: purposes have one gate over all families, so after a material change in one family the other has to be
published anew before anybody is asked about that purpose under it (`holds_under`). Price: two publications.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, insert, select

from member_hub.access.register import Register
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.notice import gates, lists
from member_hub.consent.notice.effects import check_left_out
from member_hub.consent.notice.gates import FROM_THE_BEGINNING, Gate, GateKey
from member_hub.consent.notice.lists import LOCALES
from member_hub.consent.notice.published import Named, PublishedNotice
from member_hub.consent.notice.refusals import (
    ConsentNotTheBasis,
    NoticeChangeIsMaterial,
    NoticeChangesNothing,
    NoticeNameTaken,
    NoticeTampered,
    NotInOrder,
    PiaMissing,
)
from member_hub.consent.notice.spelling import bad, check_text, unknown_change
from member_hub.consent.notice.texts import PublishedText, digest_of, text_of, text_t
from member_hub.consent.notice.texts import Wording as Wording  # noqa: PLC0414 - what is published
from member_hub.consent.notice.texts import notice_t as notice_t  # noqa: PLC0414
from member_hub.consent.words import ANY, NoticeFamily
from member_hub.db.base import Base, Tx
from member_hub.db.bulk import among
from member_hub.ids import uuid7
from member_hub.privacy import Purpose

NAME_CHARS_MAX: Final = 60
TITLE_CHARS_MAX: Final = 200
BODY_CHARS_MAX: Final = 100_000

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


async def publish(
    tx: Tx,
    catalogue: Catalogue,
    register: Register,
    *,
    handler: str,
    family: NoticeFamily,
    name: str,
    is_material: bool,
    changed: Collection[str],
    texts: Mapping[str, Wording],
    purposes: Collection[str],
    effective_at: datetime | None,
    published_by: str,
    now: datetime,
) -> PublishedNotice:
    """Put a notice on record and in force. The same name with the same content again is the same notice.

    `effective_at` None: now. Raises BadInput, ConsentNotTheBasis, PiaMissing, NoticeNameTaken, NotInOrder,
    NoticeChangeIsMaterial, NoticeChangesNothing, NoticeLeavesOut, NoBitLeft, NoticeTampered; then nothing was written
    that the caller's rolling back would not undo.
    """
    notice = PublishedNotice(
        notice_id=uuid7(),
        handler=handler,
        family=family,
        name=name,
        is_material=is_material,
        purposes=tuple(str(purpose) for purpose in Purpose if purpose in purposes),
        changed=tuple(str(purpose) for purpose in Purpose if purpose in changed),
        effective_at=effective_at or now,
        published_at=now,
        published_by=published_by,
        is_new=True,
    )
    _check(notice, texts, purposes=purposes, changed=changed, now=now)
    _check_purposes(notice.purposes, catalogue, register)
    await gates.lock(tx)
    if (standing := await by_name(tx, handler, name)) is not None:
        return await _the_same(tx, standing, notice, texts, says_when=effective_at is not None)
    made = {locale: _text(locale, texts[locale], catalogue, register) for locale in LOCALES}
    if not family.is_on_record_only:
        before = await _check_order(tx, notice)
        if not set(notice.changed) <= {*notice.purposes, *before}:
            raise unknown_change()
        await check_left_out(tx, notice, before)
        await _check_lists(tx, notice, made["zh"])
    await _write(tx, notice, made.values())
    await gates.open_gates(tx, handler, await _gates_due(tx, catalogue, notice), notice_id=notice.notice_id)
    return notice


async def current(tx: Tx, handler: str, family: NoticeFamily) -> PublishedNotice | None:
    """The newest notice of a family; it is in force whatever the clock here says (gates.py)."""
    newest = (
        select(notice_t)
        .where(notice_t.c.handler == handler, notice_t.c.family == family)
        .order_by(notice_t.c.effective_at.desc(), notice_t.c.notice_id.desc())
        .limit(1)
    )
    row = (await tx.execute(newest)).one_or_none()
    return _published(row) if row is not None else None


async def by_id(tx: Tx, notice_id: UUID) -> PublishedNotice | None:
    row = (await tx.execute(select(notice_t).where(notice_t.c.notice_id == notice_id))).one_or_none()
    return _published(row) if row is not None else None


async def by_name(tx: Tx, handler: str, name: str) -> PublishedNotice | None:
    """As people and channel files name it."""
    named = select(notice_t).where(notice_t.c.handler == handler, notice_t.c.name == name)
    row = (await tx.execute(named)).one_or_none()
    return _published(row) if row is not None else None


async def named(tx: Tx, notice_ids: Collection[UUID]) -> dict[UUID, Named]:
    """What decisions have to know of the notices that they were made under; ids that are none are left out."""
    if not notice_ids:
        return {}
    columns = (notice_t.c.notice_id, notice_t.c.name, notice_t.c.effective_at, notice_t.c.handler)
    rows = await tx.execute(select(*columns).where(among(notice_t.c.notice_id, notice_ids)))
    return {row.notice_id: Named(row.name, row.effective_at, row.handler) for row in rows}


def holds_under(notice: PublishedNotice, gate: Gate | None) -> bool:
    """Whether a grant under this notice counts at the gate: not without one, and not if the gate is newer."""
    return gate is not None and notice.effective_at >= gate.effective_at


async def shortcomings(tx: Tx, catalogue: Catalogue, register: Register, handler: str) -> Sequence[str]:
    """What keeps a handler from informing and asking members as it has to; empty: nothing. Needs every table loaded."""
    general = await current(tx, handler, NoticeFamily.GENERAL)
    if general is None:
        return ["no general notice is in force: nobody is informed or asked, and no consent counts"]
    counting, said = await gates.current_gates(tx), []
    for family in (NoticeFamily.GENERAL, NoticeFamily.CHILDREN):
        notice = general if family is NoticeFamily.GENERAL else await current(tx, handler, family)
        if notice is None:
            said.append(f"no notice of the family {family} is in force")
            continue
        try:
            text = await text_of(tx, notice.notice_id, "zh")
        except NoticeTampered:
            said.append(f"the text of {notice.name} is not what was published")
            continue
        now_so = (lists.collected(Base.metadata, register, "zh"), lists.shared(catalogue, register, "zh"))
        if text is None or (text.collected, text.shared) != now_so:
            said.append(f"the lists of {notice.name} are not what is declared any more")
        newer = (counting.get((handler, *key)) for key in asked_for(catalogue, notice.purposes))
        if not all(holds_under(notice, gate) for gate in newer):
            said.append(f"nobody can be asked by {notice.name}: a newer notice changed one of its purposes")
    return said


def audit_words(notice: PublishedNotice) -> list[str]:
    """What the entry of a publication says; for all grants that it makes stale, for none has an event (DESIGN 8)."""
    stale = [f"consent.stale:{purpose}" for purpose in notice.changed] if notice.is_new else []
    return [f"notice:{notice.name}", *stale]


def _check(
    notice: PublishedNotice,
    texts: Mapping[str, Wording],
    *,
    purposes: Collection[str],
    changed: Collection[str],
    now: datetime,
) -> None:
    if not _NAME.fullmatch(notice.name) or len(notice.name) > NAME_CHARS_MAX:
        raise bad("name", "a name is lower case letters and digits joined by . _ -", "名称只含小写字母、数字与 . _ -")
    if set(texts) != set(LOCALES):
        raise bad("texts", "a notice speaks Chinese and English", "告知书须有中文与英文两个版本")
    for wording in texts.values():
        check_text("title", wording.title, TITLE_CHARS_MAX)
        check_text("body", wording.body, BODY_CHARS_MAX)
    if len(notice.purposes) != len(set(purposes)) or len(notice.changed) != len(set(changed)):
        raise bad("purposes", "a purpose is not known", "处理目的未登记")
    if notice.changed and not notice.is_material:
        raise unknown_change()
    if notice.is_material and not notice.changed and not notice.family.is_on_record_only:
        raise NoticeChangesNothing(field="changed")
    if notice.effective_at > now:
        raise bad("effectiveAt", "publish it when it comes into force", "请在生效之时发布")
    if notice.family.is_on_record_only and notice.is_material:
        raise bad("isMaterial", "an older text of a channel changes nothing now", "渠道的旧文本仅作存档,不产生实质变更")
    if not notice.family.is_on_record_only and notice.effective_at < now:
        raise bad("effectiveAt", "only older texts of a channel lie in the past", "只有渠道的旧文本可以早于现在生效")


def _check_purposes(purposes: Sequence[str], catalogue: Catalogue, register: Register) -> None:
    for purpose in map(Purpose, purposes):
        if register.purposes[purpose].consent_key is None:
            raise ConsentNotTheBasis(field="purposes")
        if lacks_assessment(catalogue, purpose):
            raise PiaMissing(field="purposes")


def lacks_assessment(catalogue: Catalogue, purpose: Purpose) -> bool:
    """Whether nobody may be asked about a purpose: sensitive, published or provided without one on file (PIPL 55)."""
    terms = catalogue.purposes[purpose]
    is_provided = any(purpose in recipient.purposes for recipient in catalogue.recipients.values())
    return (terms.is_sensitive or terms.is_published or is_provided) and terms.assessment is None


async def _the_same(
    tx: Tx, standing: PublishedNotice, notice: PublishedNotice, texts: Mapping[str, Wording], *, says_when: bool
) -> PublishedNotice:
    """What stands under the name, if it is what somebody wants to publish; the lists stay as they were then."""
    same = (
        (standing.family, standing.is_material, standing.purposes, standing.changed)
        == (notice.family, notice.is_material, notice.purposes, notice.changed)
    ) and (not says_when or standing.effective_at == notice.effective_at)
    for locale in LOCALES:
        stood = await text_of(tx, standing.notice_id, locale)
        same = same and stood is not None and Wording(stood.title, stood.body) == texts[locale]
    if not same:
        raise NoticeNameTaken(field="name")
    return standing


async def _check_order(tx: Tx, notice: PublishedNotice) -> Collection[str]:
    """Each notice of a family, and each gate, is newer than the one before, whichever clock that was published by.

    Answers what the one before asks about.
    """
    before = await current(tx, notice.handler, notice.family)
    counting = await gates.current_gates(tx)
    newest = [
        gate.effective_at
        for (handler, purpose, _), gate in counting.items()
        if handler == notice.handler and purpose in notice.changed
    ]
    if (before and before.effective_at >= notice.effective_at) or any(at >= notice.effective_at for at in newest):
        raise NotInOrder
    return before.purposes if before else ()


async def _check_lists(tx: Tx, notice: PublishedNotice, text: PublishedText) -> None:
    """What a consented purpose rests on is as in the newest notice of the family that asked about it, or is named."""
    for purpose in notice.purposes:
        if purpose in notice.changed:
            continue
        before = await _newest_text_about(tx, notice, purpose)
        if before is None:
            continue
        told = lists.about(purpose, before.collected, before.shared)
        if lists.about(purpose, text.collected, text.shared) != told:
            raise NoticeChangeIsMaterial(field="changed")


async def _newest_text_about(tx: Tx, notice: PublishedNotice, purpose: str) -> PublishedText | None:
    newest = (
        select(notice_t.c.notice_id)
        .where(
            notice_t.c.handler == notice.handler,
            notice_t.c.family == notice.family,
            notice_t.c.purposes.contains([purpose]),
        )
        .order_by(notice_t.c.effective_at.desc())
        .limit(1)
    )
    found = (await tx.execute(newest)).scalar_one_or_none()
    return await text_of(tx, found, "zh") if found is not None else None


async def _gates_due(tx: Tx, catalogue: Catalogue, notice: PublishedNotice) -> list[tuple[str, str, datetime]]:
    """A purpose's first gate counts from the beginning, one of a material change from its notice on."""
    counting = await gates.current_gates(tx)
    due = []
    named = [str(purpose) for purpose in Purpose if purpose in {*notice.purposes, *notice.changed}]
    for purpose, recipient in asked_for(catalogue, named):
        key: GateKey = (notice.handler, purpose, recipient)
        if purpose in notice.changed:
            due.append((purpose, recipient, notice.effective_at))
        elif key not in counting:
            due.append((purpose, recipient, FROM_THE_BEGINNING))
    return due


def asked_for(catalogue: Catalogue, purposes: Collection[str]) -> list[tuple[str, str]]:
    """Every (purpose, recipient) that a member may decide about; recipient empty: the handler itself."""
    receiving = sorted((r for r in catalogue.recipients.values() if r.needs_consent), key=lambda r: r.name)
    return [
        (purpose, recipient)
        for purpose in purposes
        for recipient in (ANY, *(r.name for r in receiving if purpose in r.purposes))
    ]


def _text(locale: str, wording: Wording, catalogue: Catalogue, register: Register) -> PublishedText:
    collected = lists.collected(Base.metadata, register, locale)
    shared = lists.shared(catalogue, register, locale)
    return PublishedText(locale, wording.title, wording.body, collected, shared, digest_of(wording, collected, shared))


async def _write(tx: Tx, notice: PublishedNotice, texts: Collection[PublishedText]) -> None:
    row = {column.name: getattr(notice, column.name) for column in notice_t.c}
    await tx.execute(
        insert(notice_t).values(row | {"purposes": list(notice.purposes), "changed": list(notice.changed)})
    )
    rows = [{column.name: getattr(t, column.name) for column in text_t.c if column.name != "notice_id"} for t in texts]
    await tx.execute(insert(text_t), [one | {"notice_id": notice.notice_id} for one in rows])


def _published(row: Row[Any]) -> PublishedNotice:
    return PublishedNotice(
        notice_id=row.notice_id,
        handler=row.handler,
        family=NoticeFamily(row.family),
        name=row.name,
        is_material=row.is_material,
        purposes=tuple(row.purposes),
        changed=tuple(row.changed),
        effective_at=row.effective_at,
        published_at=row.published_at,
        published_by=row.published_by,
    )
