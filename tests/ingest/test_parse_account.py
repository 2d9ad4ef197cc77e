from datetime import UTC, datetime
from pathlib import Path

import pytest

from member_hub.errors import Misconfigured
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import StatedConsent, StatedIdentifier, StatedValue
from member_hub.ingest import mapping
from member_hub.ingest.cells import NAMES_MAX
from member_hub.ingest.parse import Parser
from member_hub.ingest.records import AccountRecord
from member_hub.ingest.rows import BadRow
from member_hub.ingest.words import Source
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel
from member_hub.privacy import ProfileField
from tests.ingest.samples import APP, NOW, REGISTER, STORE, STORE_HEADER, WEBSITE, account, parsed

REGISTERED = datetime(2024, 6, 4, 6, 56, 3, tzinfo=UTC)
UPDATED = datetime(2026, 4, 24, 5, 18, 33, tzinfo=UTC)
SENT = datetime(2024, 1, 23, 6, 53, 33, tzinfo=UTC)
ISSUED = datetime(2026, 5, 7, 4, 45, 7, tzinfo=UTC)


def store_row(**changes: str) -> str:
    cells = dict(zip(STORE_HEADER.split(","), STORE.split(","), strict=True)) | changes
    return f"{STORE_HEADER}\r\n{','.join(cells.values())}\r\n"


def test_a_website_account_is_read_as_it_was_at_its_time(tmp_path: Path) -> None:
    record = account(
        tmp_path,
        Source.WEBSITE,
        WEBSITE % ', "name": " 毛 涛平", "gender": "F", "birthday": "1961年2月3日", "phone": "+8613898524520",'
        ' "phone_verified_at": "2024-06-04T14:57:03+08:00", "email": "X@FOXMAIL.COM", "email_verified": true',
    )

    stated = record.statement
    assert (record.message_id, record.line) == ("m-1", 1)
    assert (stated.channel, stated.namespace, stated.account) == (Channel.WEBSITE, "website", "W100000001")
    assert (stated.first_seen, stated.event_time) == (REGISTERED, UPDATED)
    assert stated.strength is SourceStrength.SELF_DECLARED
    assert stated.identifiers == (
        StatedIdentifier(ClaimKind.ACCOUNT, "website", "W100000001", UPDATED),
        StatedIdentifier(ClaimKind.PHONE, "", "+8613898524520", datetime(2024, 6, 4, 6, 57, 3, tzinfo=UTC)),
        StatedIdentifier(ClaimKind.EMAIL, "", "x@foxmail.com", UPDATED, is_dated=False),
    )
    assert stated.values == (
        StatedValue(ProfileField.NAME, "毛涛平"),
        StatedValue(ProfileField.GENDER, "F"),
        StatedValue(ProfileField.BIRTHDAY, "1961-02-03"),
    )
    assert (record.dropped, record.left_out) == ((), ())


def test_an_address_is_joined_and_the_receiver_is_left_out(tmp_path: Path) -> None:
    record = account(
        tmp_path,
        Source.WEBSITE,
        WEBSITE % ', "address": {"province": "浙江省", "city": "杭州市", "district": "西湖区", "street": "文三路1号",'
        ' "receiver": "李娜", "floor": 3}',
    )

    assert record.statement.values == (StatedValue(ProfileField.ADDRESS, "浙江省杭州市西湖区文三路1号"),)
    assert record.left_out == ("address.floor", "address.receiver")


def test_an_app_event_states_its_ids_each_in_its_namespace(tmp_path: Path) -> None:
    record = account(
        tmp_path,
        Source.APP,
        APP % ', "device_id": "dev-1", "nickname": "小文", "birth": "19900501", "city": "深圳市", "push_opt_in": false,'
        ' "mobile": "13395990659", "mobile_auth_time": 1705992800000',
    )

    stated = record.statement
    assert (stated.channel, stated.namespace, stated.account) == (Channel.APP, "wx_mini_2", "A100000001")
    assert (stated.first_seen, stated.event_time) == (SENT, SENT)
    assert stated.identifiers == (
        StatedIdentifier(ClaimKind.ACCOUNT, "wx_mini_2", "A100000001", SENT),
        StatedIdentifier(ClaimKind.UNIONID, "wechat", "o6_JJ7dpMSaF", SENT),
        StatedIdentifier(ClaimKind.OPENID, "wx_mini_2", "oXbYuxyva59B", SENT),
        StatedIdentifier(ClaimKind.DEVICE, "app", "dev-1", None),
        StatedIdentifier(ClaimKind.PHONE, "", "+8613395990659", datetime(2024, 1, 23, 6, 53, 20, tzinfo=UTC)),
    )
    assert stated.values == (StatedValue(ProfileField.BIRTHDAY, "1990-05-01"),)
    assert record.left_out == ("city", "nickname", "push_opt_in")


