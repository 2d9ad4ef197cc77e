"""Small deliveries and the parser for them; nobody in them is real."""

from datetime import UTC, datetime
from pathlib import Path

from member_hub import organisation, resources
from member_hub.ingest import mapping
from member_hub.ingest.parse import Parser, Record
from member_hub.ingest.readers import FileOptions, open_reader
from member_hub.ingest.records import AccountRecord
from member_hub.ingest.rows import START, BadRow, Position, RawRow
from member_hub.ingest.words import Source

NOW = datetime(2026, 11, 8, tzinfo=UTC)
REGISTER = organisation.load(resources.folder("policies") / "organisation.toml")

WEBSITE = (
    '{"message_id": "m-1", "account": "W100000001", "registered_at": "2024-06-04T14:56:03+08:00",'
    ' "updated_at": "2026-04-24T13:18:33+08:00"%s}'
)
APP = (
    '{"event_id": "e-1", "type": "profile", "user_id": "A100000001", "appid": "wx_mini_2", "openid": "oXbYuxyva59B",'
    ' "unionid": "o6_JJ7dpMSaF", "ts": 1705992813000%s}'
)
STORE_HEADER = "卡号,姓名,性别,手机号,生日,办卡门店,办卡日期,导购工号,会员等级,积分余额,备注"
STORE = "8868331042,刘远超,男,18915088194,1973.6.3,SH035,2026-05-07 12:45:07,E0120,VIP,120,"
ORDERS_HEADER = "order_no,line_no,channel,store,key_kind,key,amount_yuan,ordered_at,status,refund_of"
ORDER = "O00000001,1,website,,website_account,W100000001,240.18,2026-02-03T14:45:44+08:00,paid,"
ACTIVITY_HEADER = "channel,account,day,kind,count"
ACTIVITY = "app,A100000001,2026-09-22,visit,3"


def parser(source: Source, toml: Path | None = None) -> Parser:
    return Parser(mapping.load(source, toml), REGISTER, now=NOW)


def parsed(folder: Path, source: Source, content: str | bytes, toml: Path | None = None) -> list[Record | BadRow]:
    """What a delivery of this content comes to."""
    ending = "jsonl" if source in (Source.WEBSITE, Source.APP) else "csv"
    path = folder / f"delivery.{ending}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(parser(source, toml).open(path).records())


def account(folder: Path, source: Source, content: str, toml: Path | None = None) -> AccountRecord:
    """The one account record that this content comes to."""
    (record,) = parsed(folder, source, content, toml)
    assert isinstance(record, AccountRecord), record
    return record


def read(
    path: Path, content: bytes, options: FileOptions, *, expected: tuple[str, ...] = (), start: Position = START
) -> list[RawRow | BadRow]:
    """The rows of a file of this content."""
    path.write_bytes(content)
    return list(open_reader(path, options, expected).rows(start))


def good(rows: list[RawRow | BadRow]) -> list[dict[str, object]]:
    return [dict(row.fields) for row in rows if isinstance(row, RawRow)]


def bad(rows: list[RawRow | BadRow]) -> list[tuple[int, str]]:
    return [(row.line, str(row.reason)) for row in rows if isinstance(row, BadRow)]
