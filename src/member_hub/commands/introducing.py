"""What a filled hub says about itself when it starts: where it is, a token per role, three questions to paste."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import func, select

from member_hub.access import Ask, DevelopmentTokens, RoleKind
from member_hub.db import snapshot
from member_hub.db.bulk import table_of
from member_hub.demo.fixed import MEMBERS, MERGED
from member_hub.identity.queries import account_tokens, find_members
from member_hub.ids import MemberId
from member_hub.members.tables import Channel, ChannelAccount, Member, MemberStatus

if TYPE_CHECKING:
    from member_hub.db import Tx
    from member_hub.runtime import Runtime

BY_PHONE = '{ member(by: {phone: "%s"}) { id status name { display state } phone { value display state } } }'
LIST = "{ memberList(first: 3) { edges { node { id joinedAt homeStore { code } name { display state } } } } }"
ME = "{ me { id name { value } accounts { channel account { value } } orders(first: 2) { state } } }"
ANOTHER = "token --role sales_associate --purpose member_service --store SH007"

member_t = table_of(Member)
account_t = table_of(ChannelAccount)


async def introduce(runtime: Runtime) -> Callable[[int], str]:
    """The text for the port that will be served. In production, which takes no development token, the address alone."""
    async with snapshot(runtime.database.app) as tx:
        members = await _count(tx)
        known = await _fixed_member(tx, runtime)
        someone = known or await _anybody(tx)
    tokens = {} if runtime.settings.is_production else _tokens(runtime, someone)

    def text(port: int) -> str:
        address = f"http://127.0.0.1:{port}"
        lines = [f"{members:,} members. Query page: {address}/   GraphQL: {address}/graphql"]
        if tokens:
            lines += ["", "Tokens, good for twelve hours:", *(f"  {role:<20} {it}" for role, it in tokens.items())]
            lines += [f"Another, also for one purpose alone: {_command()} {ANOTHER}"]
            lines += ["", *_questions(address, tokens, is_demo=known is not None)]
        if known is not None:
            lines += ["Members of every demo set:", *(f"  {m.phone:<14} {m.name}  {m.what}" for m in MEMBERS)]
        return "\n".join(lines)

    return text


def _command() -> str:
    """As this process was called, so that it can be pasted: `.venv/bin/member-hub` from make."""
    return sys.argv[0] if Path(sys.argv[0]).name == "member-hub" else "member-hub"


async def _count(tx: Tx) -> int:
    standing = member_t.c.status.not_in((MemberStatus.MERGED, MemberStatus.ERASED))
    return int((await tx.execute(select(func.count()).select_from(member_t).where(standing))).scalar_one())


async def _fixed_member(tx: Tx, runtime: Runtime) -> MemberId | None:
    tokens = account_tokens(runtime.vault, runtime.organisation, Channel.STORE, MERGED.cards[0])
    return next(iter((await find_members(tx, tokens)).values()), None)


async def _anybody(tx: Tx) -> MemberId | None:
    return (await tx.execute(select(account_t.c.member_id).limit(1))).scalar_one_or_none()


def _tokens(runtime: Runtime, member: MemberId | None) -> dict[str, str]:
    """One per role, for every purpose that the policy knows for it."""
    issuer = DevelopmentTokens.open(runtime.settings)
    register, organisation = runtime.policies.register, runtime.organisation
    store = MERGED.home_store if MERGED.home_store in organisation.stores else min(organisation.stores)
    purposes: dict[str, list[str]] = {}
    for name, purpose in runtime.policies.grants:
        purposes.setdefault(name, []).append(purpose)
    asked = {}
    for role in register.roles.values():
        needs_member = role.kind is RoleKind.MEMBER or role.name == "app_mini_program"
        if needs_member and member is None:
            continue
        asked[role.name] = Ask(
            role=role.name,
            purposes=sorted(purposes.get(role.name, [])),
            stores=[store] if role.name in {"sales_associate", "store_manager"} else [],
            regions=[organisation.region_of(store)] if role.name == "region_manager" else [],
            member=member if needs_member else None,
        )
    now = runtime.clock.now()
    return {name: issuer.issue(ask, register, organisation, now=now) for name, ask in asked.items() if ask.purposes}


def _questions(address: str, tokens: dict[str, str], *, is_demo: bool) -> list[str]:
    by_phone = BY_PHONE % MERGED.phone if is_demo else LIST
    asked = [
        ("A sales associate sees masks:", "sales_associate", "member_service", by_phone),
        ("The CRM, asked the same, sees more:", "app_crm", "customer_support", by_phone),
        ("The member sees everything of their own:", "member", "member_service", ME),
    ]
    lines = []
    for title, role, purpose, query in asked:
        if role in tokens:
            lines += [title, _curl(address, tokens[role], purpose, query), ""]
    return lines


def _curl(address: str, token: str, purpose: str, query: str) -> str:
    return (
        f"  curl -s {address}/graphql -H 'Authorization: Bearer {token}' -H 'X-Purpose: {purpose}' "
        f"-H 'Content-Type: application/json' -d '{orjson.dumps({'query': query}).decode()}'"
    )
