"""What the sets mean: who holds each value, what became of each claim, and what staff should look at."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import Final

from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.matching.book import Book, Stated, claim_key, left_at
from member_hub.identity.matching.evidence import (
    Relation,
    Side,
    differ_for_good,
    exceeds_limits,
    may_cross,
    names,
    other_identifiers,
    relation,
)
from member_hub.identity.matching.tenure import Finding
from member_hub.identity.model import Candidate, Claim, ClaimKey, Reason, Rules, Value
from member_hub.identity.names import Agreement
from member_hub.ids import OriginId
from member_hub.members.tables import Channel

_CONTACTS: Final = (ClaimKind.PHONE, ClaimKind.EMAIL)
_REVIEWED: Final = (ClaimKind.PHONE, ClaimKind.EMAIL, ClaimKind.CARD, ClaimKind.UNIONID, ClaimKind.OPENID)
_WEIGHTS_BP: Final[Mapping[Agreement, int]] = {
    Agreement.FULL: 9000,
    Agreement.HOMOPHONE: 8000,
    Agreement.SURNAME_ONLY: 6000,
    Agreement.UNKNOWN: 5000,
    Agreement.CONFLICT: 1000,
}


def standing(
    book: Book, findings: Mapping[Value, Finding]
) -> tuple[Mapping[Value, OriginId], Mapping[ClaimKey, ClaimStatus]]:
    """The holder of each value that finds one member, and the status of every claim."""
    held = {value: place for value in book.stated if (place := _holder(book, value, findings)) is not None}
    demoted = _give_up_surplus(book, held)
    statuses = {
        claim_key(claim): _status(book, held, demoted, place, claim)
        for place, origin in enumerate(book.origins)
        for claim in origin.claims
    }
    statuses.update((claim_key(claim), ClaimStatus.DEMOTED) for claim in _crowded_devices(book))
    return {value: book.origins[place].origin_id for value, place in held.items()}, statuses


def _holder(book: Book, value: Value, findings: Mapping[Value, Finding]) -> int | None:
    by = book.stated[value]
    if value[0] not in _CONTACTS:
        # The card, then whoever said it first; equal accounts, unionids and openids are one set but for a guard.
        return min(by, key=lambda s: (not _is_owner(book, s), s[1].stated_from, s[0]))[0]
    if value in findings:
        return findings[value].holder
    place, claim = by[0]
    return place if claim.verified_at and left_at(claim, book.origins[place].claims) is None else None


def _is_owner(book: Book, stated: Stated) -> bool:
    return stated[1].kind is ClaimKind.CARD and book.origins[stated[0]].channel == Channel.STORE


def _give_up_surplus(book: Book, held: dict[Value, int]) -> Mapping[Value, int]:
    """A member is found by one phone, the last verified, and by so many addresses a year.

    The older phones are released; the addresses beyond the limit are demoted, and returned with their set.
    """
    by_set: dict[int, list[Value]] = {}
    for value, place in held.items():
        if value[0] in _CONTACTS:
            by_set.setdefault(book.root(place), []).append(value)
    demoted: dict[Value, int] = {}
    for root, values in by_set.items():
        values.sort(key=lambda v: (_verified_at(book, held, v), v))
        for value in [v for v in values if v[0] is ClaimKind.PHONE][:-1]:
            del held[value]
        emails = [v for v in values if v[0] is ClaimKind.EMAIL]
        for value in _beyond(book.rules, [(_verified_at(book, held, v), v) for v in emails]):
            demoted[value] = root
            del held[value]
    return demoted


def _verified_at(book: Book, held: Mapping[Value, int], value: Value) -> datetime:
    at = next(claim.verified_at for place, claim in book.stated[value] if place == held[value])
    assert at is not None
    return at


def _beyond(rules: Rules, emails: Sequence[tuple[datetime, Value]]) -> Iterator[Value]:
    """The oldest of those that crowd one window."""
    for index, (at, value) in enumerate(emails):
        newer = emails[index + rules.verified_emails_max : index + rules.verified_emails_max + 1]
        if any(later - at <= rules.verified_emails_window for later, _ in newer):
            yield value


def _status(
    book: Book, held: Mapping[Value, int], demoted: Mapping[Value, int], place: int, claim: Claim
) -> ClaimStatus:
    if claim.kind is ClaimKind.DEVICE:
        return ClaimStatus.UNVERIFIED
    if claim.value in book.shared:
        return ClaimStatus.SHARED
    if claim_key(claim) in book.surplus:
        return ClaimStatus.DEMOTED
    holder = held.get(claim.value)
    is_ours = holder is not None and book.root(holder) == book.root(place)
    if claim.kind not in _CONTACTS:
        return ClaimStatus.ACTIVE if is_ours else ClaimStatus.DEMOTED
    if left_at(claim, book.origins[place].claims) is not None:
        return ClaimStatus.RELEASED
    if claim.verified_at is None:
        return ClaimStatus.UNVERIFIED if is_ours or not _has_begun_anew(book, holder, claim) else ClaimStatus.RELEASED
    if demoted.get(claim.value) == book.root(place):
        return ClaimStatus.DEMOTED
    return ClaimStatus.ACTIVE if is_ours else ClaimStatus.RELEASED


def _has_begun_anew(book: Book, holder: int | None, claim: Claim) -> bool:
    """Whether somebody proved the value to be theirs after this account, which only typed it, had begun to state it."""
    return any(
        place == holder and other.begins_at is not None and claim.stated_from < other.begins_at
        for place, other in book.stated[claim.value]
    )


def _crowded_devices(book: Book) -> Iterator[Claim]:
    """What a member states beyond so many devices in a window: the older ones."""
    for places in book.sets().values():
        devices = [c for p in places for c in book.origins[p].claims if c.kind is ClaimKind.DEVICE]
        if len(devices) <= book.rules.devices_max:
            continue
        newest: dict[Value, datetime] = {}
        for claim in devices:
            newest[claim.value] = max(claim.stated_to, newest.get(claim.value, claim.stated_to))
        times = sorted(newest.values(), reverse=True)
        for claim in devices:
            at = newest[claim.value]
            newer = [t for t in times if t > at and t - at <= book.rules.devices_window]
            if len(newer) >= book.rules.devices_max:
                yield claim


def candidates(book: Book) -> Iterator[Candidate]:
    """Pairs of sets that share a value and stayed apart, each once, with the best reason to look at them."""
    best: dict[tuple[int, int], tuple[int, Reason, int, int]] = {}
    for value, by in book.stated.items():
        if value[0] not in _REVIEWED or len(by) < 2:
            continue
        firsts: dict[int, int] = {}
        for place, _ in by:
            firsts.setdefault(book.root(place), place)
        for (root_a, a), (root_b, b) in combinations(firsts.items(), 2):
            reason = _reason(book, value, root_a, root_b)
            if reason is not None:
                found = (_weight_bp(book.side(root_a), book.side(root_b), value[2], reason), reason, a, b)
                pair = (min(root_a, root_b), max(root_a, root_b))
                best[pair] = max(found, best.get(pair, found))
    for weight, reason, a, b in best.values():
        low, high = sorted((a, b))
        yield Candidate(book.origins[low].origin_id, book.origins[high].origin_id, reason, weight)


def _reason(book: Book, value: Value, root_a: int, root_b: int) -> Reason | None:
    """Why these stayed apart; None where they are not to be joined, or the value only changed hands."""
    a, b = book.side(root_a), book.side(root_b)
    if differ_for_good(a, b):
        return None
    if not may_cross(a, b, book.rules):
        return Reason.HANDLER
    if exceeds_limits(a, b, book.rules):
        return Reason.LIMIT
    both_verified = all(
        any(claim.verified_at for place, claim in book.stated[value] if book.root(place) == root)
        for root in (root_a, root_b)
    )
    match value[0]:
        case ClaimKind.EMAIL:
            return Reason.EMAIL if both_verified else Reason.TYPED_EMAIL
        case ClaimKind.CARD:
            return Reason.CARD
        case ClaimKind.PHONE:
            return _phone_reason(a, b, value[2], book.rules, both_verified=both_verified)
    return None


def _phone_reason(a: Side, b: Side, token: bytes, rules: Rules, *, both_verified: bool) -> Reason | None:
    agreement = names(a, b)
    if relation(a, b, token, rules, both_verified=both_verified) is not Relation.APART:
        return Reason.STALE_PHONE if both_verified else Reason.TYPED_PHONE
    if both_verified and agreement in (Agreement.CONFLICT, Agreement.UNKNOWN):
        return None  # the number changed hands
    return Reason.OTHER_NAME if agreement is Agreement.CONFLICT else Reason.OTHER_PERSON


def _weight_bp(a: Side, b: Side, token: bytes, reason: Reason) -> int:
    """A first ordering of the queue, until the weights are measured from what staff decide."""
    weight = _WEIGHTS_BP[names(a, b)]
    if a.birthdays & b.birthdays or other_identifiers(a, b, token):
        weight += 500
    return weight // 2 if reason is Reason.OTHER_PERSON else weight
