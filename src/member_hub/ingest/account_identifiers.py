"""The identifiers that an account row states, each with its namespace and the time when it was verified."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.normalise import Verdict
from member_hub.identity.statements import StatedIdentifier
from member_hub.ingest.cells import Cell, Fields, cell_of
from member_hub.ingest.mapping import Mapping
from member_hub.ingest.values import boolean, is_blank, moments
from member_hub.members.tables import Channel
from member_hub.organisation import Organisation

Verification = tuple[datetime | None, bool]  # when, and whether that is the moment itself
Verified = Callable[[Fields, datetime, list[str]], Verification]

_OPAQUE: Final = {
    "unionid": ClaimKind.UNIONID,
    "openid": ClaimKind.OPENID,
    "card": ClaimKind.CARD,
    "device": ClaimKind.DEVICE,
}
_CONTACTS: Final = {"phone": ClaimKind.PHONE, "email": ClaimKind.EMAIL}


@dataclass(frozen=True, slots=True)
class _Word:
    word: str
    kind: ClaimKind
    namespace: str | None  # None: that of the account
    cell: Cell
    verified: Verified


class Identifiers:
    """Compiled once per file."""

    def __init__(self, mapping: Mapping, channel: Channel, organisation: Organisation, *, now: datetime) -> None:
        self._account = cell_of(mapping, "account")
        self._account_kind = mapping.account_kind
        namespaces = _namespaces(channel, organisation)
        self._words = [
            _Word(word, kind, namespaces.get(kind), cell_of(mapping, word), _vouched(kind))
            for word, kind in _OPAQUE.items()
            if _is_given(mapping, word)
        ] + [
            _Word(word, kind, "", cell_of(mapping, word), _verification(mapping, word, now))
            for word, kind in _CONTACTS.items()
            if _is_given(mapping, word)
        ]

    def of(self, fields: Fields, account: StatedIdentifier, dropped: list[str]) -> tuple[StatedIdentifier, ...]:
        """The account's own number first, then whatever else is usable; the rest is noted in `dropped`."""
        assert account.verified_at is not None
        found = [account]
        for each in self._words:
            read = normalise.identifier(each.kind, each.cell(fields))
            if read.value is not None:
                namespace = account.namespace if each.namespace is None else each.namespace
                verified_at, is_dated = each.verified(fields, account.verified_at, dropped)
                found.append(StatedIdentifier(each.kind, namespace, read.value, verified_at, is_dated=is_dated))
            elif read.verdict is not Verdict.EMPTY:
                dropped.append(f"{each.word}_{read.verdict}")
        return tuple(found)

    def hints(self, fields: Fields, namespaces: Sequence[str]) -> tuple[StatedIdentifier, ...]:
        """Every identifier in a refused row that could be found by, for each namespace that may be meant."""
        cells: list[tuple[ClaimKind, str | None, object]] = [(self._account_kind, None, self._account(fields))]
        cells += [(each.kind, each.namespace, each.cell(fields)) for each in self._words]
        return tuple(
            StatedIdentifier(kind, namespace, value)
            for kind, fixed, cell in cells
            if (value := normalise.identifier(kind, cell).value) is not None
            for namespace in (namespaces if fixed is None else (fixed,))
        )


def _is_given(mapping: Mapping, word: str) -> bool:
    return word in mapping.columns or word in mapping.constants


def _namespaces(channel: Channel, organisation: Organisation) -> dict[ClaimKind, str]:
    """Where an identifier is unique if not in the account's own namespace, as an openid is in its appid."""
    found = {ClaimKind.DEVICE: str(channel), ClaimKind.CARD: organisation.channels[Channel.STORE].namespaces[0]}
    platform = organisation.channels[Channel.APP].open_platform
    return found | ({ClaimKind.UNIONID: platform} if platform else {})


def _vouched(kind: ClaimKind) -> Verified:
    """What the source itself vouches for counts as verified when it says so; a device says nothing about a person."""
    if kind is ClaimKind.DEVICE:
        return lambda _fields, _stated_at, _dropped: (None, True)
    return lambda _fields, stated_at, _dropped: (stated_at, True)


def _verification(mapping: Mapping, word: str, now: datetime) -> Verified:
    """By the time of the code or click; or by a yes, which was true at the latest when a row first said so.

    A number is given out again after 90 days: a yes that every export repeats must not begin them anew.
    """
    at, yes = cell_of(mapping, f"{word}_verified_at"), cell_of(mapping, f"{word}_verified")
    moment = moments(mapping.formats.get(f"{word}_verified_at"), mapping.zone, now=now)

    def verified(fields: Fields, stated_at: datetime, dropped: list[str]) -> Verification:
        said = at(fields)
        if is_blank(said):
            return (stated_at, False) if boolean(yes(fields)) else (None, True)
        found = moment(said)
        if found is None:
            dropped.append(f"{word}_verified_at_invalid")
        return found, True

    return verified
