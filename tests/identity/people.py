"""Channel accounts made for tests: only what the fact needs."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from member_hub.identity.names import name as read_name
from member_hub.identity.rules import (
    Agreements,
    Claim,
    ClaimKind,
    ClaimStatus,
    OriginFacts,
    Partition,
    Reason,
    Rules,
    partition,
)
from member_hub.ids import OriginId

START = datetime(2025, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def origin_of(key: str) -> OriginId:
    return OriginId(uuid5(NAMESPACE_OID, key))


def says(
    key: str,
    kind: ClaimKind,
    value: str,
    *,
    namespace: str = "",
    at: int = 0,
    until: int | None = None,
    verified: int | None = None,
) -> Claim:
    """`verified` is the day of the verification; `until` the day of the last statement."""
    last = at if until is None else until
    moment = None if verified is None else day(verified)
    return Claim(origin_of(key), kind, namespace, value.encode(), moment, day(at), day(last))


def account(
    key: str,
    channel: str,
    namespace: str,
    claims: Iterable[Claim],
    *,
    name: str | None = None,
    birthday: date | None = None,
    birthday_verified: bool = False,
    gender: str | None = None,
    handler: str = "brand",
    other_names: Iterable[str] = (),
) -> OriginFacts:
    held = tuple(claims)
    times = [moment for claim in held for moment in (claim.stated_from, claim.stated_to)] or [START]
    return OriginFacts(
        origin_id=origin_of(key),
        order_key=key.encode(),
        channel=channel,
        handler=handler,
        namespace=namespace,
        first_seen=min(times),
        last_seen=max(times),
        name=read_name(name),
        birthday=birthday,
        birthday_verified=birthday_verified,
        gender=gender,
        claims=held,
        other_names=tuple(known for other in other_names if (known := read_name(other)) is not None),
    )


def website(
    key: str,
    *claims: Claim,
    phone: str | None = None,
    email: str | None = None,
    at: int = 0,
    verified: int | None = None,
    email_verified: int | None = None,
    **facts: object,
) -> OriginFacts:
    """A website account; `verified` says when its phone was."""
    held = [says(key, ClaimKind.ACCOUNT, key, namespace="website", at=at, verified=at), *claims]
    if phone is not None:
        held.append(says(key, ClaimKind.PHONE, phone, at=at, verified=verified))
    if email is not None:
        held.append(says(key, ClaimKind.EMAIL, email, at=at, verified=email_verified))
    return account(key, "website", "website", held, **facts)  # type: ignore[arg-type]


def app(
    key: str,
    *claims: Claim,
    appid: str = "app1",
    phone: str | None = None,
    unionid: str | None = None,
    openid: str | None = None,
    at: int = 0,
    verified: int | None = None,
    **facts: object,
) -> OriginFacts:
    """An account in an app: it has no name."""
    held = [says(key, ClaimKind.ACCOUNT, key, namespace="app", at=at, verified=at), *claims]
    if phone is not None:
        held.append(says(key, ClaimKind.PHONE, phone, at=at, verified=verified))
    if unionid is not None:
        held.append(says(key, ClaimKind.UNIONID, unionid, namespace="wechat", at=at))
    if openid is not None:
        held.append(says(key, ClaimKind.OPENID, openid, namespace=appid, at=at))
    return account(key, "app", appid, held, **facts)  # type: ignore[arg-type]


def card(key: str, *claims: Claim, phone: str | None = None, at: int = 0, **facts: object) -> OriginFacts:
    """A store card; its phone is typed by staff."""
    held = [says(key, ClaimKind.CARD, key, namespace="brand", at=at, verified=at), *claims]
    if phone is not None:
        held.append(says(key, ClaimKind.PHONE, phone, at=at))
    return account(key, "store", "brand", held, **facts)  # type: ignore[arg-type]


class Outcome:
    """A partition in the words of the test: keys instead of ids."""

    def __init__(self, accounts: Iterable[OriginFacts], agreed: Partition) -> None:
        self._keys = {facts.origin_id: facts.order_key.decode() for facts in accounts}
        self.agreed = agreed

    @property
    def sets(self) -> set[str]:
        """Each set as its sorted keys joined by a space."""
        return {" ".join(sorted(self._keys[origin] for origin in members)) for members in self.agreed.sets}

    def holder(self, kind: ClaimKind, value: str, namespace: str = "") -> str | None:
        origin = self.agreed.holders.get((kind, namespace, value.encode()))
        return None if origin is None else self._keys[origin]

    def status(self, key: str, kind: ClaimKind, value: str, namespace: str = "") -> ClaimStatus:
        return self.agreed.statuses[origin_of(key), kind, namespace, value.encode()]

    @property
    def candidates(self) -> dict[str, Reason]:
        return {f"{self._keys[c.a]} {self._keys[c.b]}": c.reason for c in self.agreed.candidates}


def resolve(
    *accounts: OriginFacts,
    rules: Rules | None = None,
    apart: Iterable[tuple[str, str]] = (),
    agreements: Agreements = frozenset(),
) -> Outcome:
    """Partition the accounts; `apart` are pairs of keys that must never be merged."""
    never = frozenset(frozenset((origin_of(a), origin_of(b))) for a, b in apart)
    return Outcome(accounts, partition(accounts, rules or Rules(), never_merge=never, agreements=agreements))
