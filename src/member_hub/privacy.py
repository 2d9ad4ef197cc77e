"""One privacy declaration per column; everything else about personal data is derived from it (DESIGN 2).

Encryption, Casbin objects, masks, the export, the eraser, survivorship and the documentation read the declaration
that a column carries in `mapped_column(info=...)`. A column without one fails start-up and the tests, so nothing
that is stored can be forgotten by any of them. Whoever stores a personal column is also a `Holder`.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from sqlalchemy import Column, MetaData

from member_hub.db.base import Tx
from member_hub.errors import Misconfigured
from member_hub.ids import MemberId, OriginId

RETENTION_DAYS_MAX = 3660


class Purpose(StrEnum):
    """What personal data may be processed for; each with its legal basis in policies/register.toml (PIPL 6, 13)."""

    MEMBER_SERVICE = "member_service"
    CUSTOMER_SUPPORT = "customer_support"
    MARKETING = "marketing"
    PERSONALISATION = "personalisation"
    ANALYTICS = "analytics"
    IDENTITY_UNIFICATION = "identity_unification"
    ACTIVITY_EVALUATION = "activity_evaluation"
    RIGHTS_HANDLING = "rights_handling"
    STATUTORY_DISCLOSURE = "statutory_disclosure"
    SECURITY_AUDIT = "security_audit"
    SYSTEM_OPERATION = "system_operation"


class DataClass(StrEnum):
    """A set of columns with the same purposes: one data key per subject, class and version (DESIGN 6, at most six)."""

    CONTACT = "contact"  # name, phone, e-mail, address
    PROFILE = "profile"  # birthday, gender
    IDENTIFIER = "identifier"  # account, unionid, openid, card, device
    CONSENT = "consent"  # what was said about consent
    COMMERCE = "commerce"  # orders not yet applied, opening balance, old tier word
    INTAKE = "intake"  # rows in quarantine, under the key of their ingest run


class Form(StrEnum):
    """How a column is stored."""

    SEALED = "sealed"  # ciphertext under a data key
    TOKEN = "token"  # keyed digest: found by equality, never read  # noqa: S105
    PERSONAL = "personal"  # readable, about a person, needed for filtering or computing
    TECHNICAL = "technical"  # says nothing about a person by itself: ids, versions, times of processing


class Mask(StrEnum):
    """How a value looks where masking is enough (access/masks.py draws them)."""

    NAME = "name"
    PHONE = "phone"
    EMAIL = "email"
    BIRTHDAY = "birthday"
    ADDRESS = "address"
    IDENTIFIER = "identifier"
    NONE = "none"  # no masked form: masked means denied


class OnErasure(StrEnum):
    """What becomes of a column when its person is erased (PIPL 47)."""

    DELETE = "delete"  # the row goes, and with a sealed column its key
    CLEAR = "clear"  # the row stays as a tombstone, this column becomes null
    KEEP = "keep"  # says nothing about the person once everything else is gone


class ProfileField(StrEnum):
    """The fields of a member profile; spelled as stored, and the Casbin object is `member.<field>`."""

    NAME = "name"
    PHONE = "phone"
    EMAIL = "email"
    BIRTHDAY = "birthday"
    GENDER = "gender"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is promised about one column."""

    form: Form
    data_class: DataClass | None = None
    guard: str | None = None  # the Casbin object whose grant reading this column needs; None: never served
    purposes: frozenset[Purpose] = frozenset()
    mask: Mask = Mask.NONE
    zh: str = ""
    en: str = ""
    retention_days: int | None = None  # None on a technical column; personal ones are finite
    on_erasure: OnErasure = OnErasure.KEEP
    block_bytes: int = 16  # sealed values are padded to a multiple of this

    @property
    def is_personal(self) -> bool:
        return self.form is not Form.TECHNICAL


# As long as the membership lasts: at most so long from the last sign of life. Shorter terms have a job each
# (jobs/forgetting.py); this one ends with the erasing of the member, which nobody does by the clock yet.
WHILE_MEMBER_DAYS = 3650
SERVICE = frozenset(
    {Purpose.MEMBER_SERVICE, Purpose.CUSTOMER_SUPPORT, Purpose.IDENTITY_UNIFICATION, Purpose.RIGHTS_HANDLING}
)
# Read for marketing as well, once the member has consented to that; for what tailors offers, to personalisation too.
OFFERED = SERVICE | {Purpose.MARKETING}
TAILORED = OFFERED | {Purpose.PERSONALISATION}


