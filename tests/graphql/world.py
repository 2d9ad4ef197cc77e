"""A hub with a few people, and callers of every role who ask it through HTTP in process."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from sqlalchemy import select

from member_hub.access import Ask, DevelopmentTokens
from member_hub.audit.tables import AuditEntry
from member_hub.clock import Clock
from member_hub.db import Database, transaction
from member_hub.db.bulk import table_of
from member_hub.holders import holders_by
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import AccountStatement, StatedConsent, StatedIdentifier, StatedValue, own_kind
from member_hub.ids import MemberId
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel
from member_hub.orders.actions import Orders
from member_hub.orders.rules import OrderStatement, OrderStatus
from member_hub.privacy import ProfileField
from member_hub.runtime import Runtime, open_runtime
from member_hub.settings import Settings
from member_hub.web import make_app

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NAMESPACES = {Channel.WEBSITE: "website", Channel.APP: "wx_mini_1", Channel.STORE: "brand"}
STRENGTHS = {Channel.WEBSITE: SourceStrength.SELF_DECLARED, Channel.APP: SourceStrength.SELF_DECLARED}
PURPOSES = {
    "member": "member_service",
    "guardian": "member_service",
    "sales_associate": "member_service",
    "store_manager": "member_service",
    "region_manager": "member_service",
    "support_agent": "customer_support",
    "membership_manager": "analytics",
    "marketing_analyst": "analytics",
    "dpo": "rights_handling",
    "auditor": "security_audit",
    "system_admin": "system_operation",
    "app_checkout": "member_service",
    "app_crm": "member_service",
    "app_mini_program": "member_service",
}
PLACES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "sales_associate": {"stores": ["SH001"]},
    "store_manager": {"stores": ["SH001"]},
    "region_manager": {"regions": ["east"]},
}
ONE_MEMBERS = frozenset({"member", "guardian"})  # roles whose tokens say for which member they speak
audit_t = table_of(AuditEntry)


class StandingClock(Clock):
    """Stands still unless it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


@dataclass
class World:
    """The hub, its clock, and how to ask it."""

    hub: Runtime
    clock: StandingClock
    tokens: DevelopmentTokens
    client: httpx2.AsyncClient

    def token(self, role: str, *, purposes: Sequence[str] = (), **claims: Any) -> str:
        stated = Ask(role=role, purposes=list(purposes) or [PURPOSES[role]], **{**PLACES.get(role, {}), **claims})
        return self.tokens.issue(stated, self.hub.policies.register, self.hub.organisation, now=self.clock.now())

    async def post(self, role: str, query: str, *, headers: Mapping[str, str] = {}, **about: Any) -> httpx2.Response:
        """Ask in a role; `variables` and what the token shall carry in `about`."""
        variables = about.pop("variables", None)
        purpose = about.pop("purpose", None)
        if purpose is not None:
            about["purposes"] = [purpose]
        sent = {"Authorization": f"Bearer {self.token(role, **about)}", **headers}
        return await self.client.post("/graphql", json={"query": query, "variables": variables}, headers=sent)

    async def ask(self, role: str, query: str, **about: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = (await self.post(role, query, **about)).json()
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]
        return found

    async def refused(self, role: str, query: str, **about: Any) -> list[str]:
        """The codes of an answer's errors."""
        answer = (await self.post(role, query, **about)).json()
        return [error["extensions"]["code"] for error in answer.get("errors", [])]

    async def audited(self) -> list[Any]:
        """Every entry, in order."""
        async with transaction(self.hub.database.audit) as tx:
            return list(await tx.execute(select(audit_t).order_by(audit_t.c.sequence)))

    async def resolve(self, *statements: AccountStatement) -> list[MemberId]:
        async with transaction(self.hub.database.app) as tx:
            done = await self.hub.resolver.resolve(tx, statements, caused_by="test", now=self.clock.now())
            return [outcome.member_id for outcome in done.outcomes]

    async def buy(self, *lines: OrderStatement) -> None:
        async with transaction(self.hub.database.app) as tx:
            await Orders(self.hub.vault, self.hub.organisation).apply_orders(tx, lines, now=self.clock.now())


@asynccontextmanager
async def open_world(database: Database, settings: Settings) -> AsyncIterator[World]:
    clock = StandingClock(NOW)
    async with open_runtime(settings, clock, database, holders_by(clock)) as hub:
        transport = httpx2.ASGITransport(make_app(hub))
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
            yield World(hub, clock, DevelopmentTokens.open(settings), client)


