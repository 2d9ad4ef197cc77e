"""Compiles a policy into one immutable Grant per (role, purpose): the answer to everything a request may ask.

All pairs are compiled at load into a table of bounded size; a request looks its grant up and asks no Casbin.
What Casbin does not decide (consent, holds, an open request of the officer) narrows a grant here, by name.

Decision: the other readings of a field are grants of their own, made from the policy's cells at load: what a member
out of reach who shows a code looks like (`at_till`), one field revealed (`revealing`), and the officer's clear view
(`in_open_case`). Whoever loads and masks members gets one of them and asks nothing else. Requests and incidents do not
exist yet, so nobody passes `in_open_case=True`; a test says so.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from member_hub import resources
from member_hub.access.deciding import Cell, decide
from member_hub.access.duties import check_duties
from member_hub.access.loader import Ruleset, read
from member_hub.access.refusals import PurposeNotAllowed
from member_hub.access.register import Register
from member_hub.access.words import (
    FIELDS,
    OWN_ROWS,
    PRESENTED_ROWS,
    Action,
    AggregateScope,
    Guard,
    Key,
    Operation,
    RowScope,
    Verdict,
    aggregates_object,
    key_object,
    operation_object,
    rows_object,
)
from member_hub.privacy import Purpose
from member_hub.settings import Settings


class NoRows(StrEnum):
    """Why nobody is in reach."""

    POLICY = "policy"  # the policy gives this role no rows for this purpose
    CONSENT_NOT_AVAILABLE = "consent_not_available"  # the purpose rests on a consent that nobody can check


@dataclass(frozen=True, slots=True)
class Grant:
    """What one role may do for one purpose under one version of the policy. Whatever is not in it is refused."""

    role: str
    purpose: Purpose
    version: str
    rows: RowScope  # what holds: WHERE
    rows_stated: RowScope  # what the policy says, before consent
    no_rows_because: NoRows | None
    aggregates: AggregateScope | None  # who is counted in figures, if anybody
    operations: frozenset[Operation]
    lookup_keys: frozenset[Key]
    fields: Mapping[tuple[str, Action], Verdict]
    consent_key: str | None = None  # the consent that the purpose rests on: whoever has not given it is out of reach
    serves_presented: bool = False  # whether a member out of reach who shows a code is seen at all
    is_till_view: bool = False  # this is what such a member looks like

    def __hash__(self) -> int:
        return hash((self.role, self.purpose, self.version))

    @property
    def is_own(self) -> bool:
        """Whether it reads what is the caller's own."""
        return self.rows in OWN_ROWS

    @property
    def rows_with_consent(self) -> bool:
        """Whether whoever has not consented to the purpose is out of reach."""
        return self.consent_key is not None and self.rows is not RowScope.NONE and not self.is_own

    @property
    def is_of_all(self) -> bool:
        """Whether it reaches the members of every handler."""
        return self.rows is RowScope.ALL

    def verdict(self, guard: str, action: Action) -> Verdict:
        return self.fields.get((guard, action), Verdict.DENIED)

    def read(self, guard: str) -> Verdict:
        """CLEAR, MASKED or DENIED; a guard that nobody knows is denied."""
        return self.fields.get((guard, Action.READ), Verdict.DENIED)

    def may(self, operation: str) -> bool:
        return operation in self.operations

    def may_write(self, guard: str) -> bool:
        """Whether profileUpdate may change the field; never one that is denied (the loader refuses that).

        Enrolment needs the operation alone: it brings the values that the person gives at that moment.
        """
        return self.verdict(guard, Action.WRITE) is Verdict.CLEAR

    def may_filter(self, guard: str, *, exactly: bool) -> bool:
        """By one value (`exactly`), or by ranges and parts too."""
        verdict = self.verdict(guard, Action.FILTER)
        return verdict is Verdict.CLEAR or (exactly and verdict is Verdict.MATCHED)

    def may_aggregate(self, guard: str) -> bool:
        return self.verdict(guard, Action.AGGREGATE) is Verdict.CLEAR

    def may_look_up(self, key: str) -> bool:
        """Whether a member may be found by this kind of key, also one that may not be read (CONTRACT)."""
        return key in self.lookup_keys

    def may_reveal(self, guard: str) -> bool:
        """One field at a time, with a reason; always one that is read masked (the loader refuses any other)."""
        return self.verdict(guard, Action.REVEAL) is Verdict.CLEAR

    def at_till(self) -> "Grant | None":
        """What a member out of reach looks like in the request that presents them; None: this role serves nobody so.

        Nothing can be done with it but read: no operation, no key, no filter, no writing.
        """
        if not self.serves_presented or self.no_rows_because is NoRows.CONSENT_NOT_AVAILABLE:
            return None
        seen = {(guard.value, Action.READ): self.verdict(guard, Action.PRESENT) for guard in Guard}
        return replace(
            self,
            rows=PRESENTED_ROWS,
            operations=frozenset(),
            lookup_keys=frozenset(),
            fields=MappingProxyType(seen),
            is_till_view=True,
        )

    def revealing(self, guard: str) -> "Grant":
        """The same grant with one field in clear; for the answer to one reveal."""
        assert self.may_reveal(guard), guard
        return replace(self, fields=MappingProxyType({**self.fields, (guard, Action.READ): Verdict.CLEAR}))

    def in_open_case(self) -> "Grant":
        """The same grant inside an open request or incident that names the member."""
        clear = {(guard, Action.READ): v for (guard, action), v in self.fields.items() if action is Action.IN_CASE}
        return replace(self, fields=MappingProxyType({**self.fields, **clear})) if clear else self


