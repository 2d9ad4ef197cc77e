"""One ciphertext per field, bound to its place: domain, class, column, subject, row and key version (DESIGN 6).

    sealed = algorithm (1) | data class (1) | key version (4) | nonce (12) | ciphertext | tag (16)

Pure: keys, nonces and columns are passed in. Whatever was altered, cut, moved to another person, column, class,
row or version is not accepted. The version is read from the header and the key looked up: keys are never tried out.
Plaintext is closed with 0x80 and filled with zeros to a multiple of the column's block (ISO/IEC 7816-4), so that
the length shows as a number of blocks only; the marker costs one byte where a length would cost two.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, Table
from sqlalchemy.orm import InstrumentedAttribute

from member_hub.crypto.wrapping import AES_256_GCM, NONCE_BYTES, TAG_BYTES, joined, utf8
from member_hub.errors import Misconfigured
from member_hub.privacy import DataClass, Form, declaration

# One byte in every header, for ever: never renumber, never reuse.
CLASS_CODES: Final = {
    DataClass.CONTACT: 1,
    DataClass.PROFILE: 2,
    DataClass.IDENTIFIER: 3,
    DataClass.CONSENT: 4,
    DataClass.COMMERCE: 5,
    DataClass.INTAKE: 6,
}
HEADER = struct.Struct(">BBI")
HEADER_BYTES: Final = HEADER.size
BODY_AT: Final = HEADER_BYTES + NONCE_BYTES
SEALED_MIN_BYTES: Final = BODY_AT + TAG_BYTES
VALUE_MAX_BYTES: Final = 1 << 20
VERSION_MAX: Final = 2**31 - 1  # what the column of vault.data_key holds
SEAL_DOMAIN: Final = joined(b"member-hub/seal/1")
_ROW_LENGTH = struct.Struct(">I")
_END = b"\x80"

SealedColumn = Column[Any] | InstrumentedAttribute[Any]


class Sealed(bytes):
    """Ciphertext on its way to a column; prints as `<sealed>`, so that it never fills a log."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<sealed>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<sealed>"


@dataclass(frozen=True, slots=True)
class Place:
    """What a column's declaration says about sealing, ready for use."""

    field_id: str  # "hub.member.phone"
    data_class: DataClass
    code: int
    block_bytes: int
    prefix: bytes  # what the additional data of every value of this column begins with


_places: dict[int, tuple[SealedColumn, Place]] = {}  # by identity; columns live as long as the process


def place_of(column: SealedColumn) -> Place:
    """The place of a column. Raises Misconfigured if it is not declared sealed."""
    known = _places.get(id(column))
    if known is not None:
        return known[1]
    place = _place(column.property.columns[0] if isinstance(column, InstrumentedAttribute) else column)
    _places[id(column)] = (column, place)
    return place


def seal(
    cipher: AESGCM, place: Place, value: str | bytes, *, version: int, subject: bytes, row: bytes, nonce: bytes
) -> Sealed:
    """`value` as the column stores it. `nonce` is fresh random bytes; only a test vector passes others."""
    header = HEADER.pack(AES_256_GCM, place.code, version)
    body = cipher.encrypt(nonce, _padded(_encoded(value), place.block_bytes), bound_to(place, header, subject, row))
    return Sealed(header + nonce + body)


def unseal(cipher: AESGCM, place: Place, sealed: bytes, *, subject: bytes, row: bytes) -> bytes | None:
    """The value; None for whatever was not sealed with this key for exactly this place, without saying why."""
    if len(sealed) < SEALED_MIN_BYTES or sealed[0] != AES_256_GCM or sealed[1] != place.code:
        return None
    header = sealed[:HEADER_BYTES]
    try:
        padded = cipher.decrypt(sealed[HEADER_BYTES:BODY_AT], sealed[BODY_AT:], bound_to(place, header, subject, row))
    except InvalidTag:
        return None
    return padded[: padded.rindex(_END)]


def bound_to(place: Place, header: bytes, subject: bytes, row: bytes) -> bytes:
    """The additional data: fixed widths, or lengths before what varies, so that no two places give the same bytes."""
    return b"".join((place.prefix, header, subject, _ROW_LENGTH.pack(len(row)), row))


def _place(column: Column[Any]) -> Place:
    table: object = column.table  # an alias is no table, whatever the annotation says
    if not isinstance(table, Table) or table.c.get(column.key) is not column:
        raise Misconfigured(f"{column.name} is sealed and opened by the table's own column, not by an alias.")
    field_id = f"{table.fullname}.{column.name}"
    declared = declaration(column)
    if declared.form is not Form.SEALED or declared.data_class is None:
        raise Misconfigured(f"{field_id} is not declared sealed.")
    code = CLASS_CODES[declared.data_class]
    prefix = SEAL_DOMAIN + bytes([code]) + joined(field_id.encode())
    return Place(field_id, declared.data_class, code, declared.block_bytes, prefix)


def _encoded(value: str | bytes) -> bytes:
    encoded = value if isinstance(value, bytes) else utf8(value)
    if len(encoded) > VALUE_MAX_BYTES:
        raise ValueError(f"A value of more than {VALUE_MAX_BYTES} bytes is not sealed.")
    return encoded


def _padded(value: bytes, block_bytes: int) -> bytes:
    closed = value + _END
    return closed + bytes(-len(closed) % block_bytes)
