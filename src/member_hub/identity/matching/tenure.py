"""Who holds one phone or e-mail address, one after the other, and which of those who state it are one person.

A number is a sequence of tenures: each verified statement joins the tenure it belongs to, or begins the next one
(rebinding: the later holder gets the number, and nobody is merged with the stranger who had it before).

Context: DOMAIN lets a verified phone merge two members if it was last verified or seen within 90 days or a second
identifier agrees, and a typed one only where the names agree, by more than the surname. An app account has no name: to
the letter recall on demo data is 0.38, where 0.69 is asked for. Decision: silence is no evidence of a second owner.
Where nobody else may have had the number (names, birth dates, genders, unionids, accounts in one place tell), those
without a name belong to the one who has one, and so does a surname beside a verified number; where somebody may,
the 90 days hold to the letter and a typed number needs agreement. Price: about one such attachment in a hundred is
wrong, which shows in neither names nor dates; precision stays above 0.99, recall is 0.70.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from member_hub.identity.matching.evidence import Relation, Side, nothing_missing, relation, speaks_for_two, together
from member_hub.identity.model import Rules

RULE_AGREES: Final = "agrees"
RULE_UNCONTESTED: Final = "uncontested"
RULE_CHECKED: Final = "checked"


@dataclass(frozen=True, slots=True, eq=False)
class Stance:
    """What one set of accounts (joined by account, unionid or openid already) says about the value."""

    side: Side
    place: int  # of the account that says it most firmly: the latest to verify, else to state
    order_key: bytes
    verified_at: datetime | None
    since: datetime
    until: datetime  # last stated or verified
    left_at: datetime | None  # when all its accounts stated another value instead; None: still stated
    held_by: int | None  # the place of the latest account to verify it that still states it
    begins_at: datetime | None = None  # from when on it is theirs: what others held long before is not (model.Claim)

    @property
    def order(self) -> tuple[datetime, bytes]:
        return (self.verified_at or self.since, self.order_key)


@dataclass(frozen=True, slots=True)
class Bond:
    """Two stances taken for one person's."""

    a: Stance
    b: Stance
    both_verified: bool
    rule: str


@dataclass(slots=True, eq=False)
class Cluster:
    """Stances of one person, as far as this value tells."""

    side: Side
    stances: list[Stance]
    is_verified: bool

    @property
    def since(self) -> datetime:
        return min(stance.since for stance in self.stances)

    @property
    def until(self) -> datetime:
        return max(stance.until for stance in self.stances)

    @property
    def verified_at(self) -> datetime | None:
        return max((stance.verified_at for stance in self.stances if stance.verified_at), default=None)

    def add(self, stance: Stance) -> None:
        self.side = together(self.side, stance.side)
        self.stances.append(stance)

    def take(self, other: "Cluster") -> None:
        self.side = together(self.side, other.side)
        self.stances += other.stances
        self.is_verified |= other.is_verified

    def gap_days_to(self, stance: Stance) -> float:
        """Between what it and the stance were seen doing with the value; 0 where that overlaps."""
        gaps = (max(s.since - stance.until, stance.since - s.until) for s in self.stances)
        return max(min(gap.total_seconds() for gap in gaps), 0.0) / 86_400


@dataclass(slots=True)
class Finding:
    """What follows for one value."""

    bonds: list[Bond] = field(default_factory=list)
    holder: int | None = None  # the place of the account that holds it


