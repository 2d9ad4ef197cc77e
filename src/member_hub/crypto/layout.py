"""Where a table keeps its sealed values: whose they are, what tells its rows apart, which digests they feed.

A mapped class with sealed columns says so itself, in names of its own columns:

    __sealed_subject__ = "origin_id"                          whose data key seals this row; leads an index
    __sealed_row__ = ("field", "value_digest")                what distinguishes rows of one subject (default: nothing)
    __sealed_digest__ = {"value_digest": ("field", "value")}  keyed digests: made anew when the key is

`rekey` finds every sealed column by these, so a table that does not say them stops the start-up (`layouts`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Table
from sqlalchemy.orm import registry

from member_hub.crypto.wrapping import joined, utf8
from member_hub.errors import Misconfigured
from member_hub.privacy import DataClass, Form, declaration


@dataclass(frozen=True, slots=True)
class Layout:
    table: Table
    subject: str
    row: tuple[str, ...]
    digests: Mapping[str, tuple[str, ...]]

    def sealed_in(self, data_class: DataClass) -> tuple[Column[Any], ...]:
        """The sealed columns of a class."""
        return tuple(column for column in _sealed(self.table) if declaration(column).data_class is data_class)

    def digest_class(self, name: str) -> DataClass | None:
        """Under whose key a digest stands: that of the sealed value that it is made of."""
        return next((d for part in self.digests[name] if (d := declaration(self.table.c[part]).data_class)), None)


def sealed_row(model: type[Any], values: Mapping[Any, Any]) -> bytes:
    """What binds a sealed value to its row; `values` holds at least the columns of `__sealed_row__`."""
    names = layout_of(model).row
    return row_bytes(names, values) if names else b""


def row_bytes(names: tuple[str, ...], values: Mapping[Any, Any]) -> bytes:
    return joined(*(part_bytes(values[name]) for name in names)) if names else b""


def part_bytes(value: object) -> bytes:
    """One value as bytes. A column keeps its type, so different types need not be told apart."""
    match value:
        case bytes():
            return bytes(value)
        case str():
            return utf8(value)
        case UUID():
            return value.bytes
        case bool():
            raise TypeError("A truth value tells no rows apart.")
        case int():
            return value.to_bytes(8, signed=True)
        case _:
            raise TypeError(f"{type(value).__name__} has no fixed form in bytes.")


_known: dict[type[Any], Layout] = {}  # classes live as long as the process


def layout_of(model: type[Any]) -> Layout:
    """What a mapped class with sealed columns says about them. Raises Misconfigured where it is incomplete."""
    known = _known.get(model)
    if known is None:
        known = _known[model] = _layout(model)
    return known


@cache
def layouts(mapped: registry) -> tuple[Layout, ...]:
    """The layout of every mapped class with sealed columns, in a fixed order."""
    models = [mapper.class_ for mapper in mapped.mappers if _sealed(mapper.local_table)]
    return tuple(sorted((layout_of(model) for model in models), key=lambda layout: layout.table.fullname))


def _layout(model: type[Any]) -> Layout:
    table = model.__table__
    subject = getattr(model, "__sealed_subject__", None)
    row = tuple(getattr(model, "__sealed_row__", ()))
    digests = dict(getattr(model, "__sealed_digest__", {}))
    if not isinstance(subject, str):
        raise Misconfigured(f"{table.fullname} has sealed columns and no __sealed_subject__.")
    for name in (subject, *row, *digests, *(part for parts in digests.values() for part in parts)):
        if name not in table.c:
            raise Misconfigured(f"{table.fullname} has no column {name}, which its sealed columns rely on.")
    layout = Layout(table, subject, row, digests)
    _check(layout)
    return layout


def _sealed(table: Any) -> list[Column[Any]]:
    return [column for column in table.columns if declaration(column).form is Form.SEALED]


def _check(layout: Layout) -> None:
    table = layout.table
    leading = [next(iter(index.columns)).name for index in table.indexes if len(index.columns)]
    leading += [column.name for column in list(table.primary_key)[:1]]
    if layout.subject not in leading:
        raise Misconfigured(f"{table.fullname} needs an index that begins with {layout.subject}.")
    if any(column.name in layout.row for column in _sealed(table)):
        raise Misconfigured(f"{table.fullname} tells its rows apart by a sealed value.")
    classes = {declaration(column).data_class for column in _sealed(table)}
    if set(layout.digests) & set(layout.row) and len(classes) > 1:
        raise Misconfigured(f"{table.fullname} tells its rows apart by a digest: its sealed columns share one class.")
    for name in layout.digests:
        if layout.digest_class(name) is None:
            raise Misconfigured(f"{table.fullname}.{name} is a digest of no sealed value.")
