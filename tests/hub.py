"""A hub for tests of importing: deliveries go in through the real parser and the real importer."""

import itertools
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, func, select

from member_hub import organisation, programme, resources
from member_hub.audit import AuditKeys, AuditLog
from member_hub.clock import Clock
from member_hub.consent import catalogue
from member_hub.counting import Loyalty
from member_hub.crypto import Vault
from member_hub.db import Database, snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.db.embedded import Server
from member_hub.db.provision import AUDIT_ONLY
from member_hub.holders import holders_by
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.queries import Token, find_members
from member_hub.identity.rules import Rules
from member_hub.identity.statements import AccountStatement
from member_hub.ids import MemberId, OriginId
from member_hub.ingest import mapping
from member_hub.ingest.running import Ingester
from member_hub.ingest.summary import Count, Summary
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.merging import Resolution, Resolver
from member_hub.merging.resolution import DEFAULT_RULES
from member_hub.privacy import DataClass
from member_hub.settings import Settings
from member_hub.tables import METADATA
from tests.conftest import Run, admin
from tests.picture import Picture, picture_of

NOW = datetime(2026, 11, 8, 4, tzinfo=UTC)
REGISTER = organisation.load(resources.folder("policies") / "organisation.toml")
PROGRAMME = programme.read(resources.folder("policies") / programme.FILE)
CATALOGUE = catalogue.load(resources.folder("policies") / catalogue.FOLDER / catalogue.FILE)
STORE_HEADER = "卡号,姓名,性别,手机号,生日,办卡门店,办卡日期,导购工号,会员等级,积分余额,备注"
ORDERS_HEADER = "order_no,line_no,channel,store,key_kind,key,amount_yuan,ordered_at,status,refund_of"
ACTIVITY_HEADER = "channel,account,day,kind,count"
FILES = {
    Source.WEBSITE: "website.jsonl",
    Source.APP: "app.jsonl",
    Source.STORE: "store.csv",
    Source.ORDERS: "orders.csv",
    Source.ACTIVITY: "activity.csv",
}

OF_POINTS = (Count.COUNTED, Count.UNCOUNTED, Count.CUT, Count.EARNED, Count.TAKEN_BACK, Count.OPENED, Count.LATE)

account_t = table_of(ChannelAccount)


class StandingClock(Clock):
    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, slots=True)
class Hub:
    database: Database
    vault: Vault
    folder: Path
    clock: Clock
    audit: AuditLog

    @classmethod
    async def open(cls, database: Database, settings: Settings, folder: Path) -> "Hub":
        clock = StandingClock()
        vault = await Vault.open_ring(database, settings, clock)
        return cls(database, vault, folder, clock, AuditLog(database, AuditKeys.open(settings.key_dir)))

    @property
    def organisation(self) -> organisation.Organisation:
        return REGISTER

    @property
    def resolver(self) -> Resolver:
        return Resolver(self.vault, REGISTER, holders_by(self.clock), CATALOGUE)

    @property
    def loyalty(self) -> Loyalty:
        return Loyalty.of(PROGRAMME, self.vault, REGISTER)

    @property
    def ingester(self) -> Ingester:
        return Ingester(self.database, self.vault, self.resolver, REGISTER, self.clock, self.loyalty, self.audit)

    async def ingest(self, source: Source, file: Path, *, dry_run: bool = False) -> Summary:
        return await self.ingester.ingest(file, mapping.load(source), dry_run=dry_run)

    async def deliver(self, source: Source, *rows: str | Mapping[str, object]) -> Summary:
        """Import a file of these rows; objects become lines of JSON, and CSV gets its header."""
        headers = {Source.STORE: STORE_HEADER, Source.ORDERS: ORDERS_HEADER, Source.ACTIVITY: ACTIVITY_HEADER}
        said = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        lines = [headers[source], *said] if source in headers else said
        file = self.folder / FILES[source]
        file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return await self.ingest(source, file)

    async def resolve(self, statements: Sequence[AccountStatement], *, rules: Rules = DEFAULT_RULES) -> Resolution:
        async with transaction(self.database.app) as tx:
            return await replace(self.resolver, rules=rules).resolve(tx, statements, caused_by="a test", now=NOW)

    async def member_of(self, channel: Channel, number: str) -> MemberId:
        """Whose the account is, by the stored accounts themselves."""
        (row,) = [row for row, plain in await self._accounts() if (row.channel, plain) == (channel, number)]
        return MemberId(row.member_id)

    async def origin_of(self, channel: Channel, number: str) -> OriginId:
        (row,) = [row for row, plain in await self._accounts() if (row.channel, plain) == (channel, number)]
        return OriginId(row.origin_id)

    async def finds(self, kind: ClaimKind, namespace: str, value: str) -> MemberId | None:
        """Who is found by an identifier, as an app asks."""
        token: Token = (kind, self.vault.token(kind, namespace, value))
        async with transaction(self.database.app) as tx:
            return (await find_members(tx, [token])).get(token)

    async def rows(self, table: str) -> list[Row[Any]]:
        """Every row of a table, in the order of its key."""
        found = METADATA.tables[table]
        engine = self.database.audit if table in AUDIT_ONLY else self.database.app
        async with snapshot(engine) as tx:
            return list((await tx.execute(select(found).order_by(*found.primary_key))).all())

    async def counts(self) -> dict[str, int]:
        """How many rows every table has."""
        counts = {}
        async with snapshot(self.database.app) as tx:
            for name, table in METADATA.tables.items():
                if name not in AUDIT_ONLY:
                    counts[name] = int((await tx.execute(select(func.count()).select_from(table))).scalar_one())
        return counts

    async def picture(self) -> Picture:
        return await picture_of(self.database, self.vault)

    async def _accounts(self) -> list[tuple[Row[Any], str]]:
        async with snapshot(self.database.app) as tx:
            rows = (await tx.execute(select(account_t))).all()
            keys = await self.vault.keys_for(tx, [(row.origin_id, DataClass.IDENTIFIER) for row in rows])
        return [(row, keys.open(account_t.c.account, row.origin_id, row.account)) for row in rows]


