"""Reads a policy folder strictly: a file that is not exactly right stops the load, with file, line and reason.

Decision: Casbin's own file adapter is not used. It skips what it does not know (a comment, a blank line, another
section) and takes any word for a role or a field, so 33 of 893 one-character slips granted more. Here every word is
on a closed list, every (role, purpose) of the register states the reading of every field exactly once, and model.conf
is fixed text: a changed matcher would change the meaning of all lines.
Price: an operator who wants another model changes the code; a policy is longer, for it says `denied` in words.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from member_hub.access import register as registers
from member_hub.access.register import Register, RoleKind
from member_hub.access.words import (
    ACTIONS,
    CELLS,
    FIGURES,
    GUARDS,
    OBJECTS,
    PRESENTED_ROWS,
    Action,
    AggregateScope,
    Guard,
    Operation,
    RowScope,
    Verdict,
    aggregates_object,
    operation_object,
    rows_object,
)
from member_hub.organisation import PolicyError, read_toml, strict_text
from member_hub.privacy import Purpose

POLICY = "policy.csv"
MODEL = "model.conf"
ROWS_MAX = 20_000
VERSION_CHARS = 16
WORDS: Final = ("p", "role", "purpose", "object", "action", "outcome")
QUOTES: Final = ("'", '"', "`", "‘", "’", "“", "”")
MODEL_TEXT: Final = """\
[request_definition]
r = role, purpose, object, action, outcome

[policy_definition]
p = role, purpose, object, action, outcome

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.role == p.role && r.purpose == p.purpose && r.object == p.object && r.action == p.action && r.outcome == p.outcome
"""

# `members` is `member` asked up to a hundred times. The words differ by one character, so a slip would make one of the
# other; as both are stated or neither is, it says a thing twice, or half of it.
TOGETHER: Final = ((Operation.MEMBER, Operation.MEMBERS),)

# Which kinds of role a row scope makes sense for: one's own stores need a person with stores.
_SCOPE_KINDS: Final[Mapping[RowScope, frozenset[RoleKind]]] = {
    RowScope.SELF: frozenset({RoleKind.MEMBER}),
    RowScope.CHILDREN: frozenset({RoleKind.MEMBER}),
    RowScope.BEHALF: frozenset({RoleKind.APP}),
    RowScope.OWN_STORES: frozenset({RoleKind.STAFF}),
    RowScope.REGION: frozenset({RoleKind.STAFF}),
    RowScope.HANDLER: frozenset({RoleKind.STAFF, RoleKind.APP}),
    RowScope.ALL: frozenset({RoleKind.STAFF}),
    RowScope.NONE: frozenset(RoleKind),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of policy.csv, checked."""

    role: str
    purpose: Purpose
    object: str
    action: Action
    outcome: Verdict

    @property
    def words(self) -> tuple[str, str, str, str, str]:
        return (self.role, self.purpose.value, self.object, self.action.value, self.outcome.value)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A whole policy, read and checked, not yet compiled; `version` is the digest of its three files."""

    version: str
    register: Register
    rows: tuple[Row, ...]


def read(folder: Path) -> Ruleset:
    """Read model.conf, register.toml and policy.csv. Raises PolicyError; then nothing of the folder holds."""
    if not folder.is_dir():
        raise PolicyError(f"the policy folder {folder.name}", 0, "is missing, or is no folder")
    model, policy = strict_text(folder / MODEL), strict_text(folder / POLICY)
    _check_model(model)
    top = read_toml(folder / registers.FILE)
    register = registers.check(top)
    digest = hashlib.sha256()
    for text in (model, top.source, policy):
        digest.update(len(raw := text.encode()).to_bytes(8, "big") + raw)
    return Ruleset(digest.hexdigest()[:VERSION_CHARS], register, rows(policy, register))


def _check_model(text: str) -> None:
    for number, (found, meant) in enumerate(zip(text.split("\n"), MODEL_TEXT.split("\n"), strict=False), start=1):
        if found != meant:
            raise PolicyError(MODEL, number, "differs from the model that this version was tested with")
    if text != MODEL_TEXT:
        raise PolicyError(MODEL, 0, "is longer or shorter than the model that this version was tested with")


def rows(text: str, register: Register) -> tuple[Row, ...]:
    """Every line of policy.csv, each checked alone and then all of them together."""
    lines = text.split("\n")[:-1]
    if len(lines) > ROWS_MAX:
        raise PolicyError(POLICY, ROWS_MAX + 1, f"has more than {ROWS_MAX} lines")
    found: dict[tuple[str, Purpose, str, Action], tuple[int, Row]] = {}
    for number, line in enumerate(lines, start=1):
        row = parse(line, number, register)
        first = found.setdefault((row.role, row.purpose, row.object, row.action), (number, row))
        if first[0] != number:
            raise PolicyError(POLICY, number, f"says again what line {first[0]} says")
    for role, purpose in register.pairs:
        _check_pair(register, role, purpose, {key[2:]: at for key, at in found.items() if key[:2] == (role, purpose)})
    return tuple(row for _, row in found.values())


def parse(line: str, number: int, register: Register) -> Row:
    """One line: `p, role, purpose, object, action, outcome`, and nothing else."""
    words = line.split(", ")
    if reason := _malformed(line, words):
        raise PolicyError(POLICY, number, reason)
    _, role, purpose, object_, action, outcome = words
    if role not in register.roles:
        raise PolicyError(POLICY, number, f"{role!r} is not a role of the register")
    if purpose not in register.roles[role].purposes:
        raise PolicyError(POLICY, number, f"{purpose!r} is not a purpose of {role} in the register")
    if object_ not in OBJECTS:
        raise PolicyError(POLICY, number, f"{object_!r} is not an object")
    if action not in ACTIONS or (object_, Action(action)) not in CELLS:
        raise PolicyError(POLICY, number, f"{action!r} is not an action on {object_}")
    if outcome not in CELLS[object_, Action(action)]:
        raise PolicyError(POLICY, number, f"{outcome!r} is not an outcome of {action} on {object_}")
    return Row(role, Purpose(purpose), object_, Action(action), Verdict(outcome))


def _malformed(line: str, words: list[str]) -> str | None:
    if not line.strip():
        return "is blank"
    if line.lstrip().startswith(("#", ";", "//")):
        return "is a comment; reasons stand in cases.csv and in the register"
    if any(quote in line for quote in QUOTES):
        return "holds a quotation mark"
    if len(words) != len(WORDS):
        return f"has {len(words)} words parted by a comma and one space; it takes {len(WORDS)}: {', '.join(WORDS)}"
    if any(not word or word != word.strip() or "," in word for word in words):
        return "has an empty word, a stray space or a stray comma"
    if words[0] != "p":
        return f"starts with {words[0]!r}; every line is a policy line and starts with 'p'"
    return None


def _check_pair(
    register: Register, role: str, purpose: Purpose, cells: Mapping[tuple[str, Action], tuple[int, Row]]
) -> None:
    """One (role, purpose): one row scope that fits, every field's reading stated, no right without what it implies."""
    for guard in Guard:
        if (guard, Action.READ) not in cells:
            raise PolicyError(POLICY, 0, f"{role}, {purpose}: the reading of {guard} is not stated")
    scopes = [scope for scope in RowScope if (rows_object(scope), Action.READ) in cells]
    if len(scopes) != 1:
        raise PolicyError(POLICY, 0, f"{role}, {purpose}: states {len(scopes)} row scopes instead of one")
    for one, other in TOGETHER:
        stated = [at for name in (one, other) if (at := cells.get((operation_object(name), Action.CALL)))]
        if len(stated) == 1:
            raise PolicyError(
                POLICY, stated[0][0], f"the operations {one} and {other} are stated together or not at all"
            )
    kind = register.roles[role].kind
    if kind not in _SCOPE_KINDS[scopes[0]]:
        line, _ = cells[rows_object(scopes[0]), Action.READ]
        raise PolicyError(POLICY, line, f"the row scope {scopes[0]} does not fit {role}, a role of kind {kind}")
    for line, reason in (*_unfounded(cells), *_misplaced(cells, kind), *_uncounted(cells)):
        raise PolicyError(POLICY, line, reason)


