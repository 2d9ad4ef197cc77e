"""Which accounts of one member are opened by somebody who proves a phone number now (pure).

Context: on a number that nobody contests silence joins accounts, however long ago the one of before verified it
(matching/tenure.py): files are read so, for recall. It is not enough to hand one account's data to whoever holds the
number today: a carrier gives it to somebody else after 90 days. Decision: what was proven opens what agrees with it in
something beside the number, and what had the number within those 90 days of it; the rest of the member has to be
proven by something of its own. Price: a member whose accounts have nothing in common but an old number is asked once.
"""

from collections.abc import Collection, Sequence

from member_hub.identity.kinds import ClaimKind
from member_hub.identity.matching.evidence import NAMES_AGREE, Side, names, other_identifiers, side_of
from member_hub.identity.model import Claim, OriginFacts, Rules
from member_hub.ids import OriginId


def opened_with(
    accounts: Sequence[OriginFacts], number: bytes, proven: Collection[OriginId], rules: Rules
) -> frozenset[OriginId]:
    """Those of a member's accounts that hang together with the proven ones by more than an old number."""
    sides = {facts.origin_id: side_of(facts, facts.claims) for facts in accounts}
    stated = {facts.origin_id: _stated(facts, number) for facts in accounts}
    opened = frozenset(proven) & sides.keys()
    while True:
        more = {
            one
            for one in sides.keys() - opened
            if any(
                _agree(sides[one], sides[other], number) or _soon_after(stated[one], stated[other], rules)
                for other in opened
            )
        }
        if not more:
            return opened
        opened |= more


def _stated(facts: OriginFacts, number: bytes) -> Claim | None:
    return next((c for c in facts.claims if c.kind is ClaimKind.PHONE and c.token == number), None)


def _agree(one: Side, other: Side, number: bytes) -> bool:
    """A name of more than the surname, the birth date, or another identifier."""
    is_named = names(one, other) in NAMES_AGREE
    return is_named or bool(one.birthdays & other.birthdays) or other_identifiers(one, other, number) > 0


def _soon_after(one: Claim | None, other: Claim | None, rules: Rules) -> bool:
    """Whether one had the number when the other verified it, or so near to it that nobody came in between.

    That a number is stated still says nothing: a file tells it for years after it was given up.
    """
    if one is None or other is None or other.verified_at is None:
        return False
    return abs(other.verified_at - (one.verified_at or one.stated_from)) <= rules.recycled_after
