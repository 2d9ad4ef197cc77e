"""What must stand nowhere in plain: read from the channel files by other means than the product's own."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from member_hub.demo.words import EMAIL_JUNK, PHONE_JUNK
from tests.secrecy.scanner import FORMS, GRAM_BYTES

# Numbers that stand anywhere in a row, also in one that is cut off.
_NUMBERS = re.compile(r"\b(?:W\d{9}|A\d{9}|88\d{8}|dev-[0-9a-f]{12}|ipad-store-\d\d|o[X6][\w-]{26})(?![\w-])")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_FULL_WIDTH = str.maketrans("０１２３４５６７８９", "0123456789")

Needles = Mapping[str, frozenset[str]]


def needles_of(folder: Path) -> tuple[Needles, frozenset[str]]:
    """The needles of the files in the folder by kind, and the texts that are too short to be one."""
    found: dict[str, set[str]] = {}
    short: set[str] = set()
    for kind, text in _texts(folder):
        for part in {text, text.strip(), *text.split("\n")} - {""}:
            is_long = min(len(part.encode(form)) for form in FORMS) >= GRAM_BYTES
            (found.setdefault(kind, set()) if is_long else short).add(part)
    return {kind: frozenset(texts) for kind, texts in found.items()}, frozenset(short)


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for name in ("website.jsonl", "app.jsonl"):
        for line in (folder / name).read_text("utf-8").splitlines():
            yield from (("number", number) for number in _NUMBERS.findall(line))
            yield from _of_row(_object(line))
    for name, encoding in (("store.csv", "gb18030"), ("orders.csv", "utf-8-sig"), ("activity.csv", "utf-8")):
        content = (folder / name).read_bytes().decode(encoding)
        yield from (("number", number) for number in _NUMBERS.findall(content))
        for row in csv.DictReader(io.StringIO(content, newline="")):
            yield from _of_row({key: cell for key, cell in row.items() if isinstance(cell, str)})


def _object(line: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    assert isinstance(row, dict)
    return row


def _of_row(row: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    address = row.get("address")
    address = address if isinstance(address, dict) else {}
    for phone in (row.get("phone"), row.get("mobile"), row.get("手机号")):
        if isinstance(phone, str):
            yield from (("phone", written) for written in _writings(phone))
    for name in (row.get("name"), row.get("nickname"), row.get("姓名"), address.get("receiver")):
        if isinstance(name, str) and len(_HAN.findall(name)) >= 3:
            yield from (("name", name), ("name", name.replace(" ", "")))
    email = row.get("email")
    if isinstance(email, str) and email.lower() != EMAIL_JUNK:
        yield from (("email", email), ("email", email.lower()))
    if street := address.get("street"):
        yield from (
            ("street", street),
            ("street", "".join(address[k] for k in ("province", "city", "district", "street"))),
        )
    for number in ("account", "user_id", "openid", "unionid", "device_id", "卡号"):
        if isinstance(said := row.get(number), str):
            yield "number", said
    if remark := row.get("备注"):
        yield "remark", str(remark).replace("\r", "")


def _writings(phone: str) -> Iterator[str]:
    """As typed, as digits only, in national form and in E.164; nothing where it is junk."""
    digits = re.sub(r"\D", "", phone.translate(_FULL_WIDTH))
    national = re.sub(r"^(?:00)?86(?=1\d{10}$)", "", digits)
    if national in PHONE_JUNK or len(national) < 8:
        return
    yield from (phone, digits, national)
    yield f"+{digits}" if phone.strip().startswith("+") else f"+86{national}"