def website(account: str, at: str, **more: object) -> dict[str, object]:
    """A message of the website about an account as it was at a time."""
    moment = _moment(at)
    return {"message_id": f"m-{account}-{at}", "account": account, "registered_at": moment, "updated_at": moment} | more


def app(user_id: str, at: str, **more: object) -> dict[str, object]:
    """An event of the app about an account as it was at a time; a phone is verified then."""
    ms = int(datetime.fromisoformat(_moment(at)).timestamp()) * 1000
    known = {"event_id": f"e-{user_id}-{at}", "type": "profile", "user_id": user_id, "appid": "wx_mini_1", "ts": ms}
    return known | ({"mobile_auth_time": ms} if "mobile" in more else {}) | more


def card(number: str, at: str, *, name: str = "", phone: str = "", **more: str) -> str:
    """A row of the store's cards."""
    gender, birthday, store = more.get("gender", ""), more.get("birthday", ""), more.get("store", "SH001")
    tier, balance, remark = more.get("tier", "基础"), more.get("balance", "0"), more.get("remark", "")
    when = _moment(at).replace("T", " ").removesuffix("+08:00")
    return f"{number},{name},{gender},{phone},{birthday},{store},{when},E0001,{tier},{balance},{remark}"


def order(key: str, number: str, amount: str = "10.00", *, at: str = "2026-05-05", **more: str) -> str:
    """A row of the orders; the channel follows from the key's first letter, a card has none."""
    channel, kind = {"W": ("website", "website_account"), "A": ("app", "app_user")}.get(key[0], ("store", "store_card"))
    store = more.get("store", "SH007" if channel == "store" and "refund_of" not in more else "")
    line, refund_of = more.get("line", "1"), more.get("refund_of", "")
    status = "refunded" if refund_of else "paid"
    return f"{number},{line},{channel},{store},{kind},{key},{amount},{_moment(at)},{status},{refund_of}"


def _moment(at: str) -> str:
    return f"{at}T10:30:00+08:00" if len(at) == 10 else f"{at}+08:00"


def verified(at: str, phone: str) -> dict[str, object]:
    """A phone that was verified at a time, as the website tells it."""
    return {"phone": phone, "phone_verified_at": _moment(at)}


def tally(summary: Summary) -> dict[str, int]:
    """The counts that are not zero, without what was left out or dropped."""
    return {name: number for name, number in summary.counts.items() if number and "." not in name} | summary.quarantined


def of_rows(summary: Summary) -> dict[str, int]:
    """The same without what their lines came to in points."""
    return {name: number for name, number in tally(summary).items() if name not in OF_POINTS}


@pytest.fixture
def hub(database: Database, settings: Settings, tmp_path: Path, run: Run) -> Hub:
    """For the conftest of a folder to take up."""
    opened: Hub = run(Hub.open(database, settings, tmp_path))
    return opened


MakeHub = Callable[[], Awaitable[Hub]]


@pytest.fixture
def make_hub(server: Server, template: str, settings: Settings, tmp_path: Path, run: Run) -> Iterator[MakeHub]:
    """Any number of hubs beside each other, each with keys of its own; for the conftest of a folder to take up."""
    opened: list[Database] = []

    async def make() -> Hub:
        name = f"{template}_made_{next(_numbers)}"
        await admin(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        opened.append(Database.open(server.url(name), role_prefix=template))
        folder = tmp_path / name
        folder.mkdir()
        return await Hub.open(opened[-1], replace(settings, key_dir=folder / "keys"), folder)

    yield make
    for database in opened:
        run(database.close())
        run(admin(server, f'DROP DATABASE "{database.name}" WITH (FORCE)'))


_numbers = itertools.count(1)