def test_a_store_card_is_staff_typed_and_keeps_the_old_systems_words(tmp_path: Path) -> None:
    record = account(tmp_path, Source.STORE, store_row(备注="对花生过敏"))

    stated = record.statement
    assert (stated.channel, stated.namespace, stated.account) == (Channel.STORE, "brand", "8868331042")
    assert (stated.event_time, stated.home_store, record.staff_no) == (ISSUED, "SH035", "E0120")
    assert (stated.opening_balance, stated.old_tier, stated.strength) == (120, "VIP", SourceStrength.STAFF)
    assert stated.identifiers == (
        StatedIdentifier(ClaimKind.CARD, "brand", "8868331042", ISSUED),
        StatedIdentifier(ClaimKind.PHONE, "", "+8618915088194", None),
    )
    assert [(v.field, v.value) for v in stated.values] == [
        ("name", "刘远超"),
        ("gender", "M"),
        ("birthday", "1973-06-03"),
    ]
    assert record.left_out == ("备注",)


def test_the_same_card_row_is_the_same_delivery_and_a_changed_one_is_new(tmp_path: Path) -> None:
    first = account(tmp_path, Source.STORE, store_row())
    again = account(tmp_path, Source.STORE, "\n\n" + store_row())
    changed = account(tmp_path, Source.STORE, store_row(手机号="18915088195"))

    assert first.message_id == again.message_id != changed.message_id
    assert first.message_id.startswith("row:")


@pytest.mark.parametrize(
    ("fields", "dropped", "kinds"),
    [
        ('"phone": "13800138000"', ("phone_junk",), ["account"]),
        ('"phone": "不方便"', ("phone_junk",), ["account"]),
        ('"phone": "1389852452"', ("phone_invalid",), ["account"]),
        ('"email": "test@test.com"', ("email_junk",), ["account"]),
        ('"email": "nobody at home"', ("email_invalid",), ["account"]),
        ('"phone": "", "email": null', (), ["account"]),
        ('"phone": {"a": 1}', ("phone_invalid",), ["account"]),
        ('"name": "无", "birthday": "1990-13-45"', ("name_invalid", "birthday_invalid"), ["account"]),
        ('"gender": "X"', ("gender_invalid",), ["account"]),
        (
            '"phone": "13898524520", "phone_verified_at": "2031-01-01T00:00:00Z"',
            ("phone_verified_at_invalid",),
            ["account", "phone"],
        ),
    ],
)
def test_an_unusable_value_is_dropped_and_counted_and_the_row_stands(
    tmp_path: Path, fields: str, dropped: tuple[str, ...], kinds: list[str]
) -> None:
    record = account(tmp_path, Source.WEBSITE, WEBSITE % f", {fields}")

    assert record.dropped == dropped
    assert [each.kind for each in record.statement.identifiers] == kinds
    assert record.statement.values == ()
    assert all(each.verified_at is None for each in record.statement.identifiers[1:])


def test_consents_are_taken_as_they_were_said(tmp_path: Path) -> None:
    record = account(
        tmp_path,
        Source.WEBSITE,
        WEBSITE % ', "consents": ['
        '{"purpose": "service_terms", "granted": true, "at": "2026-04-24T13:18:33+08:00", "notice": "website-2025-06"},'
        '{"purpose": "marketing_sms", "granted": false, "at": "never"},'
        '{"purpose": "personalisation", "granted": true, "at": "never"},'
        '{"purpose": "", "granted": true, "at": "2026-04-24T13:18:33+08:00"}, 7]',
    )

    assert record.statement.consents == (
        StatedConsent("service_terms", granted=True, at=UPDATED, notice="website-2025-06"),
        StatedConsent("marketing_sms", granted=False, at=UPDATED, notice=""),
    )
    assert record.dropped == ("consent_invalid",) * 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"message_id": "m", "name": "无号", "registered_at": "not a date"}', "missing_key"),
        ('{"account": " ", "updated_at": "2026-04-24T13:18:33+08:00"}', "missing_key"),
        ('{"account": "null", "updated_at": "2026-04-24T13:18:33+08:00"}', "missing_key"),
        ('{"account": ["W1"], "updated_at": "2026-04-24T13:18:33+08:00"}', "bad_key"),
        ('{"account": "W 1; drop", "updated_at": "2026-04-24T13:18:33+08:00"}', "bad_key"),
        ('{"account": "W100000001"}', "missing_time"),
        ('{"account": "W100000001", "updated_at": "2026-02-30T13:18:33+08:00"}', "impossible_time"),
        ('{"account": "W100000001", "updated_at": "2026-11-10T00:00:00+08:00"}', "impossible_time"),
        ('{"account": "W100000001", "updated_at": 1}', "impossible_time"),
        (
            '{"account": "W100000001", "updated_at": "2026-04-24T13:18:33+08:00", "registered_at": "not a date"}',
            "impossible_time",
        ),
    ],
)
def test_a_row_without_a_usable_key_or_time_is_refused(tmp_path: Path, row: str, reason: str) -> None:
    (refused,) = parsed(tmp_path, Source.WEBSITE, row)

    assert isinstance(refused, BadRow)
    assert refused.reason == reason


