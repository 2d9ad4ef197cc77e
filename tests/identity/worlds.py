"""Small crowded worlds for property tests: few values, so that accounts collide in every way."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import NAMESPACE_DNS, uuid5

from hypothesis import strategies as st

from member_hub.identity.names import name as read_name
from member_hub.identity.rules import CONNECTING_KINDS, Claim, ClaimKind, OriginFacts, Partition
from member_hub.ids import OriginId
from tests.identity.people import account, day, origin_of

NAMES = (None, None, "张伟", "張偉", "张玮", "张*", "张先生", "李娜", "John Smith")
BIRTHDAYS = (None, None, date(1990, 5, 1), date(1971, 2, 3))
PLACES = (("website", "website"), ("app", "app1"), ("app", "app2"), ("store", "brand"))
VALUES = (
    (ClaimKind.PHONE, "", 3),
    (ClaimKind.EMAIL, "", 2),
    (ClaimKind.UNIONID, "wechat", 2),
    (ClaimKind.OPENID, "app1", 2),
    (ClaimKind.CARD, "brand", 2),
    (ClaimKind.DEVICE, "app", 2),
)
DAYS = st.sampled_from((0, 1, 5, 60, 200, 400))


@st.composite
def claims(draw: st.DrawFn, key: str) -> tuple[Claim, ...]:
    found: dict[tuple[ClaimKind, str, bytes], Claim] = {}
    for _ in range(draw(st.integers(0, 4))):
        kind, namespace, many = draw(st.sampled_from(VALUES))
        token = f"{kind}{draw(st.integers(1, many))}".encode()
        since, span = draw(DAYS), draw(st.sampled_from((0, 0, 30)))
        verified = draw(st.one_of(st.none(), DAYS))
        moment = None if verified is None else day(verified)
        begins = moment if kind is ClaimKind.PHONE and draw(st.booleans()) else None
        claim = Claim(origin_of(key), kind, namespace, token, moment, day(since), day(since + span), begins)
        found[claim.value] = claim
    return tuple(found.values())


@st.composite
def accounts(draw: st.DrawFn, key: str) -> OriginFacts:
    channel, namespace = draw(st.sampled_from(PLACES))
    made = account(
        key,
        channel,
        namespace,
        draw(claims(key)),
        birthday=draw(st.sampled_from(BIRTHDAYS)),
        birthday_verified=draw(st.booleans()),
        gender=draw(st.sampled_from((None, "M", "F"))),
        handler=draw(st.sampled_from(("one", "one", "one", "other", "third"))),
    )
    return replace(made, name=read_name(draw(st.sampled_from(NAMES))))


@st.composite
def worlds(draw: st.DrawFn, most: int = 8) -> list[OriginFacts]:
    return [draw(accounts(f"a{number}")) for number in range(draw(st.integers(1, most)))]


def pairs(world: Sequence[OriginFacts]) -> st.SearchStrategy[frozenset[frozenset[OriginId]]]:
    """Some pairs that must never be merged."""
    ids = [facts.origin_id for facts in world]
    pair = st.lists(st.sampled_from(ids), min_size=2, max_size=2, unique=True).map(frozenset)
    return st.frozensets(pair, max_size=2) if len(ids) > 1 else st.just(frozenset())


def relabelled(world: Sequence[OriginFacts], salt: str) -> list[OriginFacts]:
    """The same facts under other random ids."""
    return [
        replace(
            facts,
            origin_id=_new_id(facts.origin_id, salt),
            claims=tuple(replace(claim, origin=_new_id(claim.origin, salt)) for claim in facts.claims),
        )
        for facts in world
    ]


def relabelled_pairs(never: frozenset[frozenset[OriginId]], salt: str) -> frozenset[frozenset[OriginId]]:
    return frozenset(frozenset(_new_id(origin, salt) for origin in pair) for pair in never)


def _new_id(origin: OriginId, salt: str) -> OriginId:
    return OriginId(uuid5(NAMESPACE_DNS, f"{salt}{origin}"))


def in_keys(world: Sequence[OriginFacts], found: Partition) -> Mapping[str, object]:
    """A partition in terms of order keys, comparable whatever the ids."""
    key = {facts.origin_id: facts.order_key for facts in world}
    return {
        "sets": {frozenset(key[o] for o in members) for members in found.sets},
        "holders": {value: key[o] for value, o in found.holders.items()},
        "statuses": {(key[o], *value): status for (o, *value), status in found.statuses.items()},
        "candidates": {(key[c.a], key[c.b], c.reason, c.weight_bp) for c in found.candidates},
        "links": {(key[link.a], key[link.b], link.kind, link.rule) for link in found.links},
    }


def components(world: Sequence[OriginFacts]) -> list[list[OriginFacts]]:
    """The accounts that state a connecting value in common, transitively."""
    found: list[tuple[set[object], list[OriginFacts]]] = []
    for facts in world:
        values: set[object] = {claim.value for claim in facts.claims if claim.kind in CONNECTING_KINDS}
        members = [facts]
        touching = [one for one in found if one[0] & values]
        for one in touching:
            values |= one[0]
            members = one[1] + members
            found.remove(one)
        found.append((values, members))
    return [members for _, members in found]
