"""Defining tags: one person proposes a version, another one approves it; then it is in force for good.

A version is never changed: the next one replaces it, and one that is `is_retired` ends the tag. The new version reaches
members with the next evaluation, which an approval makes due.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, update

from member_hub import tiers
from member_hub.access import Caller
from member_hub.access.telling import names_a_person
from member_hub.db.base import Tx
from member_hub.errors import Conflict, NotFound
from member_hub.members.staff_numbers import number_of
from member_hub.members.taggings import RESTING_ON_CONSENT, TagKind
from member_hub.organisation import Organisation
from member_hub.privacy import DataClass, Purpose
from member_hub.tags.conditions import Words, loaded, read
from member_hub.tags.definitions import (
    BUILTIN,
    PURPOSES,
    TAGS_MAX,
    Definition,
    definition_of,
    tag_t,
)
from member_hub.tags.refusals import BadDefinition, NotInForce, OwnProposal, TooManyTags
from member_hub.tags.rounds import begin_anew

CODE: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")
TEXT_MAX: Final = 60
VERSIONS_MAX: Final = 1_000
EXPIRES_DAYS_MAX: Final = 3_660
KINDS: Final = (TagKind.HAND, TagKind.RULE, TagKind.IMPORT)
_CODE: Final = (
    "标签代码须为 2 至 40 个小写字母、数字或下划线。",
    "A code is 2 to 40 small letters, digits, underscores.",
)
_TAKEN: Final = ("该代码由系统内置标签使用。", "A built-in tag has this code.")
_KIND: Final = ("标签方式须为人工、规则或导入。", "A tag is given by hand, by rule or by import.")
_TEXT: Final = (f"须为 1 至 {TEXT_MAX} 个可见字符。", f"This has 1 to {TEXT_MAX} visible characters.")
_OWNER: Final = (
    "负责方须为团队,不得为个人的邮箱、电话或工号。",
    "A team answers for a tag: this looks like the address, telephone or staff number of a person.",
)
_PURPOSE: Final = ("标签不能用于该目的。", "No tag is for this purpose.")
_RULE: Final = ("规则标签须有规则，其他标签不得有。", "A tag by rule has a rule, and no other.")
_BY_RULE: Final = (
    "规则标签是画像，不得为服务标签或限制标签。",
    "A tag by rule profiles: it is neither a service tag nor a restrictive one.",
)
_PROTECTS: Final = (
    "限制标签不得用于营销或个性化，也不是画像。",
    "A restrictive tag is not for marketing, nor a profile.",
)
_EXPIRES: Final = (f"期限为 1 至 {EXPIRES_DAYS_MAX} 天。", f"A term is 1 to {EXPIRES_DAYS_MAX} days.")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody wants a tag to be."""

    code: str
    kind: TagKind
    group: str
    zh: str
    en: str
    owner: str
    data_class: DataClass
    purpose: Purpose
    is_service: bool = False
    is_restrictive: bool = False
    is_profiling: bool = False
    is_retired: bool = False
    rule: str | None = None
    expires_days: int | None = None

    def checked(self, words: Words) -> dict[str, Any]:
        """As stored; `words`: what tiers, stores and regions there are. Raises BadDefinition, BadRule."""
        _check(bool(CODE.fullmatch(self.code)), "code", _CODE)
        _check(self.code not in BUILTIN, "code", _TAKEN)
        _check(self.kind in KINDS, "kind", _KIND)
        for field, said in {"group": self.group, "nameZh": self.zh, "nameEn": self.en, "owner": self.owner}.items():
            _check(_is_text(said), field, _TEXT)
        _check(not names_a_person(self.owner), "owner", _OWNER)
        _check(self.purpose in PURPOSES, "purpose", _PURPOSE)
        is_rule = self.kind is TagKind.RULE
        _check((self.rule is not None) == is_rule, "rule", _RULE)
        _check(not (is_rule and (self.is_restrictive or self.is_service)), "kind", _BY_RULE)
        protects = self.purpose not in RESTING_ON_CONSENT and not self.is_profiling
        _check(protects or not self.is_restrictive, "isRestrictive", _PROTECTS)
        within = self.expires_days is None or 1 <= self.expires_days <= EXPIRES_DAYS_MAX
        _check(within, "expiresDays", _EXPIRES)
        rule = loaded(self.rule) if self.rule is not None else None
        if rule is not None or is_rule:
            read(rule, self.purpose, words)
        return {
            "kind": self.kind.value,
            "tag_group": self.group,
            "zh": self.zh,
            "en": self.en,
            "owner": self.owner,
            "data_class": self.data_class.value,
            "purpose": self.purpose.value,
            "is_service": self.is_service,
            "is_restrictive": self.is_restrictive,
            "is_profiling": self.is_profiling or is_rule,
            "is_retired": self.is_retired,
            "rule": rule,
            "expires_days": self.expires_days,
        }


