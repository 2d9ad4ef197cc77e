"""The partition of channel accounts into members: a pure function of the set of facts.

    facts -> usable claims -> groups (one account, unionid or openid) -> what each phone, card and address says
          -> bonds, strongest first, each taken only where no guard or limit forbids it -> sets

Nothing depends on the order of the input or on random ids, and a value connects only the accounts that state it: the
partition of a union of components is the union of their partitions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from member_hub.identity.kinds import ClaimKind
from member_hub.identity.matching import tenure
from member_hub.identity.matching.book import Book
from member_hub.identity.matching.evidence import Relation, differ_for_good, is_barred, nothing_missing, relation
from member_hub.identity.matching.outcome import candidates, standing
from member_hub.identity.matching.tenure import Bond, Finding, Stance
from member_hub.identity.model import Agreements, Link, NeverMerge, OriginFacts, Partition, Rules, Value

RULE_SAME_USER: Final = "same_user"
_USER_KINDS: Final = (ClaimKind.UNIONID, ClaimKind.ACCOUNT, ClaimKind.OPENID, ClaimKind.MEMBER_CODE)
_FIND: Final[Mapping[ClaimKind, Callable[[Sequence[Stance], bytes, Rules], Finding]]] = {
    ClaimKind.PHONE: tenure.phone,
    ClaimKind.CARD: tenure.card,
    ClaimKind.EMAIL: tenure.email,
}


@dataclass(frozen=True, slots=True)
class _Step:
    """One bond to be tried, with its place in the order of trying."""

    order: tuple[object, ...]
    value: Value
    bond: Bond


def partition(
    origins: Iterable[OriginFacts],
    rules: Rules,
    *,
    never_merge: NeverMerge = frozenset(),
    agreements: Agreements = frozenset(),
) -> Partition:
    """Who belongs together. Give whole components: every account that states a value of one that is given."""
    book = Book(origins, replace(rules, handlers_joined=agreements), never_merge)
    links = list(_join_users(book))
    findings = {value: _find(book, value) for value, by in book.stated.items() if value[0] in _FIND and len(by) > 1}
    links += _join_bonds(book, findings)
    sets = {root: frozenset(book.origins[p].origin_id for p in places) for root, places in book.sets().items()}
    holders, statuses = standing(book, findings)
    return Partition(tuple(sets.values()), holders, statuses, tuple(candidates(book)), tuple(links))


def _join_users(book: Book) -> Iterable[Link]:
    """One account, unionid, openid or code shown: one user, whatever else is said; only guards stand in the way."""
    values = [(value, by) for value, by in book.stated.items() if value[0] in _USER_KINDS and len(by) > 1]
    for (kind, _, _), by in sorted(values, key=lambda v: (book.rules.strengths[v[0][0]], v[1][0][0], v[0])):
        seen: list[int] = []
        for place, _ in by:
            if all(book.root(place) != book.root(other) for other in seen):
                joined = next((other for other in seen if _may_be_one_user(book, place, other)), None)
                if joined is not None:
                    book.join(place, joined)
                    yield _link(book, place, joined, kind, RULE_SAME_USER)
            seen.append(place)


def _may_be_one_user(book: Book, a: int, b: int) -> bool:
    sides = book.side(a), book.side(b)
    return not differ_for_good(*sides) and not is_barred(*sides, book.rules)


def _find(book: Book, value: Value) -> Finding:
    return _FIND[value[0]](book.stances(value), value[2], book.rules)


def _join_bonds(book: Book, findings: Mapping[Value, Finding]) -> Iterable[Link]:
    """Strongest first, so that what would break a limit or contradict what stands is the weakest (demotion)."""
    steps = [_step(book, value, bond) for value, finding in findings.items() for bond in finding.bonds]
    for step in sorted(steps, key=lambda s: s.order):
        a, b = step.bond.a.place, step.bond.b.place
        if book.root(a) != book.root(b) and _holds(book, a, b, step):
            book.join(a, b)
            yield _link(book, a, b, step.value[0], step.bond.rule)


def _step(book: Book, value: Value, bond: Bond) -> _Step:
    is_typed = value[0] is ClaimKind.PHONE and not bond.both_verified
    strength = book.rules.typed_phone_strength if is_typed else book.rules.strengths[value[0]]
    later = max(bond.a.order, bond.b.order)
    keys = sorted((bond.a.order_key, bond.b.order_key))
    return _Step((strength, bond.rule != tenure.RULE_AGREES, later, keys, value), value, bond)


def _holds(book: Book, a: int, b: int, step: _Step) -> bool:
    """Whether the bond still holds between the sets that its ends belong to by now."""
    one, other = book.side(a), book.side(b)
    said = relation(one, other, step.value[2], book.rules, both_verified=step.bond.both_verified)
    if said is Relation.SILENT and not step.bond.both_verified:
        token = step.value[2]
        is_verified = token in one.verified_phones or token in other.verified_phones
        return nothing_missing(one, other, is_verified=is_verified)
    return said in (Relation.TOGETHER, Relation.SILENT)


def _link(book: Book, a: int, b: int, kind: ClaimKind, rule: str) -> Link:
    low, high = sorted((a, b))
    return Link(book.origins[low].origin_id, book.origins[high].origin_id, kind, rule)