def said(
    channel: Channel,
    account: str,
    *,
    at: datetime = NOW - timedelta(days=10),
    phone: str | None = None,
    phone_verified: bool = False,
    email: str | None = None,
    unionid: str | None = None,
    openid: str | None = None,
    device: str | None = None,
    home_store: str | None = None,
    opening_balance: int | None = None,
    consented: bool = False,
    **values: str,
) -> AccountStatement:
    """What an account states; `values` by field name."""
    namespace = NAMESPACES[channel]
    stated = [
        (own_kind(channel), namespace, account, True),
        (ClaimKind.PHONE, "", phone, phone_verified),
        (ClaimKind.EMAIL, "", email, True),
        (ClaimKind.UNIONID, "wechat", unionid, True),
        (ClaimKind.OPENID, namespace, openid, True),
        (ClaimKind.DEVICE, str(channel), device, False),
    ]
    consents = (StatedConsent("marketing", granted=True, at=at, notice="v1"),) if consented else ()
    return AccountStatement(
        channel=channel,
        namespace=namespace,
        account=account,
        event_time=at,
        first_seen=at,
        strength=STRENGTHS.get(channel, SourceStrength.STAFF),
        identifiers=tuple(StatedIdentifier(k, n, v, at if ok else None) for k, n, v, ok in stated if v is not None),
        values=tuple(StatedValue(ProfileField(field), value) for field, value in values.items()),
        consents=consents,
        home_store=home_store,
        opening_balance=opening_balance,
    )


def line(
    order_no: str,
    account: tuple[Channel, str],
    *,
    store: str | None = None,
    fen: int = 10_000,
    at: datetime = NOW - timedelta(days=30),
    line_no: int = 1,
    refund_of: str | None = None,
) -> OrderStatement:
    channel = Channel.STORE if store else account[0]
    return OrderStatement(
        channel=channel,
        order_no=order_no,
        line_no=line_no,
        account_channel=account[0],
        account=account[1],
        store=store,
        amount_fen=fen,
        ordered_at=at,
        status=OrderStatus.REFUNDED if refund_of else OrderStatus.PAID,
        refund_of_order=refund_of,
        refund_of_line=1 if refund_of else None,
    )


@dataclass(frozen=True)
class People:
    """Who there is; ids of members."""

    whole: MemberId  # has everything, at home in SH001 (east)
    merged: MemberId  # an id that went into `whole`
    southern: MemberId  # at home in SH014 (south), never in the east
    visitor: MemberId  # at home in SH014, bought in SH001 lately
    former: MemberId  # at home in SH014, bought in SH001 more than twelve months ago


WHOLE = {
    "name": "欧阳娜娜",
    "phone": "+8613812345670",
    "email": "nana.ouyang@brandmail.cn",
    "birthday": "1991-02-03",
    "gender": "F",
    "address": "浙江省杭州市西湖区文三路1号",
    "website": "W105571089",
    "app": "app-user-700001",
    "card": "8868331042",
    "unionid": "oUnion-abcdefg-0001",
    "openid": "oOpen-hijklmn-0001",
    "device": "device-opqrstu-0001",
}


async def settle(world: World) -> People:
    """Everybody moves in."""
    website = said(
        Channel.WEBSITE,
        WHOLE["website"],
        at=NOW - timedelta(days=400),
        phone=WHOLE["phone"],
        phone_verified=True,
        email=WHOLE["email"],
        consented=True,
        name=WHOLE["name"],
        birthday=WHOLE["birthday"],
        gender=WHOLE["gender"],
        address=WHOLE["address"],
    )
    app = said(
        Channel.APP,
        WHOLE["app"],
        at=NOW - timedelta(days=300),
        unionid=WHOLE["unionid"],
        openid=WHOLE["openid"],
        device=WHOLE["device"],
    )
    card = said(
        Channel.STORE,
        WHOLE["card"],
        at=NOW - timedelta(days=200),
        phone=WHOLE["phone"],
        home_store="SH001",
        opening_balance=1200,
        name=WHOLE["name"],
    )
    known = StatedIdentifier(ClaimKind.PHONE, "", WHOLE["phone"], NOW - timedelta(days=100))
    whole, merged = await world.resolve(website, app)
    at = NOW - timedelta(days=100)
    await world.resolve(card, replace(app, event_time=at, identifiers=(*app.identifiers, known)))
    others = [
        said(Channel.STORE, "1000000001", phone="+8613912345671", home_store="SH014", name="张三"),
        said(Channel.STORE, "1000000002", phone="+8613912345672", home_store="SH014", name="李四"),
        said(Channel.STORE, "1000000003", phone="+8613912345673", home_store="SH014", name="王小明"),
    ]
    southern, visitor, former = await world.resolve(*others)
    await _shop(world)
    return People(whole, merged, southern, visitor, former)


async def _shop(world: World) -> None:
    await world.buy(
        line("O-1", (Channel.WEBSITE, WHOLE["website"]), fen=25_990, at=NOW - timedelta(days=60)),
        line("O-2", (Channel.STORE, WHOLE["card"]), store="SH001", fen=12_000, at=NOW - timedelta(days=50)),
        line(
            "O-3",
            (Channel.STORE, WHOLE["card"]),
            store="SH001",
            fen=-12_000,
            at=NOW - timedelta(days=40),
            refund_of="O-2",
        ),
        line("O-4", (Channel.STORE, "1000000002"), store="SH001"),
        line("O-5", (Channel.STORE, "1000000003"), store="SH001", at=NOW - timedelta(days=400)),
    )
