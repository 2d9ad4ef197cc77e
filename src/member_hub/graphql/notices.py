"""The notice in force as the schema shows it: its wording, what it asks about, and the lists as they were published."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry

from member_hub.access import Register
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.notice import notices
from member_hub.consent.notice.lists import Collected, Shared
from member_hub.consent.notice.published import PublishedNotice
from member_hub.consent.notice.texts import PublishedText, text_of
from member_hub.consent.words import ContactChannel, Locale, NoticeFamily
from member_hub.db.base import Tx
from member_hub.graphql.asking import Asking
from member_hub.members.reading import handler_of
from member_hub.privacy import Purpose

Info = strawberry.Info[Asking, None]


@strawberry.type(description="A purpose that the notice asks about.")
class NoticePurpose:
    purpose: Purpose = strawberry.field(description="The purpose.")
    label: str = strawberry.field(description="What it is, with its legal basis.")
    article: str = strawberry.field(description="The legal basis: PIPL 13(1)(1) is consent.")
    necessity: str = strawberry.field(description="What depends on it; that it is not necessary, where it is not.")
    needs_separate_act: bool = strawberry.field(
        description="Whether the consent is an act of its own, because it is sensitive or published (PIPL 25, 29)."
    )
    term_days: int | None = strawberry.field(description="How long a consent holds; null: until it is withdrawn.")
    channels: list[ContactChannel] = strawberry.field(description="Over what one is contacted; each is asked about.")
    recipients: list[str] = strawberry.field(
        description="Who else may receive data for it, each by a separate consent of its own (PIPL 23, 39)."
    )


@strawberry.type(description="A kind of personal information that is collected.")
class CollectedKind:
    category: str = strawberry.field(description="Its data class, or how it is held.")
    label: str = strawberry.field(description="What it is called.")
    items: list[str] = strawberry.field(description="What it consists of.")
    purposes: list[Purpose] = strawberry.field(description="What it is processed for.")
    purpose_labels: list[str] = strawberry.field(description="The same in words.")
    retention_days: int = strawberry.field(description="How long at most, from the last sign of life.")
    after_erasure: str = strawberry.field(description="What becomes of it when a member is erased.")


@strawberry.type(description="Somebody else who receives personal information.")
class SharedWith:
    recipient: str = strawberry.field(description="Its name in consents.")
    label: str = strawberry.field(description="What it is called.")
    kind: str = strawberry.field(description="entrusted (acts for us, PIPL 21) or handler (decides itself, PIPL 23).")
    contact: str = strawberry.field(description="How to reach it.")
    jurisdiction: str = strawberry.field(description="In which country.")
    method: str = strawberry.field(description="How it receives what.")
    purposes: list[Purpose] = strawberry.field(description="What for.")
    categories: list[str] = strawberry.field(description="Which data classes.")
    category_labels: list[str] = strawberry.field(description="The same in words.")
    needs_consent: bool = strawberry.field(description="Whether nothing goes there without a separate consent.")


@strawberry.type(description="A notice in one language; once published it never changes.")
class Notice:
    id: strawberry.ID = strawberry.field(description="What consents refer to.")
    name: str = strawberry.field(description="Its version, as people name it.")
    family: NoticeFamily = strawberry.field(description="Which line of notices.")
    locale: Locale = strawberry.field(description="The language.")
    title: str = strawberry.field(description="Its heading.")
    body: str = strawberry.field(description="The wording.")
    sha256: str = strawberry.field(description="Digest of title, body and both lists as canonical JSON, in hex.")
    is_material: bool = strawberry.field(description="Whether it made earlier grants stale (PIPL 14).")
    changed: list[Purpose] = strawberry.field(description="For which purposes it did.")
    effective_at: datetime = strawberry.field(description="In force since.")
    purposes: list[NoticePurpose] = strawberry.field(description="What it asks about.")
    collected: list[CollectedKind] = strawberry.field(description="What is collected, from the privacy declarations.")
    shared: list[SharedWith] = strawberry.field(description="What is shared with whom.")


async def notice_current(
    info: Info,
    family: Annotated[NoticeFamily, strawberry.argument(description="Which line.")] = NoticeFamily.GENERAL,
    locale: Annotated[Locale, strawberry.argument(description="Which language.")] = Locale.ZH,
) -> Notice | None:
    asking = info.context
    async with asking.snapshot.reading() as tx:
        handler = await _handler(asking, tx)
        found = await notices.current(tx, handler, family) if handler else None
        text = await text_of(tx, found.notice_id, locale) if found else None
    if found is None or text is None:
        return None
    asking.trail.finds(())
    asking.trail.fields.add(f"notice:{found.name}")
    return _notice(found, text, locale, asking.hub.policies.register, asking.hub.catalogue)


async def _handler(asking: Asking, tx: Tx) -> str | None:
    """The caller's; of a member, and of a guardian, the one that their own data is with.

    A guardian's children are members of the same handler; and the text is needed before any child is in reach.
    """
    caller = asking.caller
    if caller.handler is not None or caller.member_id is None:
        return caller.handler
    return await handler_of(tx, caller.member_id)


def _notice(
    found: PublishedNotice, text: PublishedText, locale: Locale, register: Register, catalogue: Catalogue
) -> Notice:
    return Notice(
        id=strawberry.ID(str(found.notice_id)),
        name=found.name,
        family=found.family,
        locale=locale,
        title=text.title,
        body=text.body,
        sha256=text.sha256.hex(),
        is_material=found.is_material,
        changed=[Purpose(purpose) for purpose in found.changed],
        effective_at=found.effective_at,
        purposes=[_purpose(Purpose(one), locale, register, catalogue) for one in found.purposes],
        collected=[_collected(entry) for entry in text.collected],
        shared=[_shared(entry) for entry in text.shared],
    )


def _purpose(purpose: Purpose, locale: Locale, register: Register, catalogue: Catalogue) -> NoticePurpose:
    entry, terms = register.purposes[purpose], catalogue.purposes[purpose]
    is_zh = locale is Locale.ZH
    return NoticePurpose(
        purpose=purpose,
        label=entry.zh if is_zh else entry.en,
        article=entry.article,
        necessity=terms.zh if is_zh else terms.en,
        needs_separate_act=catalogue.needs_separate_act(purpose, ""),
        term_days=terms.term.days if terms.term else None,
        channels=list(terms.channels),
        recipients=[name for _, name in notices.asked_for(catalogue, [purpose]) if name],
    )


def _collected(entry: Collected) -> CollectedKind:
    return CollectedKind(
        category=entry["category"],
        label=entry["label"],
        items=entry["items"],
        purposes=_purposes(entry["purposes"]),
        purpose_labels=entry["purpose_labels"],
        retention_days=entry["retention_days"],
        after_erasure=entry["after_erasure"],
    )


def _shared(entry: Shared) -> SharedWith:
    return SharedWith(
        recipient=entry["recipient"],
        label=entry["label"],
        kind=entry["kind"],
        contact=entry["contact"],
        jurisdiction=entry["jurisdiction"],
        method=entry["method"],
        purposes=_purposes(entry["purposes"]),
        categories=entry["categories"],
        category_labels=entry["category_labels"],
        needs_consent=entry["needs_consent"],
    )


def _purposes(words: Sequence[str]) -> list[Purpose]:
    """An older notice may name a purpose that the product has no more; its label stands."""
    known: dict[str, Any] = {purpose.value: purpose for purpose in Purpose}
    return [known[word] for word in words if word in known]