class _Value:
    """One value being looked at."""

    def __init__(self, stances: Sequence[Stance], token: bytes, rules: Rules) -> None:
        self.token, self.rules = token, rules
        self.verified = sorted((s for s in stances if s.verified_at), key=lambda s: s.order)
        self.typed = sorted((s for s in stances if not s.verified_at), key=lambda s: s.order)
        self.beginnings = {s.begins_at for s in stances if s.begins_at is not None}

    def relate(self, a: Side, b: Side, *, both_verified: bool) -> Relation:
        return relation(a, b, self.token, self.rules, both_verified=both_verified)

    def begins_between(self, a: Cluster, b: Cluster) -> bool:
        """Whether somebody proved the number anew after the one had it, and before the other."""
        return any(_is_of_before(a, at, self.rules) is not _is_of_before(b, at, self.rules) for at in self.beginnings)

    def is_contested(self, a: Cluster, b: Cluster) -> bool:
        """Whether some third party, who is neither or one of the two, may have had the value at the time."""
        return any(
            self._contests(third, a, b) or self._contests(third, b, a)
            for third in (*self.verified, *self.typed)
            if third not in a.stances and third not in b.stances
        )

    def _contests(self, third: Stance, one: Cluster, other: Cluster) -> bool:
        """The third is not `one`, and so may be `other`: unless `one` had the value between the two."""
        if not speaks_for_two(one.side, third.side, both_verified=one.is_verified and third.verified_at is not None):
            return False
        if not one.is_verified and third.verified_at is not None:
            return True  # typing a number takes it from nobody who verified it
        stood_between = third.until < one.since <= other.since or other.until <= one.until < third.since
        return not stood_between


def phone(stances: Sequence[Stance], token: bytes, rules: Rules) -> Finding:
    """The tenures of a phone number, with those who only typed it attached where that is allowed."""
    value, finding = _Value(stances, token, rules), Finding()
    clusters = _tenures(value, finding)
    finding.holder = _holder(clusters)
    for stance in value.typed:
        _attach_agreeing(value, finding, clusters, stance)
    _attach_silent(value, finding, clusters)
    return finding


def email(stances: Sequence[Stance], token: bytes, rules: Rules) -> Finding:
    """The tenures of an address; whoever only typed it never attaches."""
    value, finding = _Value(stances, token, rules), Finding()
    finding.holder = _holder(_tenures(value, finding))
    return finding


def _tenures(value: _Value, finding: Finding) -> list[Cluster]:
    """Verified stances in order of time; the last cluster holds the value now."""
    tenures: list[Cluster] = []
    for stance in value.verified:
        found = _tenure_of(value, tenures, stance)
        if found is None:
            tenures.append(Cluster(stance.side, [stance], is_verified=True))
            continue
        cluster, rule = found
        finding.bonds.append(Bond(cluster.stances[-1], stance, both_verified=True, rule=rule))
        cluster.add(stance)
        tenures.remove(cluster)
        tenures.append(cluster)
    return tenures


def _tenure_of(value: _Value, tenures: Sequence[Cluster], stance: Stance) -> tuple[Cluster, str] | None:
    """The tenure it agrees with, the latest first; else the current one, where nothing is against that."""
    said = [value.relate(cluster.side, stance.side, both_verified=True) for cluster in tenures]
    for cluster, relation_ in zip(reversed(tenures), reversed(said), strict=True):
        if relation_ is Relation.TOGETHER:
            return cluster, RULE_AGREES
    if said and said[-1] is Relation.SILENT and _lasts(value, tenures[-1], stance):
        return tenures[-1], RULE_UNCONTESTED
    return None


def _lasts(value: _Value, cluster: Cluster, stance: Stance) -> bool:
    """Whether the number may still have been theirs when this one verified it."""
    if all(s.left_at is not None and s.left_at < stance.since for s in cluster.stances):
        return False
    newcomer = Cluster(stance.side, [stance], is_verified=True)
    if value.begins_between(cluster, newcomer):
        return False
    return cluster.gap_days_to(stance) <= value.rules.recycled_after.days or not value.is_contested(cluster, newcomer)


def _is_of_before(cluster: Cluster, begins_at: datetime, rules: Rules) -> bool:
    """Whether it had the number only before that moment: typed before it, or verified too long before it.

    Silence joins nothing across such a beginning, whoever it is that began: else a code sent to a number that was given
    out again would open what its former owner held, whenever and beside whatever else that is imported.
    """
    if cluster.verified_at is not None:
        return cluster.verified_at < begins_at - rules.recycled_after
    return cluster.since < begins_at


