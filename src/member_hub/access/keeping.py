"""The policy in force, and how a changed folder takes its place while the hub serves.

Decision: whoever asks for something looks first, at most once a second, at names, sizes and times of the files; only
what has changed is read. So an idle process needs no clock, and the first request after a change meets the new policy.
A folder holds whole or not at all: it is read when nobody has written to it for a moment, and read again where it
changed meanwhile. A folder that is refused changes nothing: the last good policy stays, and readiness says why.
A request keeps the grant that it began with. organisation.toml is not taken anew: importing, merging and reach all hold
it, and half a change of who runs which store would be worse than a restart; readiness says that one is due.
Price: two files that belong together have to be changed within a moment, or by renaming the folder.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from member_hub import organisation
from member_hub.access import register
from member_hub.access.grants import Policies, folder_of
from member_hub.access.loader import MODEL, POLICY
from member_hub.organisation import PolicyError
from member_hub.settings import Settings

LOOK_S = 1.0  # a change is seen by the first request that comes so long after the last look
SETTLE_S = 0.5  # nobody has written for so long
WAIT_S = 2.0  # a request waits so long for a look; a folder that does not answer stops nobody
FILES: Final = (MODEL, register.FILE, POLICY)

_log = logging.getLogger(__name__)

Fingerprint = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand: the policy in force, why a newer one was refused, whether a restart is due."""

    policies: Policies
    refused: PolicyError | None = None
    organisation_changed: bool = False


class PolicyKeeper:
    """One per process and event loop."""

    def __init__(self, settings: Settings, *, consent_keys: Collection[str] = ()) -> None:
        """Raises PolicyError: without a policy that was good once there is no hub."""
        self._folder = folder_of(settings)
        self._organisation_file = organisation.file_of(settings)
        self._consent_keys = consent_keys
        self._seen = _fingerprint(self._folder, self._organisation_file)  # before it is read, lest a change go unseen
        self._organisation = _digest(self._organisation_file)
        self.standing = Standing(Policies.load(self._folder, consent_keys=consent_keys))
        self._looked_at = time.monotonic()
        self._looking: asyncio.Task[None] | None = None

    @property
    def policies(self) -> Policies:
        return self.standing.policies

    async def look(self) -> None:
        """Take up a changed folder, if there is one; returns when that is done, or after WAIT_S."""
        if self._looking is None:
            if time.monotonic() - self._looked_at < LOOK_S:
                return
            self._looking = asyncio.create_task(self._look())
        await asyncio.wait({self._looking}, timeout=WAIT_S)

    async def close(self) -> None:
        if self._looking is not None:
            await self._looking

    async def _look(self) -> None:
        try:
            found = await asyncio.to_thread(self._found)
        finally:
            self._looked_at = time.monotonic()
            self._looking = None
        if found is not None:
            _tell(found, before=self.standing)
            self.standing = found

    def _found(self) -> Standing | None:
        """What a changed folder makes of the standing; None: as it was, or not settled yet. Runs in a thread."""
        seen = _fingerprint(self._folder, self._organisation_file)
        if seen == self._seen or not _is_settled(seen):
            return None
        standing = self._read()
        if _fingerprint(self._folder, self._organisation_file) != seen:
            return None
        self._seen = seen
        return standing

    def _read(self) -> Standing:
        is_changed = _digest(self._organisation_file) != self._organisation
        try:
            policies = Policies.load(self._folder, consent_keys=self._consent_keys)
        except PolicyError as refused:
            return Standing(self.standing.policies, refused, is_changed)
        except Exception as error:  # noqa: BLE001 - whatever it was, the last good policy stays and readiness says why
            unread = PolicyError(self._folder.name, 0, f"cannot be read ({type(error).__name__})")
            return Standing(self.standing.policies, unread, is_changed)
        return Standing(policies, None, is_changed)


def _fingerprint(folder: Path, organisation_file: Path) -> Fingerprint:
    """Of the folder itself too: it changes when a file comes, goes or takes another's name."""
    return tuple(map(_stat, (folder, *(folder / name for name in FILES), organisation_file)))


def _stat(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_settled(seen: Fingerprint) -> bool:
    """By the time of change, which no tool sets back as it may the time of writing; one in the future counts not."""
    ages_ns = [time.time_ns() - each[-1] for each in seen if each is not None]
    return not any(0 <= age_ns < SETTLE_S * 1e9 for age_ns in ages_ns)


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None


def _tell(now: Standing, *, before: Standing) -> None:
    """Once per change of the folder."""
    if now.refused is not None:
        _log.error(
            "A changed policy was refused: %s. Version %s stays in force.",
            f"{now.refused.file}, line {now.refused.line}: {now.refused.reason}",
            now.policies.version,
        )
    elif now.policies.version != before.policies.version:
        _log.warning(
            "The policy was loaded anew: version %s, before %s.", now.policies.version, before.policies.version
        )
    if now.organisation_changed and not before.organisation_changed:
        _log.warning("organisation.toml has changed; that takes effect when the hub is started again.")
