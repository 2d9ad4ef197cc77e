"""All facts in hand: which claims may connect, who states which value, and who is joined with whom so far."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from member_hub.identity.kinds import CONNECTING_KINDS, ClaimKind
from member_hub.identity.matching.evidence import Side, side_of, together
from member_hub.identity.matching.tenure import Stance
from member_hub.identity.model import Claim, ClaimKey, NeverMerge, OriginFacts, Rules, Value
from member_hub.ids import OriginId
from member_hub.members.tables import Channel

Stated = tuple[int, Claim]  # the account's place in the book, and what it says
_ONE_EVER: Final = (ClaimKind.UNIONID, ClaimKind.ACCOUNT, ClaimKind.OPENID)


class Book:
    """The accounts in the order of their keys, with a union-find over their places."""

    def __init__(self, origins: Iterable[OriginFacts], rules: Rules, never_merge: NeverMerge) -> None:
        unique = {origin.origin_id: origin for origin in origins}
        self.origins = sorted(unique.values(), key=lambda origin: origin.order_key)
        self.rules = rules
        self._apart = _apart(never_merge)
        stated = self._index()
        self.shared = {value for value, by in stated.items() if _is_shared(by, rules)}
        self.surplus = {claim_key(claim) for origin in self.origins for claim in _beyond_one(origin.claims)}
        for value in self.shared:
            del stated[value]
        for _, kind, namespace, token in self.surplus:
            value = (kind, namespace, token)
            stated[value] = [s for s in stated.get(value, ()) if claim_key(s[1]) not in self.surplus]
        self.stated = {value: by for value, by in stated.items() if by}
        self._parents = list(range(len(self.origins)))
        self._sides: dict[int, Side] = {}

    def _index(self) -> dict[Value, list[Stated]]:
        stated: dict[Value, list[Stated]] = {}
        for place, origin in enumerate(self.origins):
            for claim in origin.claims:
                if claim.kind in CONNECTING_KINDS:
                    stated.setdefault(claim.value, []).append((place, claim))
        return stated

    def root(self, place: int) -> int:
        parents = self._parents
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    def side(self, place: int) -> Side:
        """What the set that this account belongs to states by now."""
        root = self.root(place)
        if root not in self._sides:
            origin = self.origins[root]
            usable = (
                c
                for c in origin.claims
                if c.kind in CONNECTING_KINDS and c.value not in self.shared and claim_key(c) not in self.surplus
            )
            self._sides[root] = side_of(origin, usable, self._apart.get(origin.origin_id, frozenset()))
        return self._sides[root]

    def join(self, a: int, b: int) -> None:
        """Make one set of two; the smaller place stays the root, whatever the order of joining."""
        kept, gone = sorted((self.root(a), self.root(b)))
        self._sides[kept] = together(self.side(kept), self.side(gone))
        self._parents[gone] = kept

    def sets(self) -> dict[int, list[int]]:
        members: dict[int, list[int]] = {}
        for place in range(len(self.origins)):
            members.setdefault(self.root(place), []).append(place)
        return members

    def stances(self, value: Value) -> list[Stance]:
        """What each set says about a value, by the sets as they are now."""
        by_set: dict[int, list[Stated]] = {}
        for place, claim in self.stated[value]:
            by_set.setdefault(self.root(place), []).append((place, claim))
        return [self._stance(root, said) for root, said in by_set.items()]

    def _stance(self, root: int, said: Sequence[Stated]) -> Stance:
        place, speaker = max(said, key=_firmness)
        is_own_card = speaker.kind is ClaimKind.CARD and self.origins[place].channel == Channel.STORE
        left = [(left_at(claim, self.origins[p].claims), p, claim) for p, claim in said]
        holding = [(p, claim) for at, p, claim in left if at is None and claim.verified_at is not None]
        return Stance(
            side=self.side(root),
            place=place,
            order_key=self.origins[place].order_key,
            verified_at=None if is_own_card else speaker.verified_at,  # staff checked what another account stated
            since=min(claim.stated_from for _, claim in said),
            until=max(max(claim.stated_to, claim.verified_at or claim.stated_to) for _, claim in said),
            left_at=None if any(at is None for at, _, _ in left) else max(at for at, _, _ in left if at is not None),
            held_by=max(holding, key=_firmness)[0] if holding else None,
            begins_at=max((claim.begins_at for _, claim in said if claim.begins_at is not None), default=None),
        )


def _firmness(stated: Stated) -> tuple[bool, datetime]:
    """Verified before typed, then the later."""
    claim = stated[1]
    return (claim.verified_at is not None, claim.verified_at or claim.stated_from)


def left_at(claim: Claim, claims: Iterable[Claim]) -> datetime | None:
    """When the account stated another phone or address instead of this one; None: it has not."""
    if claim.kind not in (ClaimKind.PHONE, ClaimKind.EMAIL):
        return None
    later = (c.stated_from for c in claims if c.kind is claim.kind and c.stated_to > claim.stated_to)
    return min((max(at, claim.stated_to) for at in later), default=None)


def claim_key(claim: Claim) -> ClaimKey:
    return (claim.origin, claim.kind, claim.namespace, claim.token)


def _is_shared(by: Sequence[Stated], rules: Rules) -> bool:
    return len(by) > rules.shared_max and len({place for place, _ in by}) > rules.shared_max


def _beyond_one(claims: Sequence[Claim]) -> Iterable[Claim]:
    """An account has one unionid, one account id and one openid per namespace, ever: the first counts."""
    single = [claim for claim in claims if claim.kind in _ONE_EVER]
    if len({(claim.kind, claim.namespace) for claim in single}) == len(single):
        return
    first: dict[tuple[ClaimKind, str], Claim] = {}
    for claim in sorted(single, key=lambda c: (c.stated_from, c.token)):
        if first.setdefault((claim.kind, claim.namespace), claim) is not claim:
            yield claim


def _apart(never_merge: NeverMerge) -> Mapping[OriginId, frozenset[OriginId]]:
    others: dict[OriginId, set[OriginId]] = {}
    for pair in never_merge:
        for origin in pair:
            others.setdefault(origin, set()).update(pair - {origin})
    return {origin: frozenset(apart) for origin, apart in others.items()}
