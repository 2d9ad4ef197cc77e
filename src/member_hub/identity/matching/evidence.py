"""What is known about two sets of channel accounts side by side, and what that says about their being one person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from member_hub.identity.kinds import ClaimKind
from member_hub.identity.model import Claim, OriginFacts, Rules
from member_hub.identity.names import Agreement, Name, names_agree
from member_hub.ids import OriginId
from member_hub.members.tables import Channel

Place = tuple[str, str]


class Relation(StrEnum):
    """What the evidence on a shared value says."""

    TOGETHER = "together"  # the full names agree, or a second identifier or the birth date does
    SILENT = "silent"  # nothing for it beside the value, and nothing against it
    APART = "apart"  # something speaks for two people
    BARRED = "barred"  # says nothing about people: a limit, or another handler


@dataclass(slots=True, eq=False)
class Side:
    """What a set of channel accounts states, taken together; never changed once made."""

    ids: frozenset[OriginId]
    order_key: bytes  # the smallest of its accounts
    apart_from: frozenset[OriginId]  # never to be joined with these
    names: frozenset[Name]
    birthdays: frozenset[date]
    verified_birthdays: frozenset[date]
    genders: frozenset[str]
    handlers: frozenset[str]
    places: frozenset[Place]  # where it has an account of which a person has one
    unionids: frozenset[tuple[str, bytes]]
    openids: frozenset[tuple[str, bytes]]
    cards: frozenset[bytes]
    phones: frozenset[bytes]
    verified_phones: frozenset[bytes]
    emails: frozenset[bytes]
    verified_emails: frozenset[tuple[datetime, bytes]]
    identities: int


def side_of(origin: OriginFacts, usable: Iterable[Claim], apart_from: frozenset[OriginId] = frozenset()) -> Side:
    """One account, with those of its claims that may connect."""
    held: dict[ClaimKind, list[Claim]] = {}
    count = 0
    for claim in usable:
        held.setdefault(claim.kind, []).append(claim)
        count += 1
    phones, emails = held.get(ClaimKind.PHONE, ()), held.get(ClaimKind.EMAIL, ())
    is_card = origin.channel == Channel.STORE
    return Side(
        ids=frozenset((origin.origin_id,)),
        order_key=origin.order_key,
        apart_from=apart_from,
        names=frozenset((origin.name, *origin.other_names)) if origin.name else frozenset(),
        birthdays=frozenset((origin.birthday,)) if origin.birthday else frozenset(),
        verified_birthdays=frozenset((origin.birthday,))
        if origin.birthday and origin.birthday_verified
        else frozenset(),
        genders=frozenset((origin.gender,)) if origin.gender else frozenset(),
        handlers=frozenset((origin.handler,)),
        places=frozenset() if is_card else frozenset(((origin.channel, origin.namespace),)),
        unionids=frozenset((c.namespace, c.token) for c in held.get(ClaimKind.UNIONID, ())),
        openids=frozenset((c.namespace, c.token) for c in held.get(ClaimKind.OPENID, ())),
        cards=frozenset(c.token for c in held.get(ClaimKind.CARD, ())),
        phones=frozenset(c.token for c in phones),
        verified_phones=frozenset(c.token for c in phones if c.verified_at),
        emails=frozenset(c.token for c in emails),
        verified_emails=frozenset((c.verified_at, c.token) for c in emails if c.verified_at),
        identities=count,
    )


def together(a: Side, b: Side) -> Side:
    return Side(
        a.ids | b.ids,
        min(a.order_key, b.order_key),
        a.apart_from | b.apart_from,
        a.names | b.names,
        a.birthdays | b.birthdays,
        a.verified_birthdays | b.verified_birthdays,
        a.genders | b.genders,
        a.handlers | b.handlers,
        a.places | b.places,
        a.unionids | b.unionids,
        a.openids | b.openids,
        a.cards | b.cards,
        a.phones | b.phones,
        a.verified_phones | b.verified_phones,
        a.emails | b.emails,
        a.verified_emails | b.verified_emails,
        a.identities + b.identities,
    )


NAMES_AGREE: Final = (Agreement.FULL, Agreement.HOMOPHONE)
_ORDER: Final = (Agreement.FULL, Agreement.HOMOPHONE, Agreement.SURNAME_ONLY, Agreement.CONFLICT)


def names(a: Side, b: Side) -> Agreement:
    """The best agreement between any two of their names; CONFLICT only where all that can be compared conflict."""
    if not a.names or not b.names:
        return Agreement.UNKNOWN
    found = {names_agree(x, y) for x in a.names for y in b.names}
    return next((agreement for agreement in _ORDER if agreement in found), Agreement.UNKNOWN)


def other_identifiers(a: Side, b: Side, besides: bytes | None) -> int:
    """How many identifiers both state, not counting the one in question."""
    shared = (a.phones & b.phones) | (a.emails & b.emails) | (a.cards & b.cards)
    return len(shared - {besides}) + len(a.unionids & b.unionids) + len(a.openids & b.openids)


def relation(a: Side, b: Side, token: bytes, rules: Rules, *, both_verified: bool) -> Relation:
    """What is said about two sets that both state the value `token`."""
    if is_barred(a, b, rules):
        return Relation.BARRED
    if speaks_for_two(a, b, both_verified=both_verified):
        return Relation.APART
    agreement, same_birthday = names(a, b), bool(a.birthdays & b.birthdays)
    if _same_place(a, b) and not _may_have_two(a, b, agreement, same_birthday=same_birthday):
        return Relation.APART
    if agreement in NAMES_AGREE or same_birthday or other_identifiers(a, b, token):
        return Relation.TOGETHER
    return Relation.SILENT


def speaks_for_two(a: Side, b: Side, *, both_verified: bool) -> bool:
    """Whether something says that these are two people.

    Where one side only typed the value, a birth date or a gender that differs says so; where both verified it, a full
    name that agrees outweighs a birth date, which people mistype and invent. Two accounts in one place say so where no
    name says otherwise.
    """
    agreement = names(a, b)
    if agreement is Agreement.CONFLICT or differ_for_good(a, b):
        return True
    if a.birthdays and b.birthdays and a.birthdays.isdisjoint(b.birthdays):
        return not (both_verified and agreement is Agreement.FULL)
    if not both_verified and a.genders and b.genders and a.genders.isdisjoint(b.genders):
        return True
    return agreement is Agreement.UNKNOWN and _same_place(a, b) and not a.unionids & b.unionids


def nothing_missing(a: Side, b: Side, *, is_verified: bool) -> bool:
    """Whether on a number that nothing contests this is enough: no name to compare, or one surname besides a number
    that one of them verified, or besides one gender."""
    agreement = names(a, b)
    if agreement is Agreement.SURNAME_ONLY:
        return is_verified or not a.genders.isdisjoint(b.genders)
    return agreement is Agreement.UNKNOWN


def differ_for_good(a: Side, b: Side) -> bool:
    """Nothing ever joins these: somebody said so, two unionids of one platform, two verified birth dates."""
    if not a.apart_from.isdisjoint(b.ids):
        return True
    if a.verified_birthdays and b.verified_birthdays and a.verified_birthdays.isdisjoint(b.verified_birthdays):
        return True
    return bool(a.unionids and b.unionids) and _two_in_one_namespace(a.unionids | b.unionids)


def is_barred(a: Side, b: Side, rules: Rules) -> bool:
    """Joining them would cross handlers without an agreement, or break a limit or a cap."""
    return not may_cross(a, b, rules) or exceeds_limits(a, b, rules)


def may_cross(a: Side, b: Side, rules: Rules) -> bool:
    handlers = a.handlers | b.handlers
    return len(handlers) == 1 or any(handlers <= agreed for agreed in rules.handlers_joined)


def exceeds_limits(a: Side, b: Side, rules: Rules) -> bool:
    """A limit that one of them is over already, all by itself, does not stand in the way."""
    if len(a.ids) + len(b.ids) > rules.merges_max + 1 or a.identities + b.identities > rules.identities_max:
        return True
    if _outgrows(a.cards, b.cards, rules.cards_max) or _outgrows(_typed(a), _typed(b), rules.typed_phones_max):
        return True
    if _outgrows(a.emails, b.emails, rules.emails_max):
        return True
    if a.verified_emails <= b.verified_emails or b.verified_emails <= a.verified_emails:
        return False
    verified = a.verified_emails | b.verified_emails
    return is_crowded(verified, rules.verified_emails_max, rules.verified_emails_window)


def _outgrows(a: frozenset[bytes], b: frozenset[bytes], most: int) -> bool:
    return len(a) + len(b) > most and len(a | b) > max(most, len(a), len(b))


def _typed(side: Side) -> frozenset[bytes]:
    return side.phones - side.verified_phones


def is_crowded(stated: Iterable[tuple[datetime, bytes]], most: int, window: timedelta) -> bool:
    """Whether more than `most` different values fall into one window of time."""
    newest: dict[bytes, datetime] = {}
    for at, token in stated:
        newest[token] = max(at, newest.get(token, at))
    times = sorted(newest.values())
    return any(late - early <= window for early, late in zip(times, times[most:], strict=False))


def _two_in_one_namespace(identifiers: frozenset[tuple[str, bytes]]) -> bool:
    return len({namespace for namespace, _ in identifiers}) < len(identifiers)


def _same_place(a: Side, b: Side) -> bool:
    """Both have an account where a person has one: on one site, or in one app."""
    return not a.places.isdisjoint(b.places) or _two_in_one_namespace(a.openids | b.openids)


def _may_have_two(a: Side, b: Side, agreement: Agreement, *, same_birthday: bool) -> bool:
    """One person with two accounts in one place: one WeChat user; or a phone or an address that one of them verified
    and both state, with one full name, or with names that may be one and something more that agrees."""
    if a.unionids & b.unionids or a.openids & b.openids:
        return True
    shared = (a.phones & b.phones) | (a.emails & b.emails)
    if agreement in (Agreement.CONFLICT, Agreement.UNKNOWN) or not shared & (_verified(a) | _verified(b)):
        return False
    return agreement is Agreement.FULL or len(shared) + same_birthday >= 2


def _verified(side: Side) -> frozenset[bytes]:
    return side.verified_phones | {token for _, token in side.verified_emails}