@pytest.mark.parametrize("balance", ["abc", "1,2", "12.5", "1e3", "99999999999"])
def test_a_balance_that_cannot_be_read_is_looked_at_not_lost(tmp_path: Path, balance: str) -> None:
    content = store_row(积分余额=f'"{balance}"')

    (refused,) = parsed(tmp_path, Source.STORE, content)

    assert isinstance(refused, BadRow)
    assert refused.reason == "bad_balance"


def test_a_store_that_is_not_registered_is_dropped(tmp_path: Path) -> None:
    record = account(tmp_path, Source.STORE, store_row(办卡门店="SH999", 积分余额=""))

    assert (record.statement.home_store, record.statement.opening_balance) == (None, None)
    assert record.dropped == ("home_store_unknown",)


def test_an_app_that_is_not_registered_and_another_kind_of_event_are_refused(tmp_path: Path) -> None:
    rows = parsed(
        tmp_path,
        Source.APP,
        (APP % "").replace("wx_mini_2", "wx_other") + "\n" + (APP % "").replace('"profile"', '"login"') + "\n",
    )

    assert [row.reason for row in rows if isinstance(row, BadRow)] == ["bad_channel", "bad_kind"]


def test_a_mapping_with_a_namespace_that_is_not_registered_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('source="website"\ncolumns={account="a",event_time="t"}\nconstants.namespace="shop"\n', "utf-8")

    with pytest.raises(Misconfigured, match=r"^mine.toml: constants.namespace: "):
        Parser(mapping.load(Source.WEBSITE, path), REGISTER, now=NOW)


def test_another_brands_headers_need_no_code(tmp_path: Path) -> None:
    toml = tmp_path / "mine.toml"
    toml.write_text(
        """
        source = "website"
        strength = "import"
        time_zone = "+09:00"
        ignored = ["memo"]
        file = { format = "csv", delimiter = ";" }
        constants.namespace = "website"
        columns.account = "顾客"
        columns.event_time = "更新"
        columns.first_seen = "开户"
        columns.gender = "sex"
        columns.birthday = "born"
        columns.phone = "tel"
        columns.phone_verified = "tel ok"
        columns.email = "mail"
        columns.email_verified = "mail ok"
        columns.address = ["city", "street"]
        values.gender = { "♂" = "M", "♀" = "F" }
        values.phone_verified = { "checked" = "true" }
        formats.event_time = "%d/%m/%Y %H:%M"
        formats.first_seen = "s"
        formats.birthday = "%d/%m/%Y"
        """,
        "utf-8",
    )
    content = (
        "顾客;更新;开户;sex;born;tel;tel ok;mail;mail ok;city;street;memo;extra\n"
        "C-1;07/05/2026 12:45;1705992813;♀;03/02/1961;13898524520;checked;a.b@qq.com;no;杭州市;文三路1号;x;y\n"
    )

    record = account(tmp_path, Source.WEBSITE, content.replace("\n", "\r\n"), toml)

    at = datetime(2026, 5, 7, 3, 45, tzinfo=UTC)
    assert (record.statement.event_time, record.statement.first_seen) == (at, SENT)
    assert [(each.kind, each.verified_at, each.is_dated) for each in record.statement.identifiers] == [
        ("account", at, True),
        ("phone", at, False),
        ("email", None, True),
    ]
    assert [each.value for each in record.statement.values] == ["F", "1961-02-03", "杭州市文三路1号"]
    assert record.left_out == ("extra", "memo")
    assert record.statement.strength is SourceStrength.IMPORT


def test_a_column_whose_name_may_be_somebodys_is_counted_without_it(tmp_path: Path) -> None:
    record = account(tmp_path, Source.WEBSITE, WEBSITE % ', "13898524520": "x", "colour": "red", "blank": ""')

    assert record.left_out == ("?", "colour")


def test_the_names_of_unknown_columns_are_limited(tmp_path: Path) -> None:
    rows = [(WEBSITE % f', "c{number}x": 1').replace("\n", "") for number in range(NAMES_MAX + 5)]

    records = parsed(tmp_path, Source.WEBSITE, "\n".join(rows))

    names = {name for record in records if isinstance(record, AccountRecord) for name in record.left_out}
    assert len(names) == NAMES_MAX + 1
    assert "?" in names


def test_a_record_shows_nothing_of_what_it_holds(tmp_path: Path) -> None:
    assert repr(account(tmp_path, Source.WEBSITE, WEBSITE % "")) == "AccountRecord(line=1)"
