"""Every column says its class (DESIGN 2): what is declared is what everything else derives from."""

from typing import Any

import pytest
from sqlalchemy import Column as SqlColumn
from sqlalchemy import LargeBinary, MetaData, Table, Text

from member_hub import privacy, resources
from member_hub.access import Policies, undeclared
from member_hub.errors import Misconfigured
from member_hub.privacy import DataClass, Form, Purpose
from member_hub.tables import METADATA

COLUMNS = [column for table in METADATA.tables.values() for column in table.columns]


def test_every_column_is_declared_completely() -> None:
    privacy.check(METADATA)

    assert len(COLUMNS) > 50


def test_sealed_columns_and_tokens_hold_bytes() -> None:
    readable = [
        str(column)
        for column in COLUMNS
        if privacy.declaration(column).form in (Form.SEALED, Form.TOKEN)
        and not isinstance(getattr(column.type, "item_type", column.type), LargeBinary)
    ]

    assert readable == []


def test_every_personal_column_has_a_purpose() -> None:
    without = [str(c) for c in COLUMNS if (d := privacy.declaration(c)).is_personal and not d.purposes]

    assert without == []


def test_a_column_without_a_declaration_stops_the_start() -> None:
    with pytest.raises(Misconfigured, match=r"hub\.note\.remark has no privacy declaration"):
        privacy.check(_table(SqlColumn("remark", Text)))


def test_a_sealed_column_without_labels_stops_the_start() -> None:
    column: SqlColumn[Any] = SqlColumn("remark", LargeBinary, info=privacy.sealed(DataClass.CONTACT, zh="", en="note"))

    with pytest.raises(Misconfigured, match="no label in both languages"):
        privacy.check(_table(column))


@pytest.mark.parametrize("days", [0, -1, privacy.RETENTION_DAYS_MAX + 1])
def test_retention_without_a_near_end_stops_the_start(days: int) -> None:
    column: SqlColumn[Any] = SqlColumn(
        "gender", Text, info=privacy.personal(zh="性别", en="gender", purposes=[Purpose.ANALYTICS], retention_days=days)
    )

    with pytest.raises(Misconfigured, match="no finite retention"):
        privacy.check(_table(column))


def test_there_are_at_most_six_data_classes() -> None:
    assert len(DataClass) == 6


def _table(column: SqlColumn[Any]) -> MetaData:
    metadata = MetaData(schema="hub")
    Table("note", metadata, column)
    return metadata


def test_no_purpose_reads_a_column_that_does_not_declare_it() -> None:
    policies = Policies.load(resources.folder("policies"), consent_keys={"marketing", "personalisation"})

    assert undeclared(policies, METADATA) == []
