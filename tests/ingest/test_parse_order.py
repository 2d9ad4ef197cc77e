from datetime import UTC, datetime
from pathlib import Path

import pytest

from member_hub.ingest.records import OrderRecord
from member_hub.ingest.rows import BadRow
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from member_hub.orders.rules import OrderStatement, OrderStatus
from tests.ingest.samples import ORDER, ORDERS_HEADER, parsed

REFUND = {"status": "refunded", "refund_of": "O00000001/1", "amount_yuan": "-240.18"}


def order(folder: Path, **changes: str) -> OrderRecord | BadRow:
    cells = dict(zip(ORDERS_HEADER.split(","), ORDER.split(","), strict=True)) | changes
    (found,) = parsed(folder, Source.ORDERS, f"\ufeff{ORDERS_HEADER}\r\n{','.join(cells.values())}\r\n")
    assert isinstance(found, (OrderRecord, BadRow))
    return found


def said(folder: Path, **changes: str) -> OrderStatement:
    found = order(folder, **changes)
    assert isinstance(found, OrderRecord)
    return found.statement


def test_a_line_of_an_order_is_read(tmp_path: Path) -> None:
    found = said(tmp_path)

    assert (found.channel, found.order_no, found.line_no) == (Channel.WEBSITE, "O00000001", 1)
    assert (found.account_channel, found.account, found.store) == (Channel.WEBSITE, "W100000001", None)
    assert (found.amount_fen, found.status) == (24018, OrderStatus.PAID)
    assert (found.refund_of_order, found.refund_of_line) == (None, None)
    assert found.ordered_at == datetime(2026, 2, 3, 6, 45, 44, tzinfo=UTC)
    assert found.message_id == "website/O00000001/1"


def test_a_refund_is_negative_and_names_its_original(tmp_path: Path) -> None:
    found = said(tmp_path, channel="store", **REFUND)

    assert (found.status, found.amount_fen) == (OrderStatus.REFUNDED, -24018)
    assert (found.refund_of_order, found.refund_of_line) == ("O00000001", 1)


def test_a_purchase_in_a_store_has_its_store(tmp_path: Path) -> None:
    found = said(tmp_path, channel="store", store="SH007", key_kind="store_card", key="886833 1042")

    assert (found.store, found.account_channel, found.account) == ("SH007", Channel.STORE, "8868331042")


def test_a_key_that_nobody_may_have_is_a_key_all_the_same(tmp_path: Path) -> None:
    assert said(tmp_path, key="W10000000X").account == "W10000000X"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"order_no": ""}, "missing_key"),
        ({"line_no": ""}, "missing_key"),
        ({"line_no": "one"}, "bad_key"),
        ({"key": ""}, "missing_key"),
        ({"key": "W1 OR 1=1"}, "bad_key"),
        ({"channel": "fax"}, "bad_channel"),
        ({"channel": ""}, "bad_channel"),
        ({"key_kind": "phone"}, "bad_kind"),
        ({"status": "open"}, "bad_status"),
        ({"ordered_at": ""}, "missing_time"),
        ({"ordered_at": "2026-02-30T14:45:44+08:00"}, "impossible_time"),
        ({"ordered_at": "2027-02-03T14:45:44+08:00"}, "impossible_time"),
        ({"amount_yuan": ""}, "bad_amount"),
        ({"amount_yuan": '"1,2"'}, "bad_amount"),
        ({"amount_yuan": "1.234"}, "bad_amount"),
        ({"amount_yuan": "1e3"}, "bad_amount"),
        ({"amount_yuan": "-1.00"}, "bad_amount"),
        ({"amount_yuan": "100000001.00"}, "bad_amount"),
        (REFUND | {"amount_yuan": "240.18"}, "bad_amount"),
        (REFUND | {"refund_of": ""}, "bad_refund"),
        (REFUND | {"refund_of": "O00000001"}, "bad_refund"),
        (REFUND | {"refund_of": "O00000001/x"}, "bad_refund"),
        ({"refund_of": "O00000001/1"}, "bad_refund"),
        ({"store": "SH999"}, "bad_store"),
        ({"store": "SH007"}, "bad_store"),  # of the website
        ({"channel": "store"}, "bad_store"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    found = order(tmp_path, **changes)

    assert isinstance(found, BadRow)
    assert (found.reason, found.line) == (reason, 2)


def test_a_refused_line_is_found_by_its_buyer_in_every_app(tmp_path: Path) -> None:
    found = order(tmp_path, key_kind="app_user", key="A1", status="open")

    assert isinstance(found, BadRow)
    assert [(hint.kind, hint.namespace, hint.value) for hint in found.hints] == [
        ("account", "wx_mini_1", "A1"),
        ("account", "wx_mini_2", "A1"),
        ("account", "wx_mini_3", "A1"),
    ]


def test_another_shop_states_fen_and_splits_the_original(tmp_path: Path) -> None:
    toml = tmp_path / "mine.toml"
    columns = "order_no line_no key ordered_at status".split()
    toml.write_text(
        'source = "orders"\nconstants = { channel = "website", key_kind = "website_account" }\n'
        'values.status = { "已退" = "refunded" }\n'
        'columns.amount_fen = "fen"\ncolumns.refund_of_order = "of"\ncolumns.refund_of_line = "of line"\n'
        + "".join(f'columns.{name} = "{name}"\n' for name in columns),
        "utf-8",
    )

    content = (
        "order_no,line_no,key,ordered_at,status,fen,of,of line\nO2,1,W1,2026-02-03 14:45:44,已退,-501,O1,2\n"
        "O1,2,W1,2026-02-03 14:45:44,paid,501,,\n"
    )
    refund, paid = parsed(tmp_path, Source.ORDERS, content, toml)

    assert isinstance(refund, OrderRecord)
    assert isinstance(paid, OrderRecord)
    back = refund.statement
    assert (back.amount_fen, back.refund_of_order, back.refund_of_line, back.ordered_at.hour) == (-501, "O1", 2, 6)
    assert (paid.statement.amount_fen, paid.statement.refund_of_order) == (501, None)
