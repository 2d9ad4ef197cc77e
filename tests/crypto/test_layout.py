"""What a table says about its sealed columns, and that none can leave it out."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, MetaData
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import DeclarativeBase, mapped_column

from member_hub import tables
from member_hub.crypto import sealed_row
from member_hub.crypto.layout import layout_of, layouts, part_bytes
from member_hub.db import Base
from member_hub.errors import Misconfigured
from member_hub.privacy import DataClass, Form, declaration, sealed, technical
from tests.crypto.samples import ANNA, Card, Sample, Saying


def model(says: Mapping[str, Any], *, classes: tuple[DataClass, ...] = (DataClass.CONTACT,)) -> type[DeclarativeBase]:
    """A mapped class `thing` with `id`, `owner`, `digest` and a sealed column per class."""
    base = type("Other", (DeclarativeBase,), {"metadata": MetaData(schema="hub")})
    columns: dict[str, Any] = {
        "id": mapped_column(PgUuid, primary_key=True, info=technical("id")),
        "owner": mapped_column(PgUuid, info=technical("owner")),
        "digest": mapped_column(LargeBinary, info=technical("digest")),
    }
    for data_class in classes:
        columns[data_class.value] = mapped_column(LargeBinary, info=sealed(data_class, zh="样本", en="sample"))
    return type("Thing", (base,), {"__tablename__": "thing", **columns, **says})


def test_every_table_of_the_product_says_how_its_sealed_values_are_found() -> None:
    with_sealed = {
        table.fullname
        for table in tables.METADATA.tables.values()
        if any(declaration(column).form is Form.SEALED for column in table.columns)
    }

    assert with_sealed
    assert {layout.table.fullname for layout in layouts(Base.registry)} == with_sealed


def test_a_layout_is_what_the_class_says() -> None:
    layout = layout_of(Saying)

    assert (layout.subject, layout.row, layout.digests) == (
        "origin",
        ("field", "digest"),
        {"digest": ("field", "value")},
    )
    assert layout.sealed_in(DataClass.CONTACT) == (Saying.__table__.c.value,)
    assert layout.sealed_in(DataClass.PROFILE) == ()
    assert layout.digest_class("digest") is DataClass.CONTACT
    assert [known.table.name for known in layouts(Sample.registry)] == ["sample_card", "sample_saying"]


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({}, "hub.thing has sealed columns and no __sealed_subject__"),
        ({"__sealed_subject__": "nobody"}, "hub.thing has no column nobody"),
        ({"__sealed_subject__": "owner"}, "hub.thing needs an index that begins with owner"),
        ({"__sealed_subject__": "id", "__sealed_row__": ("line",)}, "hub.thing has no column line"),
        ({"__sealed_subject__": "id", "__sealed_row__": ("contact",)}, "hub.thing tells its rows apart by a sealed"),
        ({"__sealed_subject__": "id", "__sealed_digest__": {"digest": ("field",)}}, "hub.thing has no column field"),
        ({"__sealed_subject__": "id", "__sealed_digest__": {"digest": ("owner",)}}, "digest of no sealed value"),
    ],
)
def test_what_is_missing_stops_the_start_up(says: dict[str, Any], reason: str) -> None:
    with pytest.raises(Misconfigured, match=reason):
        layouts(model(says).registry)


def test_a_digest_tells_rows_apart_only_where_one_class_is_sealed() -> None:
    says = {
        "__sealed_subject__": "id",
        "__sealed_row__": ("digest",),
        "__sealed_digest__": {"digest": ("contact",)},
    }

    assert len(layouts(model(says).registry)) == 1
    with pytest.raises(Misconfigured, match="share one class"):
        layouts(model(says, classes=(DataClass.CONTACT, DataClass.PROFILE)).registry)


def test_a_row_is_told_apart_by_its_values_each_behind_its_length() -> None:
    assert sealed_row(Card, {"line": 3, "owner": ANNA}) == bytes.fromhex("00000008" + "0000000000000003")
    assert sealed_row(Saying, {"field": "姓", "digest": b"\x01\x02"}) == bytes.fromhex(
        "00000003e5a793" + "000000020102"
    )
    assert sealed_row(Saying, {"field": "a", "digest": b"bc"}) != sealed_row(Saying, {"field": "ab", "digest": b"c"})


def test_a_table_that_needs_no_row_has_none() -> None:
    assert sealed_row(model({"__sealed_subject__": "id"}), {}) == b""


def test_values_have_one_form_in_bytes() -> None:
    assert part_bytes(UUID(int=5)) == bytes(15) + b"\x05"
    assert part_bytes(-1) == b"\xff" * 8
    assert part_bytes("x") == part_bytes(b"x") == b"x"
    for value in (None, True, 1.5):
        with pytest.raises(TypeError):
            part_bytes(value)