@dataclass(frozen=True, slots=True)
class Policies:
    """One loaded policy: the register and the grant of every (role, purpose)."""

    version: str
    register: Register
    grants: Mapping[tuple[str, str], Grant]

    @classmethod
    def load(cls, folder: Path, *, consent_keys: Collection[str] = ()) -> "Policies":
        """Read, check and compile a policy folder. Raises PolicyError; a policy holds whole or not at all.

        `consent_keys` names the consents that the data layer can check on a member's row. A purpose that rests on
        another consent reaches nobody.
        """
        ruleset = read(folder)
        verdicts = decide(ruleset.rows)
        check_duties(ruleset.register, verdicts)
        return cls(ruleset.version, ruleset.register, MappingProxyType(_grants(ruleset, verdicts, consent_keys)))

    def allows(self, role: str, purpose: str) -> bool:
        return (role, purpose) in self.grants

    def grant(self, role: str, purpose: str, *, in_open_case: bool = False) -> Grant:
        """The one grant of the pair. Raises PurposeNotAllowed where the policy knows none.

        `in_open_case`: an open request or incident names the very member who is read.
        """
        found = self.grants.get((role, purpose))
        if found is None:
            raise PurposeNotAllowed
        return found.in_open_case() if in_open_case else found


def folder_of(settings: Settings) -> Path:
    """The operator's policy folder, else the one that came with the product."""
    return settings.policy_dir or resources.folder("policies")


def _grants(
    ruleset: Ruleset, verdicts: Mapping[Cell, Verdict], consent_keys: Collection[str]
) -> dict[tuple[str, str], Grant]:
    cells: dict[tuple[str, Purpose], dict[tuple[str, Action], Verdict]] = {pair: {} for pair in ruleset.register.pairs}
    for (role, purpose, object_, action), verdict in verdicts.items():
        cells[role, purpose][object_, action] = verdict
    return {pair: _grant(ruleset, pair, cells[pair], consent_keys) for pair in cells}


def _grant(
    ruleset: Ruleset,
    pair: tuple[str, Purpose],
    cells: Mapping[tuple[str, Action], Verdict],
    consent_keys: Collection[str],
) -> Grant:
    role, purpose = pair
    allowed = {cell for cell, verdict in cells.items() if verdict is not Verdict.DENIED}
    stated = next(scope for scope in RowScope if (rows_object(scope), Action.READ) in allowed)
    consent_key = ruleset.register.purposes[purpose].consent_key
    is_consented = consent_key is None or consent_key in consent_keys
    rows, because = stated, NoRows.POLICY if stated is RowScope.NONE else None
    if not is_consented and because is None:
        rows, because = RowScope.NONE, NoRows.CONSENT_NOT_AVAILABLE
    counted = next((scope for scope in AggregateScope if (aggregates_object(scope), Action.AGGREGATE) in allowed), None)
    return Grant(
        role=role,
        purpose=purpose,
        version=ruleset.version,
        rows=rows,
        rows_stated=stated,
        no_rows_because=because,
        aggregates=counted if is_consented else None,
        operations=frozenset(o for o in Operation if (operation_object(o), Action.CALL) in allowed),
        lookup_keys=frozenset(k for k in Key if (key_object(k), Action.LOOKUP) in allowed),
        fields=MappingProxyType({cell: v for cell, v in cells.items() if cell[0] in FIELDS}),
        consent_key=consent_key,
        serves_presented=(rows_object(PRESENTED_ROWS), Action.PRESENT) in allowed,
    )