def sealed(
    data_class: DataClass,
    *,
    zh: str,
    en: str,
    guard: str | None = None,
    mask: Mask = Mask.NONE,
    purposes: Iterable[Purpose] = SERVICE,
    retention_days: int = WHILE_MEMBER_DAYS,
    on_erasure: OnErasure = OnErasure.DELETE,
    block_bytes: int = 16,
) -> dict[Any, Any]:
    """`info` of a column that holds ciphertext (bytes)."""
    return _info(
        Declaration(
            Form.SEALED, data_class, guard, frozenset(purposes), mask, zh, en, retention_days, on_erasure, block_bytes
        )
    )


def token(
    *, zh: str, en: str, retention_days: int = WHILE_MEMBER_DAYS, on_erasure: OnErasure = OnErasure.DELETE
) -> dict[Any, Any]:
    """`info` of a column that holds a keyed digest: still personal information (PIPL 73(3))."""
    return _info(Declaration(Form.TOKEN, None, None, SERVICE, Mask.NONE, zh, en, retention_days, on_erasure))


def personal(
    *,
    zh: str,
    en: str,
    guard: str | None = None,
    mask: Mask = Mask.NONE,
    purposes: Iterable[Purpose] = SERVICE,
    retention_days: int = WHILE_MEMBER_DAYS,
    on_erasure: OnErasure = OnErasure.DELETE,
) -> dict[Any, Any]:
    """`info` of a readable column about a person, because something filters on it or computes from it."""
    return _info(Declaration(Form.PERSONAL, None, guard, frozenset(purposes), mask, zh, en, retention_days, on_erasure))


def technical(en: str) -> dict[Any, Any]:
    """`info` of a column that says nothing about a person by itself; `en` says what it is."""
    return _info(Declaration(Form.TECHNICAL, en=en))


def _info(declaration: Declaration) -> dict[Any, Any]:
    return {"privacy": declaration}


def declaration(column: Column[Any]) -> Declaration:
    """The declaration of a column. Raises Misconfigured where there is none: start-up stops."""
    found = column.info.get("privacy")
    if not isinstance(found, Declaration):
        raise Misconfigured(f"The column {column.table.fullname}.{column.name} has no privacy declaration.")
    return found


def check(metadata: MetaData) -> None:
    """Refuse to start unless every column of every table declares itself completely."""
    for table in metadata.tables.values():
        for column in table.columns:
            declared = declaration(column)
            if not declared.is_personal:
                continue
            where = f"{table.fullname}.{column.name}"
            if declared.retention_days is None or not 0 < declared.retention_days <= RETENTION_DAYS_MAX:
                raise Misconfigured(f"{where} is personal and has no finite retention.")
            if not declared.zh or not declared.en:
                raise Misconfigured(f"{where} has no label in both languages.")
            if declared.form is Form.SEALED and declared.data_class is None:
                raise Misconfigured(f"{where} is sealed and has no data class.")


@dataclass(frozen=True, slots=True)
class Person:
    """One person to be exported or erased: the root, every absorbed member id, every channel account.

    `tokens` are of what these accounts state that tells people apart; `own_numbers` are the accounts' own among them.
    Holders find their rows by nothing else: when it is their turn, what other holders knew may be gone already.
    """

    member_id: MemberId
    absorbed_ids: Sequence[MemberId]
    origin_ids: Sequence[OriginId]
    tokens: Sequence[bytes] = field(repr=False)
    own_numbers: Sequence[bytes] = field(repr=False)

    @property
    def member_ids(self) -> Sequence[MemberId]:
        return [self.member_id, *self.absorbed_ids]


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """One row that a holder stores about a person; its sealed columns are opened by the one who exports."""

    model: type[Any]
    record: Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Erased:
    """What a holder deleted or cleared: rows per table; and which keys go or are renewed for it."""

    counts: Mapping[str, int]
    destroy: Sequence[UUID] = ()  # subjects of which nothing is left
    rekey: Sequence[tuple[UUID, DataClass]] = ()  # subjects of which something remains for others


@runtime_checkable
class IdleWithout(Protocol):
    """A holder that has nothing to move, and nothing to do, where neither member has a row in these tables.

    Whoever merges asks for all of them in one statement, under the lock on both members; most have none.
    """

    @property
    def idle_without(self) -> Sequence[type[Any]]:
        """Tables with a `member_id` that begins their key."""


class Holder(Protocol):
    """Whoever stores a personal column offers these four from the commit that makes the table (DESIGN 2)."""

    @property
    def tables(self) -> frozenset[str]:
        """Full names of the tables answered for, e.g. "hub.order_line"."""

    def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        """Every row held about the person."""

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        """Delete or clear every row; the keys are destroyed by the caller, last."""

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        """Two members became one: move what moves (DESIGN 7)."""

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        """The channel accounts `origins` leave `kept` for `back`: move what is theirs."""
