"""The lines of the erasure ledger: what an entry says, and how each vouches for all before it. Pure."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import orjson

from member_hub.errors import HubError

SUBJECTS_MAX: Final = 5_000  # of one entry; a member has at most 1,000 channel accounts and 100 absorbed ids
SCOPE_MAX: Final = 50
FIRST_PREV: Final = "0" * 64

_WORD = re.compile(r"[a-z][a-z_.]{0,63}")  # no digits: no phone, no date, no account


class LedgerBroken(HubError):
    """The file is not the chain that was written. The operator has to restore it; nothing is erased meanwhile."""

    code = "LEDGER_BROKEN"

    def __init__(self, line: int | None, what: str) -> None:
        self.line = line
        where = f"line {line}" if line else "its end"
        super().__init__(f"The erasure ledger is broken at {where}: {what}. Restore it from its copy.")


class LedgerKind(StrEnum):
    ERASURE = "erasure"
    REKEY = "rekey"
    WITHDRAWAL = "withdrawal"
    RESTRICTION = "restriction"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be remembered: this happens to these subjects, whatever database comes back."""

    kind: LedgerKind
    subjects: tuple[UUID, ...]
    at: datetime
    scope: tuple[str, ...] = ()  # fields, data classes or purposes; empty: all


@dataclass(frozen=True, slots=True)
class Head:
    """How far the ledger goes; the database and the operator keep copies."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    seq: int
    note: Note
    prev: str
    hash: str


EMPTY: Final = Head(0, FIRST_PREV)


def chained(head: Head, notes: Sequence[Note]) -> list[Entry]:
    entries: list[Entry] = []
    for note in notes:
        hashed = hashlib.sha256(_canonical(head.seq + 1, note, head.hash)).hexdigest()
        entries.append(Entry(head.seq + 1, note, head.hash, hashed))
        head = Head(head.seq + 1, hashed)
    return entries


def _canonical(seq: int, note: Note, prev: str, **more: str) -> bytes:
    line = {
        "seq": seq,
        "kind": note.kind.value,
        "subjects": [str(subject) for subject in note.subjects],
        "scope": list(note.scope),
        "at": note.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "prev": prev,
    }
    return orjson.dumps(line | more, option=orjson.OPT_SORT_KEYS)


def line_of(entry: Entry) -> bytes:
    return _canonical(entry.seq, entry.note, entry.prev, hash=entry.hash)


def entry_of(line: bytes, before: Head | None) -> Entry:
    """A line as its entry: the very bytes that an append writes, following `before` where that is known."""
    number = before.seq + 1 if before else None
    try:
        said = orjson.loads(line)
        note = Note(
            LedgerKind(said["kind"]),
            tuple(UUID(subject) for subject in said["subjects"]),
            datetime.fromisoformat(said["at"]),
            tuple(said["scope"]),
        )
        check_note(note)
        entry = chained(Head(said["seq"] - 1, said["prev"]), [note])[0]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise LedgerBroken(number, "it is not an entry") from error
    if line_of(entry) != line:
        raise LedgerBroken(number, "its hash does not fit")
    if before and (entry.seq, entry.prev) != (before.seq + 1, before.hash):
        raise LedgerBroken(number, "it does not follow the line before")
    return entry


def check_note(note: Note) -> None:
    if not 0 < len(note.subjects) <= SUBJECTS_MAX:
        raise ValueError(f"An entry names 1 to {SUBJECTS_MAX} subjects.")
    if note.at.tzinfo is None:
        raise ValueError("The time of an entry is aware.")
    if len(note.scope) > SCOPE_MAX or not all(_WORD.fullmatch(word) for word in note.scope):
        raise ValueError("The scope of an entry is a few words of our own.")
