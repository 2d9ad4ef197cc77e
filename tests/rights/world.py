"""A small hub of five people, imported from files: one who has everything, and neighbours who share things with her.

Everything she (顾晓岚) has: accounts in three channels, the one in the app a member of its own until a later event
showed her phone; several values of one field, consents, orders, activity, an old balance; order lines that wait, rows
in quarantine, a candidate and a pair to be kept apart, a member code and an approval. Beside her: 何立 shares her
tablet and keeps apart, and has a code and an approval of his own; 顾明 typed her phone on his card; 赵旧 had a phone
number that 孙新 verified later.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from member_hub import approving, benefits, organisation, points, programme, resources, revealing, tiers, till
from member_hub.access import CallerKind, RowScope, system_caller
from member_hub.benefits.words import IssueReason
from member_hub.clock import Clock
from member_hub.consent import catalogue
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot
from member_hub.consent.tables import ConsentEvidence, GuardianLink, NoticeServed, Objection
from member_hub.consent.words import Act, Actor, ConsentState, Method
from member_hub.counting import Loyalty
from member_hub.crypto import KeySet, Ledger, Vault, sealed_row
from member_hub.db import Database, snapshot, transaction
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.db.provision import AUDIT_ONLY
from member_hub.holders import HOLDERS, holders_by
from member_hub.idempotency import RequestKey
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.queries import find_members
from member_hub.identity.statements import AccountStatement
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.ingest import mapping
from member_hub.ingest.parse import Parser
from member_hub.ingest.records import AccountRecord
from member_hub.ingest.running import Ingester
from member_hub.ingest.summary import Summary
from member_hub.ingest.words import Source
from member_hub.members.gates import MinorApproval
from member_hub.members.reading import Visible
from member_hub.members.row_gate import RowGate
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.members.taggings import Tagging
from member_hub.merging import Resolver
from member_hub.merging.apart import keep_apart
from member_hub.privacy import DataClass, Person, ProfileField, Purpose
from member_hub.rights import Erasure, erase, export, find_person, hold_person
from member_hub.settings import Settings
from member_hub.sign_in.tables import OneTimeCode, SecondTry, Session
from member_hub.tables import METADATA
from member_hub.tags.tables import TagDue
from member_hub.telling.tables import NoticeTask

NOW = datetime(2026, 11, 8, 4, tzinfo=UTC)
REGISTER = organisation.load(resources.folder("policies") / "organisation.toml")
PROGRAMME = programme.read(resources.folder("policies") / programme.FILE)
CATALOGUE = catalogue.load(resources.folder("policies") / catalogue.FOLDER / catalogue.FILE)

# Hers.
PHONE, EMAIL, OLD_EMAIL = "13911112222", "xiaolan.gu@163.com", "xiaolan1990@qq.com"
WEBSITE, USER_ID, CARD = "W100000001", "A100000001", "8810000001"
OPENID, UNIONID, TABLET = "oXguxiaolan0000000000000001", "o6_guxiaolan000000000000001", "ipad-store-07"
LATE_USER_ID = "A100000099"  # an app account that comes while its order line still waits
SLIP, RELATION = "slip 4711", "mother, household register 88"
NAME, STREET = "顾晓岚", "梧桐路88号3栋1202室"
HERS = (
    (ClaimKind.PHONE, "", f"+86{PHONE}"),
    (ClaimKind.EMAIL, "", EMAIL),
    (ClaimKind.ACCOUNT, "website", WEBSITE),
    (ClaimKind.ACCOUNT, "wx_mini_1", USER_ID),
    (ClaimKind.ACCOUNT, "wx_mini_2", LATE_USER_ID),
    (ClaimKind.CARD, "brand", CARD),
    (ClaimKind.OPENID, "wx_mini_1", OPENID),
    (ClaimKind.UNIONID, "wechat", UNIONID),
)
# Her neighbours'.
TABLET_USER = "A200000002"
KEPT_APART = "W300000003"
CARD_OF_MING = "8840000004"
OLD_OWNER, NEW_OWNER, RECYCLED = "W500000005", "W600000006", "13722223333"


PERSONAL_TABLES = sorted({table for holder in HOLDERS for table in holder.tables})


class StandingClock(Clock):
    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, slots=True)
class World:
    """The hub, with its folders."""

    database: Database
    settings: Settings
    vault: Vault
    ledger: Ledger

    @classmethod
    async def open(cls, database: Database, settings: Settings) -> "World":
        vault = await Vault.open_ring(database, settings, StandingClock())
        return cls(database, settings, vault, Ledger.open(settings.ledger_dir))

    @property
    def resolver(self) -> Resolver:
        return Resolver(self.vault, REGISTER, holders_by(StandingClock()), CATALOGUE)

    async def deliver(self, source: Source, folder: Path, content: str) -> Summary:
        """Import a file of this content."""
        ending = "jsonl" if source in (Source.WEBSITE, Source.APP) else "csv"
        path = folder / f"{source}.{ending}"
        path.write_text(content, "utf-8")
        loyalty = Loyalty.of(PROGRAMME, self.vault, REGISTER)
        ingester = Ingester(self.database, self.vault, self.resolver, REGISTER, StandingClock(), loyalty)
        return await ingester.ingest(path, mapping.load(source))

    async def member_of(self, channel: Channel, account: str) -> MemberId:
        """Whose the account is, by the stored accounts themselves."""
        found = [row.member_id for row in await self.accounts() if row.number == account and row.channel == channel]
        assert len(found) == 1
        return MemberId(found[0])

    async def origin_of(self, channel: Channel, account: str) -> OriginId:
        found = [row.origin_id for row in await self.accounts() if row.number == account and row.channel == channel]
        assert len(found) == 1
        return OriginId(found[0])

    async def accounts(self) -> list["Account"]:
        account_t = table_of(ChannelAccount)
        async with snapshot(self.database.app) as tx:
            rows = (await tx.execute(select(account_t))).all()
            keys = await self.vault.keys_for(tx, [(row.origin_id, DataClass.IDENTIFIER) for row in rows])
            return [
                Account(
                    row.origin_id,
                    row.member_id,
                    row.channel,
                    keys.open(account_t.c.account, row.origin_id, row.account),
                )
                for row in rows
            ]

    async def found_by(self, *identifiers: tuple[ClaimKind, str, str]) -> list[MemberId | None]:
        """Who is found by each (kind, namespace, value)."""
        tokens = [(kind, self.vault.token(kind, namespace, value)) for kind, namespace, value in identifiers]
        async with transaction(self.database.app) as tx:
            found = await find_members(tx, tokens)
        return [found.get(token) for token in tokens]

    async def person(self, member_id: MemberId) -> Person:
        async with snapshot(self.database.app) as tx:
            return await find_person(tx, self.vault, member_id)

    async def export(self, member_id: MemberId) -> dict[str, Any]:
        """As the command line does it."""
        async with snapshot(self.database.app) as tx:
            return await export(tx, self.vault, HOLDERS, await find_person(tx, self.vault, member_id))

    async def erase(self, member_id: MemberId, *, ledger: Ledger | None = None) -> Erasure:
        """As the command line does it."""
        async with transaction(self.database.app) as tx:
            person = await hold_person(tx, self.vault, member_id)
            return await erase(tx, self.vault, ledger or self.ledger, HOLDERS, person, now=NOW)

    async def rows(self, table: str) -> list[Row[Any]]:
        """Every row of a table, in the order of its key."""
        found = METADATA.tables[table]
        engine = self.database.audit if table in AUDIT_ONLY else self.database.app
        async with snapshot(engine) as tx:
            return list((await tx.execute(select(found).order_by(*found.primary_key))).all())

    async def counts(self, *tables: str) -> dict[str, int]:
        return {table: len(await self.rows(table)) for table in tables or PERSONAL_TABLES}


@dataclass(frozen=True, slots=True)
class Account:
    """A stored channel account, with its number opened."""

    origin_id: OriginId
    member_id: MemberId
    channel: str
    number: str


async def populate(world: World, folder: Path) -> None:
    """Import everything, in several deliveries."""
    await world.deliver(Source.WEBSITE, folder, lines(*WEBSITE_MESSAGES) + BROKEN_MESSAGE)
    await world.deliver(Source.APP, folder, lines(*APP_EVENTS))
    await world.deliver(Source.APP, folder, lines(HER_APP_LATER))
    await world.deliver(Source.STORE, folder, CARDS)
    await world.deliver(Source.ORDERS, folder, ORDERS)
    await world.deliver(Source.ACTIVITY, folder, ACTIVITY)
    async with transaction(world.database.app) as tx:  # not by ingest, which would apply the lines that wait
        await world.resolver.resolve(tx, [_late_account(folder)], caused_by="a test", now=NOW)
    pair = (Channel.WEBSITE, WEBSITE), (Channel.WEBSITE, KEPT_APART)
    await keep_apart(world.database, world.resolver, *pair, reason="member_asked", said_by="a test", now=NOW)
    for account in (WEBSITE, KEPT_APART):
        await _at_the_till(world, await world.member_of(Channel.WEBSITE, account))
    await _sign_in(world)
    await decide(world)
    await _points(world)
    await _benefits(world)
    await _tag(world)


async def decide(world: World) -> None:
    """She was informed, signed a slip for messages to her phone, objects to profiling, and has a guardian; of her and
    of 何立, who was informed, too, somebody may see the data once."""
    member, other = [await world.member_of(Channel.WEBSITE, one) for one in (WEBSITE, KEPT_APART)]
    origin = await world.origin_of(Channel.WEBSITE, WEBSITE)
    served = {"served_id": uuid7(), "notice_id": uuid7(), "locale": "zh", "by_way_of": "store", "asked": []}
    about = Slot("marketing", "", "sms", world.vault.token(ClaimKind.PHONE, "", f"+86{PHONE}"))
    async with transaction(world.database.app) as tx:
        for who in (member, other):
            told = {"served_by": "S-1", "served_at": NOW, "is_by_member": False}
            await tx.execute(table_of(NoticeServed).insert(), served | told | {"member_id": who})
            approval = {"approval_id": uuid7(), "kind": "single_use", "handler": "brand", "role": "support_agent"}
            until = {"approved_by": "S-2", "approved_at": NOW, "expires_at": NOW, "member_id": who}
            await tx.execute(table_of(MinorApproval).insert(), approval | until)
        event_id = (await record(tx, world.vault, [_slip(member, origin, about)], now=NOW))[0]
        keys = await world.vault.keys_for(tx, [(origin, DataClass.CONSENT)], create=True)
        place = sealed_row(ConsentEvidence, {"event_id": event_id})
        slip = {"member_id": member, "event_id": event_id, "origin_id": origin, "kind": "signed_slip"}
        slip["reference"] = keys.seal(table_of(ConsentEvidence).c.reference, origin, SLIP, row=place)
        await tx.execute(table_of(ConsentEvidence).insert(), slip)
        objects = {
            "member_id": member,
            "objection_id": uuid7(),
            "origin_id": origin,
            "also": [],
            "scope": ["profiling"],
        }
        placed = {"actor": "member", "placed_by": "member", "placed_at": NOW}
        await tx.execute(table_of(Objection).insert(), objects | placed)
        await tx.execute(table_of(GuardianLink).insert(), _link(keys, member, origin, MemberId(uuid7())))
        await settle(tx, [member], catalogue=CATALOGUE, now=NOW)


async def is_guardian(world: World) -> MemberId:
    """何立 is taken for a child, and she for the guardian."""
    member, child = [await world.member_of(Channel.WEBSITE, one) for one in (WEBSITE, KEPT_APART)]
    origin = await world.origin_of(Channel.WEBSITE, KEPT_APART)
    async with transaction(world.database.app) as tx:
        keys = await world.vault.keys_for(tx, [(origin, DataClass.CONSENT)], create=True)
        await tx.execute(table_of(GuardianLink).insert(), _link(keys, child, origin, member))
    return child


def _slip(member: MemberId, origin: OriginId, about: Slot) -> NewEvent:
    return NewEvent(
        member_id=member,
        origin_id=origin,
        also=frozenset(),
        handler="brand",
        slot=about,
        contact_kind="phone",
        act=Act.GRANT,
        state_from=ConsentState.ASKED,
        state_to=ConsentState.GRANTED,
        actor=Actor.STAFF_ON_BEHALF,
        acted_by="S-1",
        method=Method.PAPER,
        occurred_at=NOW,
    )


def _link(keys: KeySet, child: MemberId, origin: OriginId, guardian: MemberId) -> dict[str, object]:
    link_id = uuid7()
    relation = keys.seal(
        table_of(GuardianLink).c.relation, origin, RELATION, row=sealed_row(GuardianLink, {"link_id": link_id})
    )
    known = {"member_id": child, "link_id": link_id, "origin_id": origin, "guardian_id": guardian}
    return known | {"state": "active", "proposed_by": "member", "proposed_at": NOW, "relation": relation}


async def _points(world: World) -> None:
    """She has points of an order beside those of the files, some of them on hold, more proposed, and a tier."""
    member = await world.member_of(Channel.WEBSITE, WEBSITE)
    rules = points.rules_of(PROGRAMME["points"])
    asked = points.Asked(points.Programme(world.vault, REGISTER, rules), NOW, None)
    hub = system_caller(subject="a test", purpose=Purpose.MEMBER_SERVICE, request_id=uuid7())
    bought, line = NOW - timedelta(days=30), points.Line("store", "P-1", 1)
    earning = points.Earning(points.LotKind.PURCHASE, 10_000, occurred_at=bought)
    async with transaction(world.database.app) as tx:
        await points.earn_for_order_line(tx, hub, member, asked=asked, line=line, earning=earning)
        await points.hold(tx, hub, member, asked=asked, amount=40)
        more = approving.Proposal(approving.ProposedAct.POINTS_ADJUST, points.Reason.GOODWILL.value, amount=5_000)
        await approving.propose(tx, world.vault, hub, member, more, now=NOW)
        await tiers.review(tx, tiers.Programme(tiers.rules_of(PROGRAMME["tiers"])), [member], now=NOW, caller=hub)


async def _benefits(world: World) -> None:
    """She was given a coupon, and used it."""
    member = await world.member_of(Channel.WEBSITE, WEBSITE)
    parts = programme.read(resources.folder("policies") / "programme.toml")
    desk = benefits.Desk(world.vault, REGISTER, benefits.rules_of(parts["benefits"], tiers.rules_of(parts["tiers"])))
    hub = system_caller(subject="a test", purpose=Purpose.MEMBER_SERVICE, request_id=uuid7())
    key = partial(RequestKey, "a test", request=b"")
    async with transaction(world.database.app) as tx:
        asked = benefits.Asked(desk, NOW, key(key="issue"))
        await benefits.issue(tx, hub, member, asked=asked, code="goodwill_coupon", reason=IssueReason.GOODWILL)
        asked = benefits.Asked(desk, NOW, key(key="use"))
        await benefits.use(tx, hub, member, asked=asked, said=benefits.Using("goodwill_coupon", store="SH001"))


async def _tag(world: World) -> None:
    """Somebody gave her a tag, and others are due; what the hub gave her went when she objected to profiling."""
    member, origin = await world.member_of(Channel.WEBSITE, WEBSITE), await world.origin_of(Channel.WEBSITE, WEBSITE)
    row = {"member_id": member, "tag": "do_not_contact", "given_id": uuid7(), "handler": "brand", "how": "hand"}
    row |= {"origins": [origin], "since": NOW, "given_by": "corp:E0001", "version": 1}
    row |= {"is_profiling": False, "restricted_by": 0}
    async with transaction(world.database.app) as tx:
        await tx.execute(table_of(Tagging).insert(), row)
        await tx.execute(table_of(TagDue).insert(), {"member_id": member, "due_at": NOW})


async def _at_the_till(world: World, member_id: MemberId) -> None:
    """A member code is shown, and somebody may see the phone."""
    async with transaction(world.database.app) as tx:
        gate = RowGate(Purpose.MEMBER_SERVICE, "", None, 0, None, frozenset(), "", needs_consent=False, at=NOW)
        visible = Visible(RowScope.SELF, frozenset(), None, member_id, NOW, gate)
        await till.issue(tx, world.vault, visible, member_id)
        await approve_a_reveal(tx, member_id)


async def approve_a_reveal(tx: Tx, member_id: MemberId) -> None:
    """A manager lets a colleague see the phone."""
    hub = system_caller(subject="S-1", purpose=Purpose.MEMBER_SERVICE, request_id=uuid7())
    manager = replace(hub, kind=CallerKind.STAFF)
    await revealing.approve(tx, manager, member_id, field=ProfileField.PHONE, granted_to="S-2", now=NOW)


async def _sign_in(world: World) -> None:
    """A code was sent to her phone, she signed in, and there is something that she has to be told."""
    member = await world.member_of(Channel.WEBSITE, WEBSITE)
    token = world.vault.token(ClaimKind.PHONE, "", f"+86{PHONE}")
    code = {"code_id": uuid7(), "phone_token": token, "address_token": b"a", "purpose": "sign_in", "code_digest": b"d"}
    session = {"session_id": uuid7(), "member_id": member, "started_at": NOW, "expires_at": NOW}
    task = {"task_id": uuid7(), "member_id": member, "kind": "phone_released", "created_at": NOW}
    async with transaction(world.database.app) as tx:
        await tx.execute(table_of(OneTimeCode).insert(), code | {"created_at": NOW, "expires_at": NOW})
        await tx.execute(table_of(SecondTry).insert(), {"try_id": uuid7(), "phone_token": token, "tried_at": NOW})
        await tx.execute(table_of(Session).insert(), session)
        await tx.execute(table_of(NoticeTask).insert(), task)


async def keep_apart_from_her_app(world: World) -> None:
    """Somebody says that her account in the app is not hers: the member is split."""
    pair = (Channel.WEBSITE, WEBSITE), (Channel.APP, USER_ID)
    await keep_apart(world.database, world.resolver, *pair, reason="different_people", said_by="a test", now=NOW)


def website(account: str, at: str, **more: object) -> dict[str, object]:
    """A message of the website about an account as it was at a time."""
    moment = f"{at}T10:30:00+08:00"
    return {"message_id": f"m-{account}-{at}", "account": account, "registered_at": moment, "updated_at": moment} | more


def app(user_id: str, at: str, **more: object) -> dict[str, object]:
    """An event of the app about an account as it was at a time."""
    ms = int(datetime.fromisoformat(f"{at}T10:30:00+08:00").timestamp()) * 1000
    known = {"event_id": f"e-{user_id}-{at}", "type": "profile", "user_id": user_id, "appid": "wx_mini_1", "ts": ms}
    return known | ({"mobile_auth_time": ms} if "mobile" in more else {}) | more


def lines(*messages: Mapping[str, object]) -> str:
    return "".join(f"{json.dumps(message, ensure_ascii=False)}\n" for message in messages)


def _consent(purpose: str, at: str, *, granted: bool) -> dict[str, object]:
    return {"purpose": purpose, "granted": granted, "at": f"{at}T10:30:00+08:00", "notice": "website-2024-01"}


HER_ADDRESS = {"province": "山东省", "city": "青岛市", "district": "市南区", "street": STREET, "receiver": "王收件"}
HER_FIRST = website(
    WEBSITE, "2024-03-05", name=NAME, gender="F", birthday="1990-04-12", phone="139 1111 2222",
    phone_verified_at="2024-03-05T10:31:00+08:00", email=OLD_EMAIL, email_verified=True, address=HER_ADDRESS,
    consents=[_consent(purpose, "2024-03-05", granted=True) for purpose in ("service_terms", "marketing_sms")],
)  # fmt: skip
HER_UPDATE = website(
    WEBSITE, "2026-04-24", name=NAME, gender="F", birthday="1990-04-12", phone=PHONE,
    phone_verified_at="2026-04-24T10:31:00+08:00", email=EMAIL, email_verified=True, address=HER_ADDRESS,
    consents=[_consent("marketing_sms", "2026-04-24", granted=False)],
)  # fmt: skip
HE_LI = website(
    KEPT_APART, "2025-01-20", name="何立", gender="M", phone="13633334444",
    phone_verified_at="2025-01-20T10:31:00+08:00", email="li.he.demo@163.com", email_verified=True,
)  # fmt: skip
ZHAO = website(
    OLD_OWNER, "2023-02-14", name="赵旧", phone=RECYCLED, phone_verified_at="2023-02-14T10:31:00+08:00",
    email="jiu.zhao.demo@163.com", email_verified=True,
)  # fmt: skip
SUN = website(
    NEW_OWNER, "2026-03-08", name="孙新", phone=RECYCLED, phone_verified_at="2026-03-08T10:31:00+08:00",
    email="xin.sun.demo@163.com", email_verified=True,
)  # fmt: skip
# Refused: by her account number; without a number, by her e-mail; of He Li, by his number.
REFUSED = (
    website(WEBSITE, "2026-05-05", name=NAME) | {"updated_at": "2026-02-30"},
    website("", "2026-05-06", name=NAME, email=EMAIL) | {"message_id": "m-no-number"},
    website(KEPT_APART, "2026-05-07", name="何立") | {"updated_at": "2026-02-30"},
)
WEBSITE_MESSAGES = (HER_FIRST, HER_UPDATE, HE_LI, ZHAO, SUN, *REFUSED)
# Cut off: all that it has is a phone that Gu Ming states, too.
BROKEN_MESSAGE = '{"message_id": "m-cut", "name": "顾", "phone": "+86 139-1111-2222", "upd\n'

HER_APP = app(USER_ID, "2025-07-01", openid=OPENID, unionid=UNIONID, device_id=TABLET, birth="1990-04-12")
HER_APP_LATER = app(
    USER_ID, "2026-05-01", openid=OPENID, unionid=UNIONID, device_id=TABLET, birth="1990-04-12", mobile=PHONE
)
AT_THE_TABLET = app(
    TABLET_USER, "2025-08-01", openid="oXsomebodyelse000000000000002", unionid="o6_somebodyelse00000000000002",
    device_id=TABLET,
)  # fmt: skip
REFUSED_AT_THE_TABLET = app("", "2025-08-02", openid="oXstranger0000000000000000003", device_id=TABLET)
APP_EVENTS = (HER_APP, AT_THE_TABLET, REFUSED_AT_THE_TABLET)

CARDS = f"""卡号,姓名,性别,手机号,生日,办卡门店,办卡日期,导购工号,会员等级,积分余额,备注
{CARD},{NAME},女,{PHONE},1990/04/12,SH007,2025-12-06 10:30:00,E0001,核心,1280,喜欢浅色
{CARD_OF_MING},顾明,男,{PHONE},1960-01-02,SH015,2026-06-01 10:30:00,E0002,VIP,50,
"""
ORDERS = f"""order_no,line_no,channel,store,key_kind,key,amount_yuan,ordered_at,status,refund_of
O90000001,1,website,,website_account,{WEBSITE},268.00,2024-03-09T10:30:00+08:00,paid,
O90000002,1,app,,app_user,{USER_ID},159.90,2026-02-03T10:30:00+08:00,paid,
O90000003,1,store,SH007,store_card,{CARD},499.00,2026-08-08T10:30:00+08:00,paid,
O90000004,1,store,,store_card,{CARD},-99.00,2026-08-12T10:30:00+08:00,refunded,O90000003/1
O90000005,1,store,SH015,store_card,{CARD_OF_MING},88.00,2026-07-01T10:30:00+08:00,paid,
O90000006,1,app,,app_user,{LATE_USER_ID},77.70,2026-09-01T10:30:00+08:00,paid,
O90000007,1,store,SH007,store_card,{CARD},lots,2026-09-02T10:30:00+08:00,paid,
O90000008,1,store,SH015,store_card,{CARD_OF_MING},lots,2026-09-03T10:30:00+08:00,paid,
"""
ACTIVITY = f"""channel,account,day,kind,count
website,{WEBSITE},2026-10-12,visit,2
app,{USER_ID},2026-10-12,check_in,1
app,{TABLET_USER},2026-10-20,visit,3
"""


def _late_account(folder: Path) -> AccountStatement:
    """What an event says about her second app account, known to be hers by the unionid."""
    path = folder / "late.jsonl"
    event = app(LATE_USER_ID, "2026-09-05", openid="oXguxiaolan0000000000000002", unionid=UNIONID)
    path.write_text(lines(event | {"appid": "wx_mini_2"}), "utf-8")
    (record,) = Parser(mapping.load(Source.APP), REGISTER, now=NOW).open(path).records()
    assert isinstance(record, AccountRecord)
    return record.statement