async def known_words(tx: Tx, organisation: Organisation, levels: tiers.Programme, *, now: datetime) -> Words:
    """The tiers, stores and regions that there are."""
    ruled = (await tiers.in_force(tx, levels, now=now)).rules
    return {
        "tier": frozenset(ruled.ranks),
        "home_store": frozenset(organisation.stores),
        "region": frozenset(store.region for store in organisation.stores.values()),
    }


async def propose(tx: Tx, caller: Caller, proposal: Proposal, *, words: Words, now: datetime) -> Definition:
    """A new version, not in force yet. The same as the newest one proposed is that one.

    Raises BadDefinition, BadRule, TooManyTags.
    """
    wanted = proposal.checked(words)
    handler = handler_of(caller)
    await _lock(tx, handler)
    newest = await _newest(tx, handler, proposal.code)
    if newest is not None and newest.approved_at is None and all(getattr(newest, k) == v for k, v in wanted.items()):
        return definition_of(newest)
    if newest is None and await _codes(tx, handler) >= TAGS_MAX:
        raise TooManyTags(field="code")
    version = newest.version + 1 if newest is not None else 1
    if version > VERSIONS_MAX:
        raise TooManyTags(field="code")
    row = wanted | {
        "handler": handler,
        "code": proposal.code,
        "version": version,
        "proposed_by": caller.subject,
        "proposed_at": now,
    }
    new = await tx.execute(tag_t.insert().values(row).returning(*tag_t.c))
    return definition_of(new.one())


async def approve(tx: Tx, caller: Caller, code: str, version: int, *, now: datetime) -> Definition:
    """Put the newest version in force, by another person than proposed it; again by the same is the same.

    Raises NotFound, OwnProposal, NotInForce.
    """
    handler = handler_of(caller)
    await _lock(tx, handler)
    newest = await _newest(tx, handler, code)
    if newest is None or version not in range(1, newest.version + 1):
        raise NotFound(field="code")
    if newest.version != version:
        raise NotInForce(field="version")
    if number_of(newest.proposed_by) == number_of(caller.subject):
        raise OwnProposal
    found = definition_of(newest)
    if newest.approved_at is not None:
        if newest.approved_by != caller.subject:
            raise NotInForce(field="version")
        return found
    which = (tag_t.c.handler == handler, tag_t.c.code == code, tag_t.c.version == version)
    await tx.execute(update(tag_t).where(*which).values(approved_by=caller.subject, approved_at=now))
    await begin_anew(tx, handler)
    return replace(found, approved_by=caller.subject, approved_at=now)


def handler_of(caller: Caller) -> str:
    if caller.handler is None:
        raise Conflict
    return caller.handler


async def _lock(tx: Tx, handler: str) -> None:
    """One at a time for each handler: versions are numbered without gaps."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"tags:{handler}", 0))))


async def _newest(tx: Tx, handler: str, code: str) -> Any:
    rows = select(tag_t).where(tag_t.c.handler == handler, tag_t.c.code == code)
    return (await tx.execute(rows.order_by(tag_t.c.version.desc()).limit(1))).one_or_none()


async def _codes(tx: Tx, handler: str) -> int:
    codes = select(func.count(tag_t.c.code.distinct())).where(tag_t.c.handler == handler)
    return int(await tx.scalar(codes) or 0)


def _is_text(text: str) -> bool:
    return 0 < len(text) <= TEXT_MAX and text.isprintable() and text == text.strip()


def _check(holds: bool, field: str, why: tuple[str, str]) -> None:
    if not holds:
        raise BadDefinition(why[1], zh=why[0], field=field)