def _unfounded(cells: Mapping[tuple[str, Action], tuple[int, Row]]) -> Iterator[tuple[int, str]]:
    """Rights that would show, by another way, what reading does not: ordering and ranges, and writing blindly."""
    yield from _unread(cells)
    for (object_, action), (line, row) in cells.items():
        if object_ not in GUARDS or action not in (Action.FILTER, Action.SORT, Action.WRITE):
            continue
        if row.outcome is Verdict.MATCHED:
            continue
        read_ = cells[object_, Action.READ][1].outcome
        if action is Action.WRITE and read_ is Verdict.DENIED:
            yield line, f"{object_} may not be written by whom it is denied"
        if action is not Action.WRITE and read_ is not Verdict.CLEAR:
            yield line, f"{action} by {object_} would show what is read {read_}"


def _unread(cells: Mapping[tuple[str, Action], tuple[int, Row]]) -> Iterator[tuple[int, str]]:
    """The other readings lean on the ordinary one: no more at the till, revealed where masked, denied stays denied."""
    for (object_, action), (line, row) in cells.items():
        if object_ not in GUARDS:
            continue
        read_ = cells[object_, Action.READ][1].outcome
        if action is Action.PRESENT and row.outcome.reach > read_.reach:
            yield line, f"{object_} would show more of a member who is presented than of one in reach"
        if action is Action.REVEAL and read_ is not Verdict.MASKED:
            yield line, f"{object_} is read {read_}; only what is masked is revealed"
        if action is Action.IN_CASE and read_ is Verdict.DENIED:
            yield line, f"a case would show {object_} to whom it is denied"


def _misplaced(cells: Mapping[tuple[str, Action], tuple[int, Row]], kind: RoleKind) -> Iterator[tuple[int, str]]:
    """Whoever serves at a till is staff or an app; whoever reveals or handles a case is a person on the staff."""
    has_view = (rows_object(PRESENTED_ROWS), Action.PRESENT) in cells
    for (object_, action), (line, _) in cells.items():
        if action is Action.PRESENT and not has_view:
            yield line, f"{object_} of presented members is stated, and {rows_object(PRESENTED_ROWS)} present is not"
        if action is Action.PRESENT and kind is RoleKind.MEMBER:
            yield line, "nobody presents himself to a member"
        if action in (Action.REVEAL, Action.IN_CASE) and kind is not RoleKind.STAFF:
            yield line, f"{action} is for staff, not for a role of kind {kind}"


def _uncounted(cells: Mapping[tuple[str, Action], tuple[int, Row]]) -> Iterator[tuple[int, str]]:
    """Figures need three things stated: whom they count, by what, and that they may be asked for."""
    counted = any((aggregates_object(scope), Action.AGGREGATE) in cells for scope in AggregateScope)
    for operation in FIGURES:
        asked = cells.get((operation_object(operation), Action.CALL))
        if asked and not counted:
            yield asked[0], f"{operation} may be asked for, and whom it counts is not stated (aggregates:)"
    for (object_, action), (line, _) in cells.items():
        if action is Action.AGGREGATE and not counted:
            yield line, f"{object_} may be counted by, and who is counted is not stated (aggregates:)"