def _holder(tenures: Sequence[Cluster]) -> int | None:
    current = [s for s in tenures[-1].stances if s.held_by is not None] if tenures else []
    return max(current, key=lambda s: s.order).held_by if current else None


def card(stances: Sequence[Stance], token: bytes, rules: Rules) -> Finding:
    """A card number stated elsewhere: joined with the card where something agrees or staff checked it."""
    value, finding = _Value(stances, token, rules), Finding()
    clusters: list[Cluster] = []
    for stance in sorted(stances, key=lambda s: (s.since, s.order_key)):
        for cluster in clusters:
            said = value.relate(cluster.side, stance.side, both_verified=False)
            is_checked = bool(stance.verified_at or cluster.is_verified)
            if said is Relation.TOGETHER or (said is Relation.SILENT and is_checked):
                rule = RULE_AGREES if said is Relation.TOGETHER else RULE_CHECKED
                finding.bonds.append(Bond(cluster.stances[-1], stance, both_verified=is_checked, rule=rule))
                cluster.add(stance)
                break
        else:
            clusters.append(Cluster(stance.side, [stance], is_verified=stance.verified_at is not None))
    return finding


def _attach_agreeing(value: _Value, finding: Finding, clusters: list[Cluster], stance: Stance) -> None:
    """A typed number joins everybody with whom it agrees; if these disagree, the one who holds it."""
    agreeing = [c for c in clusters if value.relate(c.side, stance.side, both_verified=False) is Relation.TOGETHER]
    if _disagree(value, agreeing):
        agreeing = [c for c in agreeing if c.is_verified][-1:]
    if not agreeing:
        clusters.append(Cluster(stance.side, [stance], is_verified=False))
        return
    finding.bonds += [Bond(c.stances[-1], stance, both_verified=False, rule=RULE_AGREES) for c in agreeing]
    host = agreeing[-1]
    host.add(stance)
    for other in agreeing[:-1]:
        host.take(other)
        clusters.remove(other)


def _disagree(value: _Value, clusters: Sequence[Cluster]) -> bool:
    return any(
        value.relate(a.side, b.side, both_verified=a.is_verified and b.is_verified) in (Relation.APART, Relation.BARRED)
        for i, a in enumerate(clusters)
        for b in clusters[i + 1 :]
    )


def _attach_silent(value: _Value, finding: Finding, clusters: list[Cluster]) -> None:
    """A typed number that neither agrees nor differs joins the only one it can belong to, if nobody contests that."""
    for cluster in sorted((c for c in clusters if not c.is_verified), key=lambda c: c.stances[0].order):
        hosts = [c for c in clusters if c is not cluster and _may_host(value, c, cluster)]
        hosts = [c for c in hosts if c.is_verified] or hosts
        if len(hosts) == 1:
            bond = Bond(hosts[0].stances[-1], cluster.stances[0], both_verified=False, rule=RULE_UNCONTESTED)
            finding.bonds.append(bond)
            hosts[0].take(cluster)
            clusters.remove(cluster)


def _may_host(value: _Value, host: Cluster, guest: Cluster) -> bool:
    return (
        value.relate(host.side, guest.side, both_verified=False) is Relation.SILENT
        and nothing_missing(host.side, guest.side, is_verified=host.is_verified)
        and not value.begins_between(host, guest)
        and _overlap_in_time(host, guest)
        and not value.is_contested(host, guest)
    )


def _overlap_in_time(a: Cluster, b: Cluster) -> bool:
    """Nobody had given the number up before the other one came."""
    return not (_left_before(a, b) or _left_before(b, a))


def _left_before(a: Cluster, b: Cluster) -> bool:
    since = min(s.since for s in b.stances)
    return all(s.left_at is not None and s.left_at < since for s in a.stances)
