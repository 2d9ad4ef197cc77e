"""The keys of one issuer as this process knows them: fetched, kept, fetched again, and used on through an outage.

Decision: whoever finds the keys too old, or a kid unknown, fetches, and all who come meanwhile wait for that one fetch;
after a fetch begins none other does for COOL_DOWN. So a flood of unknown kids costs the issuer one request per
cool-down, and a key taken away is gone `keys_kept` later. Price: a key that is new within the cool-down waits for its
end (publish a key before signing with it), and whoever is there when an outage begins waits for one time-out; those who
come later use what is known, while the next attempt runs beside them.
An unknown kid is 401 where the issuer has just said what its keys are, and 503 where it could not be asked.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from member_hub.access.fetching import NotFetched, fetch_keys
from member_hub.access.issuers import Issuer
from member_hub.access.jwks import SigningKey
from member_hub.access.refusals import KeysUnavailable, Unauthenticated

COOL_DOWN = timedelta(seconds=30)

_log = logging.getLogger(__name__)

Fetch = Callable[[Issuer], Awaitable[Mapping[str, SigningKey]]]


class KeyState(StrEnum):
    NOT_ASKED = "not asked yet"
    CURRENT = "current"
    EMPTY = "the issuer answers, and has no key that could be used"
    KEPT = "known keys are used on: the issuer does not answer"
    NONE = "none: the issuer does not answer"


@dataclass(frozen=True, slots=True)
class _Known:
    keys: Mapping[str, SigningKey]
    at: datetime


class IssuerKeys:
    """One per issuer and process."""

    def __init__(self, issuer: Issuer, fetch: Fetch = fetch_keys) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._known: _Known | None = None
        self._tried_at: datetime | None = None
        self._failed = False
        self._refreshing: asyncio.Task[None] | None = None

    async def key(self, kid: str, now: datetime) -> SigningKey:
        """Raises Unauthenticated for a kid that the issuer does not have, KeysUnavailable where nobody can tell."""
        if not self._is_fresh(now) or kid not in self._usable(now):
            refreshing = self._begin(now)
            if refreshing is not None and not (self._failed and kid in self._usable(now)):
                await asyncio.shield(refreshing)  # the one who began it may leave; the others still wait for it
        found = self._usable(now).get(kid)
        if found is not None:
            return found
        if self._failed or not self._is_fresh(now):
            raise KeysUnavailable
        raise Unauthenticated

    def state(self, now: datetime) -> KeyState:
        if self._tried_at is None:
            return KeyState.NOT_ASKED
        if self._known is None or not self._is_usable(now):
            return KeyState.NONE
        if self._failed:
            return KeyState.KEPT
        return KeyState.CURRENT if self._known.keys else KeyState.EMPTY

    def _usable(self, now: datetime) -> Mapping[str, SigningKey]:
        return self._known.keys if self._known is not None and self._is_usable(now) else {}

    def _is_usable(self, now: datetime) -> bool:
        """Fresh, or, in an outage, within the grace."""
        return self._is_fresh(now) or self._is_within(self._issuer.keys_grace, now)

    def _is_fresh(self, now: datetime) -> bool:
        return self._is_within(self._issuer.keys_kept, now)

    def _is_within(self, term: timedelta, now: datetime) -> bool:
        """A clock that was set back makes nothing last longer."""
        return self._known is not None and timedelta() <= now - self._known.at < term

    def _begin(self, now: datetime) -> asyncio.Task[None] | None:
        """The fetch that is under way, begun now if it may be; None within the cool-down."""
        if self._refreshing is None:
            if self._tried_at is not None and timedelta() <= now - self._tried_at < COOL_DOWN:
                return None
            self._tried_at = now
            self._refreshing = asyncio.create_task(self._ask(now))
        return self._refreshing

    async def _ask(self, now: datetime) -> None:
        try:
            self._known = _Known(await self._fetch(self._issuer), now)
            self._failed = False
        except NotFetched as error:
            self._failed = True
            _log.warning("The keys of the issuer %s could not be fetched: %s.", self._issuer.name, error)
        finally:
            self._refreshing = None
